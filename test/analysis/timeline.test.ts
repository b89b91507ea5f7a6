import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { m4 } from '../../analysis/m4.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { timelineSchema } from '../../analysis/schema/timeline.ts'
import { timeline } from '../../analysis/timeline.ts'
import { runOf, streamed } from './run-of.ts'

describe('M4', () => {
  it('keeps first, least, largest and last of each column', () => {
    const t = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    const v = [5, 1, 9, 4, 6, 2, 2, 2, 2, 2]
    // Columns 0 to 4 and 5 to 9: all of 5, 1, 9, 6; of a level only both ends
    expect(m4(t, v, 0, 10, 2)).toEqual([0, 1, 2, 4, 5, 9])
  })

  it('leaves failed readings out, and takes a span of no length', () => {
    expect(m4([0, 1, 2], [Number.NaN, 3, Number.NaN], 0, 3, 1)).toEqual([1])
    expect(m4([7], [3], 7, 7, 10)).toEqual([0])
    expect(m4([], [], 0, 0, 10)).toEqual([])
  })

  it('refuses columns that are none', () => {
    expect(() => m4([], [], 0, 1, 0)).toThrow('0 pixel columns')
    expect(() => m4([], [], 0, 1, 1.5)).toThrow(RangeError)
  })

  it('keeps the ends and extremes of any series, in order, at most four a column', () => {
    const series = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 40 }), (v, columns) => {
        const t = v.map((_, i) => i)
        const kept = m4(t, v, 0, v.length, columns)
        expect(kept.length).toBeLessThanOrEqual(4 * columns)
        expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b))
        const values = kept.map((i) => v[i] as number)
        expect(Math.min(...values)).toBe(Math.min(...v))
        expect(Math.max(...values)).toBe(Math.max(...v))
        expect([kept[0], kept.at(-1)]).toEqual([0, v.length - 1])
      }),
    )
  })
})

describe('the time line of a run', () => {
  const ring = (n: number, watts: (i: number) => number): SampleRow[] =>
    Array.from({ length: n }, (_, i) => ({
      t_ns: i * 2e7,
      device_id: 'GPU-1',
      metric: 'gpu_power_mw',
      value: 1000 * watts(i),
    }))

  it('holds power, phases, requests in flight and events, in seconds from the first', () => {
    const run = runOf({
      phases: [
        ['idle', 10, 12],
        ['measure', 12, 20],
      ],
      samples: ring(1100, (i) => (i === 700 ? 650 : 100)),
      requests: [streamed('a', 12_000, [13_000]), streamed('b', 12_500, [13_000, 14_000])],
      events: [{ t_ns: 12e9, code: 'warmup', detail: null }],
    })
    const line = timeline(run, 100)
    expect(timelineSchema.parse(line)).toEqual(line)
    expect(line.start_t_ns).toBe(0)
    expect(line.duration_s).toBeCloseTo(21.98, 9)
    expect(line.phases[1]).toEqual({ phase: 'measure', start_s: 12, end_s: 20 })
    expect(line.in_flight).toEqual({ t_s: [12, 12.5, 13, 14], requests: [1, 2, 1, 0] })
    expect(line.events).toEqual([{ t_s: 12, code: 'warmup', detail: null }])
    const [power] = line.power
    expect(power?.readings).toBe(1100)
    expect(power?.t_s.length).toBeLessThanOrEqual(400)
    // The spike of one reading at 14 s stays
    expect(power?.power_w[power.t_s.indexOf(14)]).toBe(650)
  })

  it('shows a counter as the mean power between its readings', () => {
    const samples: SampleRow[] = [0, 1, 2, 3].map((s) => ({
      t_ns: s * 1e9,
      device_id: 'cpu_package:0',
      metric: 'cpu_energy_uj',
      // 40 W, then the counter wraps, then 10 W
      value: [0, 40e6, 5e6, 15e6][s] as number,
    }))
    const [power] = timeline(runOf({ samples }), 10).power
    expect(power).toMatchObject({ t_s: [1, 3], power_w: [40, 10] })
  })

  it('of nothing is empty', () => {
    expect(timeline(runOf({}), 10)).toMatchObject({ duration_s: 0, power: [], events: [] })
  })

  it('takes a large record in the time of a pass over it', () => {
    const time = (n: number) => {
      const run = runOf({ samples: ring(n, (i) => 100 + (i % 7)) })
      const best = [0, 1, 2].map(() => {
        const start = performance.now()
        timeline(run, 500)
        return performance.now() - start
      })
      return Math.min(...best)
    }
    // Ten times the samples, well under a hundred times the time: no step is quadratic
    expect(time(100_000)).toBeLessThan(60 * Math.max(0.5, time(10_000)))
  })
})
