import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { besideOf } from '../../../analysis/energy/beside.ts'
import { type Beside, type BesideEvent, besideSchema } from '../../../analysis/schema/beside.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, power, readings, ring, runOf, s } from '../../support/run-fixture.ts'

const RING = ring(GPU)
/** 100 W idle, 400 W within phase measure (10 s to 70 s): 24 000 J. */
const fixture = (told: Partial<BesideEvent>, more: Fixture = {}): Fixture => ({
  phases: { idle: [0, 10], measure: [10, 70] },
  sensors: [RING],
  samples: power({
    sensor_id: RING.sensor_id,
    from: -1,
    to: 75,
    every: 0.02,
    watts: (t) => (t > 10.0001 && t < 70.0001 ? 400 : 100),
  }),
  events: [
    {
      t_ns: s(70.5),
      code: 'beside',
      detail: JSON.stringify({
        tool: 'zeus',
        version: '0.16.0',
        window: 'measure',
        begin_t_ns: [s(9.9), s(9.92)],
        end_t_ns: [s(70.02), s(70.06)],
        seconds: 60.13,
        parts: [{ component: 'gpu', index: 0, device_id: GPU, energy_j: 24_010, how: 'measured' }],
        notes: [],
        ...told,
      }),
    },
  ],
  ...more,
})
const beside = (told: Partial<BesideEvent> = {}, more: Fixture = {}): Beside => {
  const [one] = besideOf(runOf(fixture(told, more)))
  return besideSchema.parse(one)
}
const gpu = (b: Beside) => b.compared.find((c) => c.component === 'gpu')
const why = (b: Beside, reason: string) => gpu(b)?.why.find((w) => w.reason === reason)

