import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { summarise } from '../../analysis/summary.ts'
import { chooseWindow, runWindow } from '../../analysis/window.ts'
import {
  type Fixture,
  GPU,
  GPU2,
  power,
  readings,
  request,
  ring,
  runOf,
  s,
} from '../support/run-fixture.ts'

const sensors = [
  ring(GPU, { sensor_id: 'ring' }),
  ring(GPU, {
    sensor_id: 'poll',
    source: 'nvml_power_average',
    averaging_ms: 1000,
    period_ms: 100,
  }),
]
const ringed = (to: number, from = -1) =>
  power({ sensor_id: 'ring', from, to, every: 0.02, watts: () => 400 })
const polled = (from: number, to: number) =>
  power({ sensor_id: 'poll', from, to, every: 0.1, watts: () => 400 })

/** A run killed at 60 s whose last request ended at 55 s. */
const killed = (more: Fixture = {}, window = 'run') =>
  runOf({
    sensors,
    phases: { measure: [0, 60] },
    experiment: { model: 'm', phases: { window }, load: { concurrency: 1 } },
    requests: [request('a', 1, 2, 20, 19), request('b', 20, 21, 55, 35)],
    outcome: 'interrupted',
    ...more,
  })

describe('the window of an interrupted run', () => {
  test('ends at the last reading of power before its last token, and so has joules', () => {
    const run = killed({ samples: ringed(50) })
    expect(chooseWindow(run).window).toEqual({ start_ns: s(1), end_ns: s(50), rule: 'run' })
    expect(runWindow(run)?.end_ns).toBe(s(50))
    const { metrics } = summarise(run)
    // 400 W from 1 to 50 s
    expect(metrics['energy_compute_j']?.value).toBeCloseTo(400 * 49, 6)
    expect(metrics['energy_compute_j@run']?.value).toBeCloseTo(400 * 49, 6)
    // 19 tokens of the first, and one a second from 21 to 50 s of the second
    expect(metrics['output_tokens']?.value).toBe(19 + 30)
  })

  test('ends at its last token where power was read on', () => {
    expect(chooseWindow(killed({ samples: ringed(58) })).window?.end_ns).toBe(s(55))
  })

  test('is cut by rule phase too', () => {
    expect(chooseWindow(killed({ samples: ringed(50) }, 'phase')).window).toEqual({
      ...{ start_ns: 0, end_ns: s(50), rule: 'phase' },
    })
  })

  test('ends where the first of several devices is no longer covered', () => {
    const devices = [GPU, GPU2].map((device_id) => ({ device_id, kind: 'gpu' as const }))
    const other = power({ device_id: GPU2, from: -1, to: 40, every: 0.1, watts: () => 100 })
    const run = killed({ devices, samples: [...ringed(50), ...other] })
    expect(chooseWindow(run).window?.end_ns).toBe(s(40))
    // 400 and 100 W from 1 to 40 s
    expect(summarise(run).metrics['energy_compute_j']?.value).toBeCloseTo(500 * 39, 6)
    // A device that the engine does not use ends nothing
    const one = killed({
      ...{ devices, samples: [...ringed(50), ...other] },
      processes: [{ process_id: 'p1', device_ids: [GPU] }],
    })
    expect(chooseWindow(one).window?.end_ns).toBe(s(50))
  })

  test('follows a source that took over, shifted back by half of what it averages', () => {
    const run = killed({ samples: [...ringed(30), ...polled(30.5, 50)] })
    expect(chooseWindow(run).window?.end_ns).toBe(s(49.5))
    expect(summarise(run).metrics['energy_compute_j']?.value).toBeCloseTo(400 * 48.5, 6)
  })

  test('is not cut by a counter that is read at the edges of phases alone', () => {
    const edges = readings('gpu_energy_mj', GPU, [
      [-0.5, 1],
      [0, 200e3],
    ])
    expect(chooseWindow(killed({ samples: [...ringed(50), ...edges] })).window?.end_ns).toBe(s(50))
    // Where there is no other, its last reading is the end of what is known
    const counted = readings('gpu_energy_mj', GPU, [
      [0, 0],
      [1, 400e3],
      [41, 16_400e3],
    ])
    expect(summarise(killed({ samples: counted })).metrics['energy_compute_j']).toMatchObject({
      value: expect.closeTo(400 * 40, 6),
    })
  })

  test('stays where none of it is covered, and without any source', () => {
    for (const samples of [[], ringed(0.5)])
      expect(chooseWindow(killed({ samples })).window?.end_ns).toBe(s(55))
  })

  test('of a run that was not interrupted is never cut', () => {
    for (const outcome of ['completed', 'failed', null] as const)
      expect(chooseWindow(killed({ outcome, samples: ringed(50) })).window?.end_ns).toBe(s(55))
  })

  test('has joules whenever power was read within it, wherever the agent died', () => {
    const end = fc.integer({ min: 2, max: 60 })
    const rule = fc.constantFrom('run', 'phase', 'auto')
    fc.assert(
      fc.property(end, rule, (to, window) => {
        const found = summarise(killed({ samples: ringed(to) }, window))
        expect(found.metrics['energy_compute_j']?.reason).toBe(null)
        const seconds = found.window?.duration_s ?? Number.NaN
        expect(found.metrics['energy_compute_j']?.value).toBeCloseTo(400 * seconds, 6)
      }),
      { numRuns: 40 },
    )
  })
})
