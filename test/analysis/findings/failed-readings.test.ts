import { describe, expect, test } from 'vitest'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, power, runOf, s } from '../../support/run-fixture.ts'

const flat = (watts: (t: number) => number = () => 400): SampleRow[] =>
  power({ from: -1, to: 61, every: 0.1, watts })
const gauge = (metric: string, value: (t: number) => number, device_id = GPU): SampleRow[] =>
  power({ device_id, metric, from: -1, to: 61, every: 0.5, watts: (t) => value(t) / 1000 })

const findings = (more: Fixture = {}, extra: readonly SampleRow[] = []) =>
  summarise(runOf({ ...more, samples: [...(more.samples ?? flat()), ...extra] })).findings
const severityOf = (code: string, more: Fixture = {}, extra: readonly SampleRow[] = []) =>
  findings(more, extra).find((f) => f.code === code)?.severity ?? null

describe('readings that failed within the window', () => {
  const failing = (metric: string, from: number, to: number, reason: string): SampleRow[] =>
    gauge(metric, () => 50).map((row) =>
      row.t_ns > s(from) && row.t_ns < s(to) ? { ...row, value: null, reason } : row,
    )

  test('are told, with how many and why', () => {
    const found = findings({}, failing('gpu_temperature_c', 30, 32, 'implausible')).find(
      (f) => f.code === 'readings_failed',
    )
    // At 30.5, 31 and 31.5 s, of 121 readings from 0 to 60 s
    expect(found).toMatchObject({
      severity: 'info',
      evidence: {
        failed: [{ metric: 'gpu_temperature_c', reason: 'implausible', failed: 3, of: 121 }],
      },
    })
    expect(found?.message).toContain('3 of 121 of gpu_temperature_c')
  })
  test('are a caution where the device was lost: nothing tells what it drew meanwhile', () => {
    const samples = flat().map((row) =>
      row.t_ns > s(30) && row.t_ns < s(31) ? { ...row, value: null, reason: 'lost' } : row,
    )
    expect(severityOf('readings_failed', { samples })).toBe('caution')
  })
  test('are told of a source that was refused, and of a meter that did not answer, with the remedy', () => {
    const missing = (source: string, reason: string) => ({ source, reason, fix: `Mend ${source}.` })
    const environment = {
      missing_sensors: [
        missing('rapl', 'permission_denied'),
        missing('plug', 'implausible'),
        missing('ipmi', 'no_device'),
        missing('amdsmi', 'no_driver'),
      ],
    }
    const told = findings({ environment }).filter((f) => f.code === 'readings_failed')
    expect(told.map((f) => [f.severity, f.message])).toEqual([
      ['info', 'Mend rapl.'],
      ['info', 'Mend plug.'],
    ])
  })
  test('are named by no word that every object has', () => {
    const samples = flat().map((row) => ({ ...row, value: null, reason: 'constructor' }))
    const environment = { missing_sensors: [{ source: 'rapl', reason: 'constructor' }] }
    expect(summarise(runOf({ samples, environment })).metrics['energy_gpu_j']?.reason).toBe(
      'not_recorded',
    )
  })
  test('are none outside of the window, nor of what never answers', () => {
    const before = failing('gpu_temperature_c', -1, 0, 'lost')
    expect(severityOf('readings_failed', {}, before)).toBe(null)
    const never = failing('gpu_memory_temperature_c', -9, 99, 'unsupported')
    expect(severityOf('readings_failed', {}, never)).toBe(null)
  })
})
