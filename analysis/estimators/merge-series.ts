import type { Series } from '../readings/sample-table.ts'
import { firstAbove, firstAtLeast } from './power-curve.ts'

/** How far apart the readings of one source may lie before there is a hole between them. */
export interface Spacing {
  /** What a reading stands for by itself: a ring's period; 0 of a momentary one. */
  readonly period_ns: number
  /** Readings further apart leave a hole. */
  readonly longest_ns: number
}

/**
 * Several recordings of one source as one: the one that covers most, its holes filled from the others. Never
 * interleaved: two clocks' copies of one ring would halve each other's periods. The order of the series does not show.
 * Source: docs/metrics.md, "Which device".
 */
export function mergedByCoverage(series: readonly Series[], spacing: Spacing): Series {
  const ranked = series
    .map((s) => ({ s, covered_ns: covered(s, spacing), name: `${s.sensor_id}\n${s.process_id}` }))
    .sort(
      (a, b) =>
        b.covered_ns - a.covered_ns ||
        firstGood(a.s) - firstGood(b.s) ||
        (a.name < b.name ? -1 : 1),
    )
    .map(({ s }) => s)
  const failure = ranked.find((s) => s.failure !== null)?.failure ?? null
  const whole = ranked.reduce((base, other) => filled(base, other, spacing.longest_ns))
  return { ...whole, failure }
}

/** The parts of a series that different processes recorded; itself where one did. */
export function byProcess(series: Series): Series[] {
  const { processes } = series
  if (processes == null) return [series]
  return [...new Set(processes)].map((process_id) => {
    const mine = (_: number, i: number) => processes[i] === process_id
    return {
      ...series,
      process_id,
      processes: null,
      t_ns: series.t_ns.filter(mine),
      value: series.value.filter(mine),
    }
  })
}

/** Time that the good readings stand for. */
function covered({ t_ns, value }: Series, { period_ns, longest_ns }: Spacing): number {
  let total = 0
  let before = Number.NEGATIVE_INFINITY
  for (let i = 0; i < t_ns.length; i++) {
    if (!Number.isFinite(value[i])) continue
    const gap = (t_ns[i] as number) - before
    total += gap <= longest_ns ? gap : period_ns
    before = t_ns[i] as number
  }
  return total
}

const firstGood = ({ t_ns, value }: Series): number =>
  t_ns[value.findIndex(Number.isFinite)] ?? Number.POSITIVE_INFINITY

/** The base with the other's good readings in its holes; failed readings stay where nothing fills theirs. */
function filled(base: Series, other: Series, longest_ns: number): Series {
  const t_ns: number[] = []
  const value: number[] = []
  const put = (s: Series, from: number, to: number, good: boolean): void => {
    for (let i = from; i < to; i++) {
      if (good && !Number.isFinite(s.value[i])) continue
      t_ns.push(s.t_ns[i] as number)
      value.push(s.value[i] as number)
    }
  }
  /** What lies between two good readings of the base, itself or, in a hole, from the other. */
  const between = (after: number, upTo: number): void => {
    const start = base.t_ns[after] ?? Number.NEGATIVE_INFINITY
    const end = base.t_ns[upTo] ?? Number.POSITIVE_INFINITY
    const before = t_ns.length
    if (end - start > longest_ns)
      put(other, firstAbove(other.t_ns, start), firstAtLeast(other.t_ns, end), true)
    if (t_ns.length === before) put(base, after + 1, upTo, false)
  }
  let last = -1
  for (let i = 0; i < base.t_ns.length; i++) {
    if (!Number.isFinite(base.value[i])) continue
    between(last, i)
    put(base, i, i + 1, true)
    last = i
  }
  between(last, base.t_ns.length)
  return { ...base, t_ns: Float64Array.from(t_ns), value: Float64Array.from(value) }
}
