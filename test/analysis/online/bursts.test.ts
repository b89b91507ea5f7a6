import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeBursts, judgeRecordedBursts } from '../../../analysis/online/bursts.ts'
import type { BurstForm, BurstGroup, BurstReport } from '../../../analysis/schema/bursts.ts'
import { toJson } from '../../../analysis/schema/json.ts'
import type { EventRow, SampleRow } from '../../../analysis/schema/stream.ts'
import { chunksOf, GPU, GPU2, power, ring, runFile, runOf, s } from '../../support/run-fixture.ts'

const IDLE_W = 100
const PERIOD_S = 0.02

interface Burst {
  readonly at: number
  readonly seconds: number
  readonly watts: number
}

/** Joules of idle and bursts from time 0. */
const trueJoules = (bursts: readonly Burst[], t: number): number =>
  IDLE_W * t +
  bursts.reduce((j, b) => j + (b.watts - IDLE_W) * Math.min(Math.max(t - b.at, 0), b.seconds), 0)

/** A ring that shows true power `lag` seconds late, with stamps at `phase` + k periods. */
const ringRows = (bursts: readonly Burst[], to: number, lag = 0, phase = 0): SampleRow[] =>
  power({
    from: phase,
    to: phase + PERIOD_S * Math.floor(to / PERIOD_S),
    every: PERIOD_S,
    sensor_id: 'ring',
    watts: (t) => (trueJoules(bursts, t - lag) - trueJoules(bursts, t - lag - PERIOD_S)) / PERIOD_S,
  })

const counterRows = (readings: readonly (readonly [t: number, joules: number])[]): SampleRow[] =>
  readings.map(([t, joules]) => ({
    t_ns: s(t),
    device_id: GPU,
    sensor_id: 'counter',
    metric: 'gpu_energy_mj',
    value: joules * 1000,
  }))

const events = (bursts: readonly Burst[], more: object = {}): EventRow[] =>
  bursts.flatMap(({ at, seconds }, burst) => {
    const detail = JSON.stringify({
      device_id: GPU,
      load: 'full',
      length_ms: Math.round(seconds * 1000),
      launches: 500,
      burst,
      ...more,
    })
    return [
      { t_ns: s(at), code: 'burst_begin', detail },
      { t_ns: s(at + seconds), code: 'burst_end', detail },
    ]
  })

const sensors = [
  ring(GPU, { sensor_id: 'ring' }),
  { ...ring(GPU), sensor_id: 'polled', source: 'nvml_power_instant', period_ms: 100 },
  {
    ...{ sensor_id: 'counter', device_id: GPU, metric: 'gpu_energy_mj', source: 'nvml_energy' },
    ...{ scope: 'gpu', period_ms: 100 },
  },
]

const reportOf = (samples: readonly SampleRow[], rows: readonly EventRow[]): BurstReport => {
  const [report] = judgeBursts(runOf({ sensors, samples, events: rows }))
  if (report === undefined) throw new Error('no report')
  return report
}
const groupOf = (samples: readonly SampleRow[], bursts: readonly Burst[]): BurstGroup =>
  reportOf(samples, events(bursts)).groups[0] as BurstGroup
const form = (group: BurstGroup, name: BurstForm) => group.forms.find((f) => f.form === name)
const joules = (group: BurstGroup, name: BurstForm) => form(group, name)?.mean_j

/** 600 W for 0.2 s on 100 W of idle: 120 J. */
const ONE: Burst = { at: 1, seconds: 0.2, watts: 600 }

