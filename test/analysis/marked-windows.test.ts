import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { computeEnergyOf } from '../../analysis/energy/energy-scope.ts'
import { markedWindow, marksOf, measuredMarks } from '../../analysis/marked-windows.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import type { EventRow } from '../../analysis/schema/stream.ts'
import { summarise } from '../../analysis/summary.ts'
import { windowGroups } from '../../analysis/window-groups.ts'
import { runOf } from './run-of.ts'

const S = 1e9

interface Said {
  readonly name: string
  readonly from_s: number
  readonly to_s?: number
  readonly tokens?: number
  readonly requests?: number
}

const marks = (windows: readonly Said[]): EventRow[] =>
  windows.flatMap(({ name, from_s, to_s, ...counts }, i) => [
    { t_ns: Math.round(from_s * S), code: 'window_begin', detail: JSON.stringify({ name, id: i }) },
    ...(to_s === undefined
      ? []
      : [
          {
            t_ns: Math.round(to_s * S),
            code: 'window_end',
            detail: JSON.stringify({ id: i, ...counts }),
          },
        ]),
  ])

/** A measured program on one GPU with a ring of 20 ms, whose power is a function of time; phase measure is 1 s to 11 s. */
function measured(
  watts: (t_s: number) => number,
  windows: readonly Said[] | readonly EventRow[],
): RunData {
  const events = windows.every((w) => 'code' in w)
    ? (windows as readonly EventRow[])
    : marks(windows as readonly Said[])
  const run = runOf({
    experiment: { kind: 'measure', command: ['program'], phases: { window: 'phase' } },
    phases: [['measure', 1, 11]],
    devices: [{ device_id: 'GPU-1', kind: 'gpu' }],
    processes: [{ process_id: 'p1', role: 'worker', device_ids: ['GPU-1'] }],
    samples: Array.from({ length: 600 }, (_, i) => ({
      t_ns: (i + 1) * 20_000_000,
      device_id: 'GPU-1',
      sensor_id: 'ring',
      metric: 'gpu_power_mw',
      value: watts((i + 0.5) * 0.02) * 1000,
      reason: null,
    })),
    events,
  })
  const ring = { sensor_id: 'ring', device_id: 'GPU-1', metric: 'gpu_power_mw' }
  return {
    ...run,
    sensors: [{ ...ring, source: 'nvml_power_ring', scope: 'gpu', period_ms: 20 } as never],
  }
}

const groupsOf = (run: RunData) => windowGroups(measuredMarks(run, marksOf(run)))
const groupOf = (run: RunData, name: string) => groupsOf(run).find((g) => g.name === name)

