import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { startBurners } from '../../../agent/calibrate/burners.ts'
import { createDuty } from '../../../agent/calibrate/duty.ts'
import { levelsOf, settleSeconds } from '../../../agent/calibrate/plan.ts'
import { calibrationsHere } from '../../../agent/calibrate/store.ts'
import { calibrationTarget } from '../../../agent/calibrate/target.ts'
import { readTyped, typedReadings } from '../../../agent/calibrate/typed.ts'
import type { Device } from '../../../analysis/schema/device.ts'
import type { SensorRow } from '../../../analysis/schema/sensor.ts'

describe('the steps of a calibration', () => {
  it('are idle first and last, and every level once, high and low by turns', () => {
    expect(levelsOf(4)).toEqual([0, 1, 0.25, 0.75, 0.5, 0])
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (n) => {
        const levels = levelsOf(n)
        expect([...levels].sort((a, b) => a - b).slice(2)).toEqual(
          Array.from({ length: n }, (_, i) => (i + 1) / n),
        )
        expect([levels[0], levels.at(-1)]).toEqual([0, 0])
      }),
    )
  })

  it('wait as long as the meter may be late', () => {
    const plan = {
      ...{ device: null, meter: 'ipmi', sees: 'node' as const, steps: 5, step_s: 20, load: null },
    }
    expect(settleSeconds({ ...plan, settle_s: null }, 15)).toBe(30)
    expect(settleSeconds({ ...plan, settle_s: null }, 1)).toBe(5)
    expect(settleSeconds({ ...plan, settle_s: 2 }, 15)).toBe(2)
  })
})

describe('work for a share of the time', () => {
  it('rests at 0, works at 1 without a pause, and ends at once', async () => {
    const worked: number[] = []
    const duty = createDuty(
      async (seconds) => {
        worked.push(seconds)
        await new Promise((done) => setTimeout(done, 2))
      },
      () => 0.5,
    )
    await new Promise((done) => setTimeout(done, 10))
    expect(worked).toEqual([])
    duty.set(0.5)
    await new Promise((done) => setTimeout(done, 20))
    // Turns are between 0.3 and 0.7 s: half of 0.5 s, then rest
    expect(worked).toEqual([0.25])
    duty.set(1)
    await new Promise((done) => setTimeout(done, 50))
    expect(worked.length).toBeGreaterThan(2)
    expect(worked.at(-1)).toBe(0.5)
    await duty.stop()
    const ended = worked.length
    await new Promise((done) => setTimeout(done, 10))
    expect(worked.length).toBe(ended)
  })

  it('tells that the work has failed', async () => {
    const duty = createDuty(
      () => Promise.reject(new Error('broken')),
      () => 0,
    )
    duty.set(1)
    expect((await duty.failed).message).toBe('broken')
    await duty.stop()
  })
})

describe('threads that burn', () => {
  it('use processor time only while they shall', async () => {
    const burners = startBurners(1)
    const spent = async () => {
      const before = process.cpuUsage()
      await new Promise((done) => setTimeout(done, 120))
      return process.cpuUsage(before).user / 1e6
    }
    await spent() // they start
    burners.burn(true)
    expect(await spent()).toBeGreaterThan(0.02)
    await burners.stop()
  })
})

describe('typed readings', () => {
  it.each([
    ['412.5', { typed_w: 412.5, typed_step_w: 0.1 }],
    [' 412 W ', { typed_w: 412, typed_step_w: 1 }],
    ['412,50', { typed_w: 412.5, typed_step_w: 0.01 }],
    ['0.412 kW', { typed_w: 412, typed_step_w: 1 }],
    ['0', null],
    ['-4', null],
    ['4 A', null],
    ['', null],
  ])('%j', (line, read) => {
    const found = readTyped(line)
    expect(found === null ? null : found.typed_w).toBe(read === null ? null : read.typed_w)
    if (read !== null) expect(found?.typed_step_w).toBeCloseTo(read.typed_step_w, 12)
  })

  it('say when the input ends too early', async () => {
    const input = new PassThrough()
    const typed = typedReadings(input, () => {})
    input.end('100\n')
    const { signal } = new AbortController()
    expect(await typed.next('?', signal)).toEqual({ typed_w: 100, typed_step_w: 1 })
    await expect(typed.next('?', signal)).rejects.toThrow('ended before every step')
  })
})

describe('the device that is calibrated', () => {
  const gpu = (device_id: string): Device => ({ device_id, kind: 'gpu' })
  const cpu: Device = { device_id: 'cpu_package:0', kind: 'cpu_package' }
  const power = (device_id: string, source = 'nvml_power_ring', metric = 'gpu_power_mw') =>
    ({ sensor_id: `${device_id}:s`, device_id, metric, source }) as SensorRow
  it('is the first GPU that is measured, else the processor, or the one asked for', () => {
    const sensors = [power('GPU-B'), power('cpu_package:0', 'rapl', 'cpu_energy_uj')]
    const devices = [gpu('GPU-A'), gpu('GPU-B'), cpu]
    expect(calibrationTarget(null, devices, sensors).device_id).toBe('GPU-B')
    expect(calibrationTarget('cpu', devices, sensors).device_id).toBe('cpu_package:0')
    expect(calibrationTarget(null, [cpu], sensors).device_id).toBe('cpu_package:0')
    expect(() => calibrationTarget('GPU-A', devices, sensors)).toThrow(
      'here is GPU-B, cpu_package:0',
    )
    const estimate = [power('cpu_package:0', 'cpu_estimate', 'cpu_power_mw')]
    expect(() => calibrationTarget(null, [cpu], estimate)).toThrow('no GPU or processor')
  })
})

describe('stored calibrations', () => {
  const one = {
    ...{
      device_id: 'GPU-A',
      driver_version: '1',
      source: 'nvml_power_ring',
      gain: 1,
      gain_u: 0.01,
    },
    ...{ offset_w: 0, offset_u_w: 1, covariance: 0, meter: 'plug' },
    measured_at: '2026-06-01T12:00:00.000Z',
  }
  const of = (all: readonly (typeof one)[], driver: string) =>
    calibrationsHere(all, [{ device_id: 'GPU-A', kind: 'gpu' }], {
      nvml: { driver_version: driver },
    })
  it('go into the runs of their device, and tell where the driver is another', () => {
    expect(of([one], '1')).toEqual({ calibrations: [one], notes: [] })
    expect(of([{ ...one, device_id: 'GPU-B' }], '1')).toEqual({ calibrations: [], notes: [] })
    expect(of([one], '2').notes[0]).toContain('was made under driver 1, and this is 2')
    // A processor's id is the same on every host that shares this home; a GPU's is its own.
    const cpu = { ...one, driver_version: null, device_id: 'cpu_package:0', hostname: 'a' }
    const at = (host: string) =>
      calibrationsHere(
        [cpu, { ...one, hostname: 'a' }],
        [
          { device_id: 'cpu_package:0', kind: 'cpu_package' },
          { device_id: 'GPU-A', kind: 'gpu' },
        ],
        { nvml: { driver_version: '1' } },
        host,
      ).calibrations.map((c) => c.device_id)
    expect(at('a')).toEqual(['cpu_package:0', 'GPU-A'])
    expect(at('b')).toEqual(['GPU-A'])
    // One of this driver stands in its place.
    expect(of([one, { ...one, driver_version: '2' }], '2').notes).toEqual([])
  })
})
