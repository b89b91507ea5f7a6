import { wattsOf } from '../estimators/energy-metric.ts'
import type { RunData } from '../readings/run-data.ts'
import { type Series, seriesOf } from '../readings/sample-table.ts'
import { usedDeviceIds } from '../readings/used-devices.ts'
import type { Answer } from './answer.ts'

export interface LoadBins {
  /** Output tokens that arrived in each bin. */
  readonly output_tokens: Float64Array
  /** Requests in flight, time-weighted mean of each bin. */
  readonly in_flight: Float64Array
}

/** Tokens and requests in flight in equal bins from `start_ns`: bins are left-open and right-closed. */
export function binLoad(
  answers: readonly Answer[],
  start_ns: number,
  width_ns: number,
  count: number,
): LoadBins {
  const output_tokens = new Float64Array(count)
  const in_flight = new Float64Array(count)
  const end_ns = start_ns + count * width_ns
  for (const a of answers) {
    for (let i = 0; i < a.t_ns.length; i++) {
      const bin = Math.ceil(((a.t_ns[i] as number) - start_ns) / width_ns) - 1
      if (bin >= 0 && bin < count)
        output_tokens[bin] = (output_tokens[bin] as number) + (a.tokens[i] as number)
    }
    if (a.sent_ns === null) continue
    const from = Math.max(a.sent_ns, start_ns)
    const to = Math.min(a.end_ns, end_ns)
    for (let bin = Math.floor((from - start_ns) / width_ns); bin < count; bin++) {
      const overlap =
        Math.min(to, start_ns + (bin + 1) * width_ns) - Math.max(from, start_ns + bin * width_ns)
      if (overlap <= 0) break
      in_flight[bin] = (in_flight[bin] as number) + overlap / width_ns
    }
  }
  return { output_tokens, in_flight }
}

/**
 * Mean power of the used devices together in equal bins, in the sources' own unit: good for drift, not for joules.
 * Counters count by their steps. A bin without reading keeps the level of the one before.
 * @returns null where no used device has a power or energy series over the bins
 */
export function binPower(
  run: RunData,
  start_ns: number,
  width_ns: number,
  count: number,
): Float64Array | null {
  const used = usedDeviceIds(run)
  const best = new Map<string, { readings: number; means: Float64Array }>()
  for (const series of seriesOf(run.samples)) {
    if (!used.has(series.device_id)) continue
    const binned = binSeries(series, start_ns, width_ns, count)
    const known = best.get(series.device_id)
    if (binned !== null && (known === undefined || binned.readings > known.readings))
      best.set(series.device_id, binned)
  }
  if (best.size === 0) return null
  const total = new Float64Array(count)
  for (const { means } of best.values())
    for (let i = 0; i < count; i++) total[i] = (total[i] as number) + (means[i] as number)
  return total
}

function binSeries(series: Series, start_ns: number, width_ns: number, count: number) {
  const watts = wattsOf(series)
  if (watts === null) return null
  const sum = new Float64Array(count)
  const n = new Float64Array(count)
  let readings = 0
  for (let i = 0; i < series.t_ns.length; i++) {
    const t = series.t_ns[i] as number
    const bin = Math.ceil((t - start_ns) / width_ns) - 1
    if (bin < 0 || bin >= count) continue
    const value = watts[i] as number
    if (!Number.isFinite(value)) continue
    sum[bin] = (sum[bin] as number) + value
    n[bin] = (n[bin] as number) + 1
    readings++
  }
  const first = n.findIndex((k) => k > 0)
  if (first < 0) return null
  let level = (sum[first] as number) / (n[first] as number)
  const means = sum.map((s, i) => {
    if ((n[i] as number) > 0) level = s / (n[i] as number)
    return level
  })
  return { readings, means }
}
