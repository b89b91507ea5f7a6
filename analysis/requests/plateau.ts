import type { RunData } from '../readings/run-data.ts'
import { NS_PER_S } from '../schema/units.ts'
import { percentile } from '../stats/percentile.ts'
import { tQuantile } from '../stats/student.ts'
import type { Answer } from './answer.ts'
import { binLoad, binPower } from './load-bins.ts'
import { runSpan, type Span } from './run-span.ts'

/** Drift over the span, as a share of the mean, that still counts as steady. */
const DRIFT_LIMIT = 0.05
/** Two-sided 90 % interval: each side at 95 %. */
const CONFIDENCE_SIDE = 0.95
const MIN_BINS = 5
/** The search is quadratic in bins; longer runs get wider ones. */
const MAX_BINS = 1200

/**
 * Longest span of an open-loop run in which output rate, power and requests in flight each drift less than 5 %:
 * the 90 % interval of slope × span lies within 5 % of the mean. That is equivalence, not want of proof, and an
 * overloaded server with a growing queue fails on the third. Bins are a second wide, or as wide as the median
 * request, since narrower ones hold the same requests and would feign certainty. Power that is not recorded is not judged.
 * @returns the span, or in words why there is none
 * Source: docs/metrics.md, "Time base and windows", row `steady`.
 */
export function plateau(run: RunData, answers: readonly Answer[]): Span | string {
  const whole = runSpan(answers)
  if (whole === null) return 'no request ended'
  const width_ns = binWidth(answers, whole)
  const count = Math.floor((whole.end_ns - whole.start_ns) / width_ns)
  if (count < MIN_BINS)
    return `the run holds ${count} bins of ${(width_ns / NS_PER_S).toFixed(1)} s, and a drift needs ${MIN_BINS}`
  const load = binLoad(answers, whole.start_ns, width_ns, count)
  const power = binPower(run, whole.start_ns, width_ns, count)
  const series = [load.output_tokens, load.in_flight, ...(power === null ? [] : [power])].map(sums)
  const found = longestSteady(series, count)
  if (found === null)
    return `output rate, power and requests in flight are nowhere steady within ${DRIFT_LIMIT * 100} %`
  return {
    start_ns: whole.start_ns + found.from * width_ns,
    end_ns: whole.start_ns + found.to * width_ns,
  }
}

function binWidth(answers: readonly Answer[], whole: Span): number {
  const latencies = answers
    .filter((a) => a.measured && a.succeeded && a.sent_ns !== null)
    .map((a) => a.end_ns - (a.sent_ns as number))
  const typical = percentile(latencies, 0.5) ?? 0
  return Math.max(NS_PER_S, typical, (whole.end_ns - whole.start_ns) / MAX_BINS)
}

function longestSteady(
  series: readonly Sums[],
  count: number,
): { from: number; to: number } | null {
  for (let n = count; n >= MIN_BINS; n--) {
    const t = tQuantile(CONFIDENCE_SIDE, n - 2)
    for (let from = 0; from + n <= count; from++)
      if (series.every((s) => isSteady(s, from, n, t))) return { from, to: from + n }
  }
  return null
}

/** Prefix sums of y, x·y and y², y taken from its overall mean to keep digits. */
interface Sums {
  readonly centre: number
  readonly y: Float64Array
  readonly xy: Float64Array
  readonly yy: Float64Array
}

function sums(values: Float64Array): Sums {
  const centre = values.reduce((a, b) => a + b, 0) / values.length
  const at = { y: 0, xy: 0, yy: 0 }
  const y = new Float64Array(values.length + 1)
  const xy = new Float64Array(values.length + 1)
  const yy = new Float64Array(values.length + 1)
  values.forEach((value, x) => {
    const v = value - centre
    y[x + 1] = at.y += v
    xy[x + 1] = at.xy += x * v
    yy[x + 1] = at.yy += v * v
  })
  return { centre, y, xy, yy }
}

/** Least squares over the n bins from `from`: is the 90 % interval of slope × span within the limit of the mean? */
function isSteady(s: Sums, from: number, n: number, t: number): boolean {
  const over = (a: Float64Array) => (a[from + n] as number) - (a[from] as number)
  const sumY = over(s.y)
  const mean = s.centre + sumY / n
  const meanX = from + (n - 1) / 2
  const sxx = (n * (n * n - 1)) / 12
  const sxy = over(s.xy) - meanX * sumY
  const syy = over(s.yy) - (sumY * sumY) / n
  const slope = sxy / sxx
  const error = Math.sqrt(Math.max(0, syy - slope * sxy) / (n - 2) / sxx)
  return mean > 0 && (Math.abs(slope) + t * error) * n <= DRIFT_LIMIT * mean
}