describe('the energy of one burst', () => {
  test('by a ring without lag is 600 W x 0.2 s, with idle around and alone', () => {
    const group = groupOf(ringRows([ONE], 3), [ONE])
    // 0.9 to 1.45 s: 0.1 x 100 + 120 + 0.25 x 100 = 155 J, less 0.35 x 100
    expect(joules(group, 'ring_padded')).toBeCloseTo(120, 6)
    expect(joules(group, 'ring_window')).toBeCloseTo(120, 6)
    expect(group.idle_w).toBeCloseTo(100, 6)
  })

  test('by a ring that lags 10 ms is whole with idle around, and 5 J short alone', () => {
    const group = groupOf(ringRows([ONE], 3, 0.01), [ONE])
    // the sample at 1.02 s shows 0.99 to 1.01 s: 350 W. Alone 0.02 x 350 + 0.18 x 600 = 115 J
    expect(joules(group, 'ring_window')).toBeCloseTo(115, 6)
    // the sample at 1.22 s shows the missing 5 J
    expect(joules(group, 'ring_padded')).toBeCloseTo(120, 6)
  })

  test('takes idle power from either side', () => {
    // 120 W after the burst: 0.1 x 100 + 120 + 0.25 x 120 = 160 J, less 0.1 x 100 and 0.25 x 120
    const samples = ringRows([ONE], 3).map((row) =>
      row.t_ns > s(1.21) ? { ...row, value: 120_000 } : row,
    )
    const group = groupOf(samples, [ONE])
    expect(joules(group, 'ring_padded')).toBeCloseTo(120, 6)
    expect(group.idle_w).toBeCloseTo(110, 6)
  })

  test('by polls is the trapezoid between its ends', () => {
    const polls = power({
      ...{ from: 0, to: 3, every: 0.1, sensor_id: 'polled' },
      watts: (t) => (t > 1.05 && t < 1.15 ? 600 : 100),
    })
    const group = groupOf([...ringRows([ONE], 3), ...polls], [ONE])
    // 100 W at 1.0 s, 600 at 1.1, 100 at 1.2: 0.1 x 350 twice
    expect(joules(group, 'polled')).toBeCloseTo(70, 6)
  })

  test('by the counter is the step from gap to gap less idle', () => {
    // 0.5 to 1.7 s: 120 J and 1 s of idle
    const counter = counterRows([
      [0.5, 1000],
      [1.7, 1220],
    ])
    expect(joules(groupOf([...ringRows([ONE], 3), ...counter], [ONE]), 'counter')).toBeCloseTo(120)
  })

  test('by a counter caught as it stepped is of the instants of the steps', () => {
    // Steps at 0.6 and 1.7 s, each between readings 4 ms apart; what is read before a step is up to 0.1 s old.
    const counter = counterRows([
      [0.5, 1000],
      [0.598, 1000],
      [0.602, 1010],
      [1.598, 1230],
      [1.698, 1230],
      [1.702, 1240],
    ])
    const group = groupOf([...ringRows([ONE], 3), ...counter], [ONE])
    // 230 J from 0.6 to 1.7 s, less 0.9 s of idle
    expect(joules(group, 'counter')).toBeCloseTo(140, 6)
    expect(group.single_against).toBe('own_counter')
    expect(form(group, 'ring_padded')?.error_median_pct).toBeCloseTo(100 * (120 / 140 - 1), 6)
    // A reading half a step away from the next has caught none.
    const uncaught = counter.filter(({ t_ns }) => t_ns !== s(1.698))
    expect(groupOf([...ringRows([ONE], 3), ...uncaught], [ONE]).single_against).toBe('mean')
  })

  test('is judged by its own counter, however unlike the bursts are', () => {
    // The same work drew 600, 612 or 594 W; the counter steps every 0.1 s and is caught 0.35 s before, 0.35 s after.
    const bursts = [600, 612, 594, 606, 600].map((watts, i) => ({
      at: 1 + 2 * i,
      seconds: 0.5,
      watts,
    }))
    const counter = counterRows(
      bursts.flatMap(({ at }) =>
        [at - 0.3, at + 0.8].flatMap((t) => {
          const value = trueJoules(bursts, t)
          return [[t - 0.002, value - 10] as const, [t + 0.002, value] as const]
        }),
      ),
    )
    const group = groupOf([...ringRows(bursts, 12), ...counter], bursts)
    expect(group.single_against).toBe('own_counter')
    expect(form(group, 'ring_padded')?.error_95_pct).toBeCloseTo(0, 6)
    expect(form(group, 'ring_window')?.within_stated_share).toBe(1)
    // The counter beside the mean of many: 306 of 301.2 J at most.
    expect(form(group, 'counter')?.error_max_pct).toBeCloseTo(100 * (306 / 301.2 - 1), 6)
  })

  test('by the counter skips a reading that the burst still reaches into', () => {
    const counter = counterRows([
      [0.5, 1000],
      [1.3, 1050],
      [1.7, 1220],
    ])
    expect(joules(groupOf([...ringRows([ONE], 3), ...counter], [ONE]), 'counter')).toBeCloseTo(120)
  })

  test.each([
    ['after a reset', [[0.5, 1000] as const, [1.7, 10] as const]],
    ['without a reading before', [[1.7, 1220] as const]],
    ['without a reading after', [[0.5, 1000] as const]],
  ])('by the counter is not told %s', (_, readings) => {
    const group = groupOf([...ringRows([ONE], 3), ...counterRows(readings)], [ONE])
    expect(form(group, 'counter')).toBeUndefined()
    expect(group.reference_of).toEqual(['ring_padded'])
  })

  test('by the counter is not told where another burst lies before the reading', () => {
    const next: Burst = { at: 2, seconds: 0.2, watts: 600 }
    const counter = counterRows([
      [0.5, 1000],
      [3, 2000],
    ])
    const group = groupOf([...ringRows([ONE, next], 4), ...counter], [ONE, next])
    expect(form(group, 'counter')).toBeUndefined()
  })

  test('is not told with idle around where the ring has a hole', () => {
    const samples = ringRows([ONE], 3).filter((row) => row.t_ns < s(1.25) || row.t_ns > s(1.4))
    expect(form(groupOf(samples, [ONE]), 'ring_padded')).toBeUndefined()
  })

  test('is whole with idle around whatever the lag and the phase of the ring', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.06, noNaN: true }),
        fc.double({ min: 0, max: PERIOD_S, noNaN: true }),
        fc.constantFrom(0.02, 0.05, 0.1, 0.2, 0.5),
        (lag, phase, seconds) => {
          const burst = { at: 1, seconds, watts: 600 }
          const group = groupOf(ringRows([burst], 3, lag, phase), [burst])
          // rows carry whole nanoseconds: 1 ns x 500 W is nothing
          expect(joules(group, 'ring_padded')).toBeCloseTo(600 * seconds, 4)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('lies within the stated range of the ring alone for a lag of up to 6 ms', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.006, noNaN: true }),
        fc.double({ min: 0, max: PERIOD_S, noNaN: true }),
        (lag, phase) => {
          const group = groupOf(ringRows([ONE], 3, lag, phase), [ONE])
          expect(form(group, 'ring_window')?.within_stated_share).toBe(1)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('the judgement of a load and length', () => {
  const shape = (watts: readonly number[], seconds = 0.2): Burst[] =>
    watts.map((w, i) => ({ at: 1 + i, seconds, watts: w }))
  /** Readings in each gap that say 120 J a burst, whatever the ring says. */
  const counter = (n: number, each_j = 120) =>
    counterRows(
      Array.from(
        { length: n + 1 },
        (_, i) => [0.6 + i, 1000 + i * (IDLE_W * 0.8 + each_j)] as const,
      ),
    )

  test('is against the mean of ring and counter over its bursts', () => {
    // ring 118.8, 120 and 121.2 J; counter 120 J each: reference 120 J; errors -1, 0 and 1 %
    const bursts = shape([594, 600, 606])
    const group = groupOf([...ringRows(bursts, 6), ...counter(3)], bursts)
    expect(group).toMatchObject({
      ...{ load: 'full', length_ms: 200, launches: 500, bursts: 3, single: true },
      ...{ reference_of: ['ring_padded', 'counter'], goal_pct: 4, goal_met: true },
    })
    expect(group.reference_j).toBeCloseTo(120, 6)
    expect(group.reference_spread_pct).toBeCloseTo(0, 6)
    expect(group.power_w).toBeCloseTo(600, 4)
    const errors = form(group, 'ring_padded')
    expect(errors?.error_median_pct).toBeCloseTo(0, 6)
    expect(errors?.error_min_pct).toBeCloseTo(-1, 6)
    expect(errors?.error_max_pct).toBeCloseTo(1, 6)
    // |errors| 0, 1, 1 at rank 1.9
    expect(errors?.error_95_pct).toBeCloseTo(1, 6)
    expect(form(group, 'counter')?.error_95_pct).toBeCloseTo(0, 6)
  })

  test('shows how far its two sources are apart, and lies between them', () => {
    // the counter says 126 J: 5 % above the ring; their mean is 123 J
    const bursts = shape([600, 600, 600])
    const group = groupOf([...ringRows(bursts, 6), ...counter(3, 126)], bursts)
    expect(group.reference_spread_pct).toBeCloseTo(5, 6)
    expect(group.reference_j).toBeCloseTo(123, 6)
    // 120 / 123 - 1
    expect(form(group, 'ring_padded')?.error_median_pct).toBeCloseTo(-2.439, 3)
  })

  test('misses its goal where single bursts err by more', () => {
    // 108, 120 and 132 J: 10 % against 4
    const bursts = shape([540, 600, 660])
    const report = reportOf([...ringRows(bursts, 6), ...counter(3)], events(bursts))
    expect(report.groups[0]).toMatchObject({ goal_met: false })
    expect(report.goals_met).toBe(false)
  })

  test('misses where stated ranges hold the reference too seldom', () => {
    // The ring lags 60 ms: 30 of 120 J short alone, and 2 x 500 W x 26 ms / sqrt 3 = 15 J are stated
    const bursts = shape([600, 600])
    const group = groupOf([...ringRows(bursts, 5, 0.06), ...counter(2)], bursts)
    expect(group).toMatchObject({ goal_met: true, stated_met: false })
    expect(form(group, 'ring_window')?.within_stated_share).toBe(0)
  })

  test('below 100 ms tells means alone', () => {
    const bursts = shape([600, 600, 700], 0.05)
    const group = groupOf(ringRows(bursts, 6), bursts)
    expect(group).toMatchObject({ single: false, goal_met: null, stated_met: null })
    // 30, 30 and 35 J: 31.667 +- t(0.975, 2) = 4.3027 x 2.8868 / sqrt 3
    expect(form(group, 'ring_padded')).toMatchObject({
      mean_j: expect.closeTo(31.667, 3),
      mean_low_j: expect.closeTo(31.667 - 7.171, 2),
      mean_high_j: expect.closeTo(31.667 + 7.171, 2),
      error_median_pct: null,
    })
  })

  test('is one for each load, length and work', () => {
    const bursts = [ONE, { at: 2, seconds: 0.5, watts: 600 }]
    const other = { at: 4, seconds: 0.2, watts: 300 }
    const report = reportOf(ringRows([...bursts, other], 6), [
      ...events(bursts),
      ...events([other], { load: 'constant', burst: 9 }),
    ])
    expect(report.groups.map((g) => [g.load, g.length_ms, g.bursts])).toEqual([
      ['full', 200, 1],
      ['full', 500, 1],
      ['constant', 200, 1],
    ])
  })

  test("lets the counter's steps cancel over many bursts", () => {
    // A counter that moves each 100 ms only; gaps of 0.7 to 0.9 s at any phase. Single bursts are off by up to 10 J.
    const bursts = Array.from({ length: 30 }, (_, i) => ({
      at: 1 + i + 0.2 * ((i * 0.618) % 1),
      seconds: 0.1,
      watts: 600,
    }))
    const steps = counterRows(
      Array.from({ length: 31 }, (_, i) => {
        const t = 0.7 + i + 0.05 * ((i * 0.382) % 1)
        return [t, trueJoules(bursts, Math.floor(t * 10 + 1e-9) / 10)] as const
      }),
    )
    const group = groupOf([...ringRows(bursts, 33), ...steps], bursts)
    expect(form(group, 'counter')?.error_95_pct).toBeGreaterThan(4)
    // two half steps of idle, 10 J at most, over 30 bursts of 60 J
    expect(Math.abs(group.reference_spread_pct ?? 9)).toBeLessThan((100 * 10) / 30 / 60)
  })
})

describe('a run', () => {
  test('without bursts has no report', () => {
    expect(judgeBursts(runOf({ sensors, samples: ringRows([], 2) }))).toEqual([])
  })

  test('without a ring has no report', () => {
    const samples = power({ from: 0, to: 3, every: 0.1, sensor_id: 'polled', watts: () => 100 })
    expect(judgeBursts(runOf({ sensors, samples, events: events([ONE]) }))).toEqual([])
  })

  test('leaves out a burst whose end or meaning is not recorded', () => {
    const [begin, end] = events([ONE]) as [EventRow, EventRow]
    const rows = ringRows([ONE], 3)
    for (const broken of [[begin], [end], [{ ...begin, detail: 'x' }, end]])
      expect(judgeBursts(runOf({ sensors, samples: rows, events: broken }))).toEqual([])
  })

  test("keeps the bursts of another GPU apart, though they lie in this one's gaps", () => {
    const other: Burst = { at: 1.3, seconds: 0.2, watts: 300 }
    const [report, second] = judgeBursts(
      runOf({
        sensors: [...sensors, ring(GPU2, { sensor_id: 'ring2' })],
        devices: [GPU, GPU2].map((device_id) => ({ device_id, kind: 'gpu' })),
        samples: [
          ...ringRows([ONE], 3),
          ...ringRows([other], 3).map((r) => ({ ...r, device_id: GPU2, sensor_id: 'ring2' })),
        ],
        events: [...events([ONE]), ...events([other], { device_id: GPU2 })],
      }),
    )
    expect(joules(report?.groups[0] as BurstGroup, 'ring_padded')).toBeCloseTo(120, 6)
    // 300 W x 0.2 s
    expect(joules(second?.groups[0] as BurstGroup, 'ring_padded')).toBeCloseTo(60, 6)
  })

  test('says the same from its bundle', () => {
    const fixture = { sensors, samples: ringRows([ONE], 3, 0.01), events: events([ONE]) }
    const file: unknown = JSON.parse(toJson(runFile(fixture)))
    expect(judgeRecordedBursts(file, chunksOf(fixture, 10))).toEqual(judgeBursts(runOf(fixture)))
  })
})

describe('bursts on a card that warms up', () => {
  /** Nine bursts of 0.2 s, each 1 % of 600 W more than the one before, at temperatures that rise with them. */
  const bursts = Array.from({ length: 9 }, (_, i) => ({
    ...{ at: 1 + 2 * i, seconds: 0.2 },
    watts: IDLE_W + 500 * (1 + 0.01 * i),
  }))
  const temperatures = (degrees: (i: number) => number): SampleRow[] =>
    bursts.map(({ at }, i) => ({
      ...{ t_ns: s(at - 0.5), device_id: GPU, sensor_id: 'heat', metric: 'gpu_temperature_c' },
      value: degrees(i),
    }))
  // Above idle 100 J and 1 J more each: 120 J of the first is 100 + 0.2 s x 100 W, so 120 to 128 J, 124 J in the middle.
  const judged = (degrees: (i: number) => number) =>
    groupOf([...ringRows(bursts, 20), ...temperatures(degrees)], bursts)

  test('are judged each at its own temperature', () => {
    const group = judged((i) => 50 + 2 * i)
    // 1 J of 124 J over 2 degrees
    expect(group.reference_per_c_pct).toBeCloseTo(100 / 124 / 2, 6)
    expect(form(group, 'ring_padded')?.error_95_pct).toBeCloseTo(0, 6)
  })
  test('count once, though ring and counter both tell of each', () => {
    // Shares r = 1, -1, 1, -1, 0, -1, 1, -1, 1 % about a line of 0.22 % a burst: over nine of them (Σd² = 60, Σr² = 8) its
    // standard error is √(8 / 7 / 60) = 0.138, so that it is within twice of it; over eighteen it would be 0.091.
    const scattered = [1, -1, 1, -1, 0, -1, 1, -1, 1].map((r, i) => ({
      ...{ at: 1 + 2 * i, seconds: 0.2 },
      watts: IDLE_W + 500 * (1 + 0.01 * (0.22 * (i - 4) + r)),
    }))
    const gaps = Array.from({ length: 10 }, (_, i) => 0.2 + 2 * i)
    const counter = counterRows(gaps.map((t) => [t, trueJoules(scattered, t)] as const))
    const samples = [...ringRows(scattered, 20), ...counter, ...temperatures((i) => 50 + 2 * i)]
    const group = groupOf(samples, scattered)
    expect(group.reference_of).toEqual(['ring_padded', 'counter'])
    expect(group.single_against).toBe('mean')
    expect(group.reference_per_c_pct).toBeNull()
  })
  test('are judged by one mean where the temperature hardly moved or is not known', () => {
    for (const group of [judged((i) => 50 + 0.1 * i), groupOf(ringRows(bursts, 20), bursts)]) {
      expect(group.reference_per_c_pct).toBeNull()
      // The first is 4 J of 124 J below it.
      expect(form(group, 'ring_padded')?.error_min_pct).toBeCloseTo(-400 / 124, 6)
    }
  })
})
