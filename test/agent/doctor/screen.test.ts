import { describe, expect, test } from 'vitest'
import { doctorScreen, metricName } from '../../../agent/doctor/screen.ts'
import type { Doctor, DoctorMissing } from '../../../analysis/schema/doctor.ts'
import { METRICS } from '../../../analysis/schema/metric.ts'

describe('the first column', () => {
  test('holds the name of each metric uncut, 21 letters at most', () => {
    const names = Object.keys(METRICS).map(metricName)
    expect(names.filter((name) => name.length > 21)).toEqual([])
  })
  test('names unlike quantities unlike', () => {
    const named = new Map<string, string>()
    for (const metric of Object.keys(METRICS)) {
      // The same quantity in other units has the same name.
      const quantity = metric.replace(/_[a-z]+$/, '')
      expect(named.get(metricName(metric)) ?? quantity).toBe(quantity)
      named.set(metricName(metric), quantity)
    }
  })
})

describe('what is missing', () => {
  const host: Doctor = {
    ...{ agent_version: '1', taken_at: '2026-01-01T00:00:00Z' },
    host: {
      ...{ hostname: 'h', os: 'o', arch: 'a', cpu_model: 'c', cpu_cores: 1, memory_bytes: null },
      ...{ node_version: '20', container: false, cpu_limit_cores: null },
    },
    clock: { monotonic_step_ns: 1, wall_error_ns: 1, wall_drift_ns: 1, seconds: 1 },
    spool: { dir: 'd', writable: true, free_bytes: null, fix: null },
    ...{ devices: [], missing: [], verdict: { trusted: false, sentence: 'v' } },
  }
  const of = (source: string, reason: DoctorMissing['reason'], fix: string): DoctorMissing => ({
    ...{ source, device_id: 'GPU-1', reason, fix },
  })
  const shown = (missing: DoctorMissing[]): string => {
    const device: Doctor['devices'][number] = {
      ...{ device_id: 'GPU-1', kind: 'gpu', model: 'm', index: 0, driver: null, rated_w: null },
      ...{ sources: [], missing, settings: [], throttled_by: null, processes: null },
      locked_by_pid: null,
    }
    return doctorScreen({ ...host, devices: [device] }, false)
  }

  test('of one device for one reason, with one remedy, is told once by all names', () => {
    const newer = (source: string) =>
      of(source, 'unsupported', `${source} of GPU-1 (NVIDIA X): not offered. A newer driver may.`)
    const text = shown([
      newer('nvml_power_ring'),
      of('gpu_sm_clock_mhz', 'permission_denied', 'gpu_sm_clock_mhz of GPU-1 (X) is refused. Ask.'),
      newer('nvml_energy'),
      newer('gpu_memory_temperature_c'),
    ])
    expect(text).toContain(`
  nvml_power_ring, nvml_energy, gpu_memory_temperature_c: the device or engine
  does not offer it
    A newer driver may.
  gpu_sm_clock_mhz: the system refused the reading to this user
    Ask.
`)
  })

  test('speaks of no run, since there is none', () => {
    const text = shown([of('nvml', 'not_recorded', 'Look.'), of('x', 'no_device', 'Put one in.')])
    expect(text).toContain('nvml: it gave no reading')
    expect(text).toContain('x: there is no such device')
    expect(text).not.toContain('the run')
  })
})