describe('a figure of another tool', () => {
  test('stands beside ours of the same devices and window, with its difference', () => {
    const found = beside()
    expect(found).toMatchObject({ tool: 'zeus', version: '0.16.0', ours_s: 60, total_j: 24_010 })
    expect(gpu(found)).toMatchObject({ device_ids: [GPU], theirs_j: 24_010, how: 'measured' })
    expect(gpu(found)?.ours_j).toBeCloseTo(24_000, 3)
    expect(gpu(found)?.ours_source).toBe('nvml_power_ring')
    // 10 J of 24 000 J
    expect(gpu(found)?.difference_pct).toBeCloseTo(0.041667, 4)
    expect(summarise(runOf(fixture({}))).beside).toHaveLength(1)
  })

  test('differs by the watts between its edges and ours', () => {
    const shift = why(beside(), 'window')
    // shortest: 80 ms before and 20 ms after at 100 W; longest: 100 ms before and 60 ms after
    expect(shift?.low_j).toBeCloseTo(8 + 2, 3)
    expect(shift?.high_j).toBeCloseTo(10 + 6, 3)
    expect(shift?.words).toBe('It began 90 ms before ours and ended 40 ms after it.')
  })

  test('differs by one step of its counter at either edge', () => {
    const refresh = why(beside(), 'counter_refresh')
    // 100 W x 0.1 s before its begin; before its last end (70.06 s) 0.04 s at 400 W and 0.06 s at 100 W
    expect(refresh?.high_j).toBeCloseTo(10, 3)
    expect(refresh?.low_j).toBeCloseTo(-22, 3)
  })

  test('is explained where the sum of all reasons holds it, and else says how much is left', () => {
    expect(gpu(beside())?.unexplained_j).toBe(0)
    const parts = (energy_j: number) => [
      { component: 'gpu' as const, device_id: GPU, energy_j, how: 'measured' as const },
    ]
    const of = (energy_j: number) => gpu(beside({ parts: parts(energy_j) }))?.unexplained_j
    const high = (gpu(beside())?.why ?? []).reduce((sum, w) => sum + (w.high_j ?? 0), 0)
    const low = (gpu(beside())?.why ?? []).reduce((sum, w) => sum + (w.low_j ?? 0), 0)
    expect(of(24_000 + high + 500)).toBeCloseTo(500, 3)
    expect(of(24_000 + low - 500)).toBeCloseTo(-500, 3)
  })

  test('holds its PUE, and may lack its last reading where it is CodeCarbon', () => {
    const found = beside({
      tool: 'codecarbon',
      pue: 1.2,
      parts: [{ component: 'gpu', energy_j: 28_800, how: 'measured' }],
    })
    // 28 800 - 28 800 / 1.2
    expect(why(found, 'pue')).toMatchObject({ low_j: expect.closeTo(4800, 6) })
    expect(why(found, 'last_reading')).toMatchObject({ low_j: expect.closeTo(-20, 3), high_j: 0 })
    expect(gpu(found)?.unexplained_j).toBe(0)
    // It names no device: the GPUs in use.
    expect(gpu(found)?.device_ids).toEqual([GPU])
  })

  test('reads a counter: what ours would be by that is told', () => {
    const counter = {
      sensor_id: 'c',
      device_id: GPU,
      metric: 'gpu_energy_mj',
      source: 'nvml_energy',
      scope: 'gpu',
      period_ms: 100,
    }
    const found = beside(
      {},
      {
        sensors: [RING, counter],
        samples: [
          ...(fixture({}).samples ?? []),
          ...readings('gpu_energy_mj', GPU, [
            [10, 5e6],
            [70, 28.76e6],
          ]).map((r) => ({ ...r, sensor_id: 'c' })),
        ],
      },
    )
    const source = why(found, 'source')
    // 23 760 J by the counter, 24 000 J by the ring
    expect(((source?.low_j ?? 0) + (source?.high_j ?? 0)) / 2).toBeCloseTo(-240, 1)
    expect(source?.words).toContain('nvml_energy')
  })

  test('knows no calibration', () => {
    const calibration = {
      device_id: GPU,
      driver_version: null,
      source: 'nvml_power_ring',
      gain: 1.04,
      gain_u: 0.005,
      offset_w: -3,
      offset_u_w: 1,
      measured_at: '2026-06-01T12:00:00.000Z',
      meter: 'plug',
    }
    const found = beside({}, { environment: { calibrations: [calibration] } })
    // Ours is 1.04 x 24 000 - 180 = 24 780 J
    expect(gpu(found)?.ours_j).toBeCloseTo(24_780, 3)
    expect(why(found, 'calibration')?.low_j).toBeCloseTo(-780, 3)
    expect(gpu(found)?.unexplained_j).toBe(0)
  })

  test('of a modelled or unmeasured part is not taken apart', () => {
    const found = beside({
      parts: [
        { component: 'gpu', energy_j: 0, how: 'measured' },
        { component: 'cpu', energy_j: 300, how: 'modelled' },
        { component: 'dram', energy_j: 1200, how: 'modelled' },
      ],
    })
    expect(gpu(found)).toMatchObject({ theirs_j: 0, difference_pct: null, unexplained_j: null })
    expect(why(found, 'not_told')?.words).toContain('0 J')
    expect(found.compared.find((c) => c.component === 'cpu')?.why[0]?.reason).toBe(
      'not_measured_here',
    )
    expect(found.total_j).toBe(1500)
  })

  test('that is missing for the GPUs in use is said to be', () => {
    const found = beside({ parts: [{ component: 'cpu', energy_j: 300, how: 'measured' }] })
    expect(gpu(found)).toMatchObject({ theirs_j: null, ours_j: expect.closeTo(24_000, 3) })
    expect(why(found, 'not_told')?.words).toBe('It tells nothing of this.')
  })

  test('of a window that a program marked is compared with ours of that window', () => {
    const run = fixture({
      window: 'window:3',
      begin_t_ns: [s(20), s(20)],
      end_t_ns: [s(30), s(30)],
    })
    const mark = (at: number, code: string, more: object) => ({
      t_ns: s(at),
      code,
      detail: JSON.stringify({ id: 3, ...more }),
    })
    const [found] = besideOf(
      runOf({
        ...run,
        events: [
          mark(20, 'window_begin', { name: 'prefill' }),
          mark(30, 'window_end', {}),
          ...(run.events ?? []),
        ],
      }),
    )
    expect(found?.ours_s).toBe(10)
    expect(found?.compared[0]?.ours_j).toBeCloseTo(4000, 3)
  })

  test('that failed says why, and a window that is not there too', () => {
    expect(beside({ failure: 'Zeus is not installed for python3.', parts: [] })).toMatchObject({
      failure: 'Zeus is not installed for python3.',
      compared: [],
      total_j: null,
    })
    expect(beside({ window: 'window:9' }).failure).toContain('holds no window window:9')
  })

  test('never makes a summary fail, whatever an event says', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (detail) => {
        const run = runOf(
          fixture({}, { events: [{ t_ns: 1, code: 'beside', detail: JSON.stringify(detail) }] }),
        )
        expect(besideOf(run)).toBeInstanceOf(Array)
      }),
      { numRuns: 30 },
    )
  })
})
