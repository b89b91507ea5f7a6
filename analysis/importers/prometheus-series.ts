import { isObject, shown } from './fields.ts'
import type { Fault } from './importer.ts'
import { at, textAt } from './tool-result.ts'

/** One series of a range query. */
export interface PromSeries {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Unix seconds, ascending. */
  readonly t_s: readonly number[]
  readonly value: readonly number[]
}

/** Metrics that are read, and what of. */
export const PROM_METRICS: Readonly<Record<string, PromKind>> = {
  DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION: 'gpu_energy_mj',
  DCGM_FI_DEV_POWER_USAGE: 'gpu_power_w',
  'vllm:generation_tokens_total': 'output_tokens',
  'vllm:prompt_tokens_total': 'input_tokens',
  'vllm:request_success_total': 'requests',
  'sglang:generation_tokens_total': 'output_tokens',
  'sglang:prompt_tokens_total': 'input_tokens',
  'sglang:num_requests_total': 'requests',
  'llamacpp:tokens_predicted_total': 'output_tokens',
  'llamacpp:prompt_tokens_total': 'input_tokens',
}
export type PromKind =
  | 'gpu_energy_mj'
  | 'gpu_power_w'
  | 'output_tokens'
  | 'input_tokens'
  | 'requests'

export const promKind = (name: string): PromKind | undefined =>
  Object.hasOwn(PROM_METRICS, name) ? PROM_METRICS[name] : undefined

/** The matrix of a range query's answer; null: it is none. */
export function promMatrix(value: unknown): readonly unknown[] | null {
  const result = at(value, 'data', 'result')
  return textAt(value, 'data', 'resultType') === 'matrix' && Array.isArray(result) ? result : null
}

/** A series; null, with a fault, where it has no name or a value that is no number. */
export function promSeries(one: unknown, field: string, faults: Fault[]): PromSeries | null {
  const metric = at(one, 'metric')
  const name = textAt(metric, '__name__')
  const values = at(one, 'values')
  if (!isObject(metric) || name === null || !Array.isArray(values)) {
    const message = 'has no name or no values: ask for the metric itself, without rate() or sum()'
    faults.push({ field, message })
    return null
  }
  const t_s: number[] = []
  const value: number[] = []
  for (const [i, point] of values.entries()) {
    const [t, text] = Array.isArray(point) ? point : []
    const number = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN
    const ascends = typeof t === 'number' && Number.isFinite(t) && t > (t_s.at(-1) ?? -1)
    if (!ascends || !Number.isFinite(number)) {
      faults.push({
        field: `${field}.values[${i}]`,
        message: `is ${shown(point)}; it must be a time after the one before and a number as text`,
      })
      continue
    }
    t_s.push(t)
    value.push(number)
  }
  const labels = Object.fromEntries(
    Object.entries(metric).filter((e): e is [string, string] => typeof e[1] === 'string'),
  )
  return { name, labels, t_s, value }
}

/**
 * Series of one key as one, never added: two files may tell the same counter, two exporters the same GPU, and a label that
 * changes, as where Kubernetes places a pod on a GPU, ends one series and begins another. Of two readings of one instant
 * the first is kept.
 */
export function joinedBy(
  all: readonly PromSeries[],
  key: (series: PromSeries) => string,
): PromSeries[] {
  const byKey = new Map<string, [PromSeries, ...PromSeries[]]>()
  for (const series of all) {
    const found = byKey.get(key(series))
    if (found === undefined) byKey.set(key(series), [series])
    else found.push(series)
  }
  return [...byKey.values()].map(([first, ...more]) => {
    if (more.length === 0) return first
    const at = new Map<number, number>()
    for (const { t_s, value } of [first, ...more])
      for (const [i, t] of t_s.entries()) if (!at.has(t)) at.set(t, value[i] as number)
    const points = [...at].sort(([a], [b]) => a - b)
    return { ...first, t_s: points.map(([t]) => t), value: points.map(([, v]) => v) }
  })
}

/**
 * Seconds between the readings behind a series: a range query repeats the last one at each of its steps, so that values
 * that change more rarely than the step were read more rarely.
 */
export function readingInterval({ t_s, value }: PromSeries): number {
  const gaps = (times: readonly number[]) => times.slice(1).map((t, i) => t - (times[i] as number))
  const changes = t_s.filter((_, i) => i === 0 || value[i] !== value[i - 1])
  return Math.max(median(gaps(t_s)), median(gaps(changes)))
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** The value at an instant between two readings; both bounds of a window lie on or between readings of the series. */
export function valueAt({ t_s, value }: PromSeries, t: number): number | null {
  const after = t_s.findIndex((s) => s >= t)
  if (after < 0) return null
  const b = value[after] as number
  if (t_s[after] === t) return b
  if (after === 0) return null
  const a = value[after - 1] as number
  const from = t_s[after - 1] as number
  return a + ((b - a) * (t - from)) / ((t_s[after] as number) - from)
}

/** Rise of a counter over a window; null where it fell within. */
export function counterRise(series: PromSeries, start: number, end: number): number | null {
  const [a, b] = [valueAt(series, start), valueAt(series, end)]
  if (a === null || b === null) return null
  const within = series.value.filter((_, i) => inside(series.t_s[i] as number, start, end))
  const all = [a, ...within, b]
  return all.some((v, i) => i > 0 && v < (all[i - 1] as number)) ? null : b - a
}

/** Trapezoid of watts over a window, joules, with the standard uncertainty of what lay between the readings. */
export function powerIntegral(
  series: PromSeries,
  start: number,
  end: number,
): { energy_j: number; u_sampling_j: number } | null {
  const [a, b] = [valueAt(series, start), valueAt(series, end)]
  if (a === null || b === null) return null
  const inner = series.t_s.flatMap((t, i) =>
    inside(t, start, end) ? [[t, series.value[i] as number] as const] : [],
  )
  const points = [[start, a] as const, ...inner, [end, b] as const]
  let energy_j = 0
  let squares = 0
  for (let i = 1; i < points.length; i++) {
    const [t0, w0] = points[i - 1] as readonly [number, number]
    const [t1, w1] = points[i] as readonly [number, number]
    energy_j += ((w0 + w1) / 2) * (t1 - t0)
    squares += (((Math.abs(w1 - w0) * (t1 - t0)) / 2) * 3 ** -0.5) ** 2
  }
  return { energy_j, u_sampling_j: Math.sqrt(squares) }
}

const inside = (t: number, start: number, end: number): boolean => t > start && t < end