describe('marked windows', () => {
  it('have the joules of their span, with the range of the sensor', () => {
    const group = groupOf(
      measured(() => 200, [{ name: 'a', from_s: 2, to_s: 4, tokens: 100 }]),
      'a',
    )
    // 200 W × 2 s; the sensor's 5 % are 10 W, evenly spread: 10 / √3 × 2 s, and twice that.
    const half = (2 * 10 * 2) / Math.sqrt(3)
    expect(group).toMatchObject({ n: 1, unclosed: 0, tokens: 100, requests: null })
    expect(group?.duration_s).toBeCloseTo(2, 9)
    expect(group?.metrics['energy_compute_j']?.value).toBeCloseTo(400, 6)
    expect(group?.metrics['energy_compute_j']?.high).toBeCloseTo(400 + half, 3)
    expect(group?.metrics['energy_gpu_j']?.value).toBeCloseTo(400, 6)
    expect(group?.metrics['power_mean_w']?.value).toBeCloseTo(200, 6)
    expect(group?.metrics['energy_per_token_j']?.value).toBeCloseTo(4, 6)
    expect(group?.metrics['energy_per_request_j']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
    expect(group?.devices).toMatchObject([{ device_id: 'GPU-1', reason: null }])
    expect(group?.devices[0]?.energy_j).toBeCloseTo(400, 6)
  })

  it('may nest and overlap: each has all joules of its span', () => {
    const run = measured(
      () => 100,
      [
        { name: 'outer', from_s: 2, to_s: 6 },
        { name: 'inner', from_s: 3, to_s: 4 },
        { name: 'across', from_s: 5, to_s: 8 },
      ],
    )
    const joules = groupsOf(run).map((g) => [g.name, g.metrics['energy_compute_j']?.value])
    expect(joules).toEqual([
      ['outer', expect.closeTo(400, 6)],
      ['inner', expect.closeTo(100, 6)],
      ['across', expect.closeTo(300, 6)],
    ])
  })

  it('give a mean with Student’s range over the repeats', () => {
    // 100, 200 and 300 J in a second each: sd 100, t of two degrees of freedom 4.3027.
    const run = measured(
      (t) => (t < 4 ? 100 : t < 7 ? 200 : 300),
      [2, 5, 8].map((from_s) => ({ name: 'a', from_s, to_s: from_s + 1, requests: 2 })),
    )
    const group = groupOf(run, 'a')
    const mean = group?.metrics['energy_compute_j_mean']
    expect(group?.metrics['energy_compute_j']?.value).toBeCloseTo(600, 6)
    expect(group?.metrics['energy_per_request_j']?.value).toBeCloseTo(100, 6)
    expect(mean).toMatchObject({ n: 3, unit: 'J' })
    expect(mean?.value).toBeCloseTo(200, 6)
    expect(mean?.repeat_high).toBeCloseTo(200 + (4.3027 * 100) / Math.sqrt(3), 2)
    // The sensor is common to them: 5, 10 and 15 W bounds add up, over the square root of 3, shared by three windows.
    const sensor = (5 + 10 + 15) / Math.sqrt(3) / 3
    expect(mean?.high).toBeCloseTo(200 + Math.hypot((4.3027 * 100) / Math.sqrt(3), 2 * sensor), 2)
  })

  it('under 0.1 s are told only as the mean of many', () => {
    const short = (n: number) =>
      Array.from({ length: n }, (_, i) => ({
        name: 'step',
        from_s: 2 + i * 0.1,
        to_s: 2 + i * 0.1 + 0.03,
      }))
    const many = measured(() => 300, short(50))
    expect(groupOf(many, 'step')?.metrics['energy_compute_j_mean']?.value).toBeCloseTo(9, 6)
    const [one] = measuredMarks(many, marksOf(many))
    expect(one && markedWindow(many, one)).toMatchObject({
      energy_compute_j: { value: null, reason: 'too_short' },
      power_mean_w: { value: null, reason: 'too_short' },
    })
    // 20 refreshes of the ring are 0.4 s: 13 windows of 0.03 s are less.
    const few = groupOf(
      measured(() => 300, short(13)),
      'step',
    )
    expect(few).toMatchObject({ n: 13 })
    expect(few?.metrics['energy_compute_j_mean']).toMatchObject({
      value: null,
      reason: 'too_short',
    })
    expect(few?.devices).toMatchObject([{ energy_j: null, reason: 'too_short' }])
  })

  it('that were not ended last to the end of the measurement, and count only where none was ended', () => {
    const run = measured(
      () => 100,
      [
        { name: 'a', from_s: 2, to_s: 3 },
        { name: 'a', from_s: 4 },
        { name: 'b', from_s: 6 },
      ],
    )
    expect(groupOf(run, 'a')).toMatchObject({ n: 1, unclosed: 1, duration_s: 1 })
    expect(groupOf(run, 'b')).toMatchObject({ n: 1, unclosed: 1, duration_s: 5 })
    expect(groupOf(run, 'b')?.metrics['energy_compute_j']?.value).toBeCloseTo(500, 6)
  })

  it('outside of what was recorded have no joules, and say why', () => {
    const run = measured(() => 100, [{ name: 'late', from_s: 11, to_s: 14 }])
    expect(groupOf(run, 'late')?.metrics['energy_compute_j']).toMatchObject({
      value: null,
      reason: 'window_not_bracketed',
    })
  })

  it('ignore what is no mark', () => {
    const strange: EventRow[] = [
      { t_ns: 2 * S, code: 'window_begin', detail: 'rubbish' },
      { t_ns: 2 * S, code: 'window_begin', detail: null },
      { t_ns: 2 * S, code: 'window_begin', detail: '[1]' },
      { t_ns: 2 * S, code: 'window_end', detail: '{"id":9}' },
      { t_ns: 2 * S, code: 'window_begin', detail: '{"name":"zero","id":10}' },
      { t_ns: 2 * S, code: 'window_end', detail: '{"id":10,"tokens":-1}' },
    ]
    const groups = groupsOf(measured(() => 100, strange))
    expect(groups).toMatchObject([{ name: 'zero', n: 1, tokens: null }])
    expect(groups[0]?.metrics['energy_compute_j']).toMatchObject({ reason: 'too_short' })
    expect(groups[0]?.metrics['power_mean_w']).toMatchObject({ reason: 'too_short' })
  })

  it('that divide a span divide its joules', () => {
    // Never quiet, so that no window has idle around it.
    const run = measured((t) => 100 + 80 * Math.sin(15 * t), [])
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 6 }),
        (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), 1000].map((ms) => 3 + ms * 0.005)
          const windows = at.slice(1).map((to_s, i) => ({ start: at[i] as number, to_s }))
          const total = windows.reduce((sum, w) => {
            const window = { start_ns: w.start * S, end_ns: w.to_s * S, rule: 'marked' }
            return sum + (computeEnergyOf(run, window).energy_j ?? Number.NaN)
          }, 0)
          const whole = { start_ns: 3 * S, end_ns: 8 * S, rule: 'marked' }
          expect(total).toBeCloseTo(computeEnergyOf(run, whole).energy_j as number, 6)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('stand in the summary, beside a headline that a program without requests does not have', () => {
    const summary = summarise(measured(() => 100, [{ name: 'a', from_s: 2, to_s: 3 }]))
    expect(summary).toMatchObject({ kind: 'measure', window: { rule: 'phase', duration_s: 10 } })
    expect(summary.windows.map((w) => w.name)).toEqual(['a'])
    expect(summary.metrics['energy_compute_j']?.value).toBeCloseTo(1000, 6)
    expect(summary.metrics['ttft_ms_p50']).toMatchObject({ value: null, reason: 'no_requests' })
    expect(summary.metrics['output_throughput_tok_s']).toMatchObject({ value: null })
    expect(summary.findings.filter((f) => f.severity === 'invalid')).toEqual([])
  })
})
