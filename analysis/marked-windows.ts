import { type RunEnergies, runEnergies } from './energy/energy-scope.ts'
import type { ScopedEnergy } from './energy/scoped-energy.ts'
import { dividedParts, withRange } from './estimators/uncertainty.ts'
import { noMetric } from './metric-value.ts'
import type { RunData } from './readings/run-data.ts'
import type { MarkedWindow } from './schema/marked-window.ts'
import type { MetricValue } from './schema/summary.ts'
import { absoluteTime } from './schema/time.ts'
import { THRESHOLDS } from './thresholds.ts'
import { phaseWindow, type Window, windowSeconds } from './window.ts'

/** A window that a program marked, on the run's clock. */
export interface Mark {
  readonly name: string
  readonly id: string | number
  readonly window: Window
  readonly closed: boolean
  readonly attributes: Readonly<Record<string, unknown>>
  readonly tokens: number | null
  readonly requests: number | null
}

/** A marked window and its energies; null where it has no length. */
export interface MeasuredMark {
  readonly mark: Mark
  readonly energies: RunEnergies | null
}

/**
 * The windows that programs marked by events `window_begin` and `window_end`, in the order of their begin. One that was
 * not ended lasts to the end of phase measure. What can't be read as a mark is none.
 */
export function marksOf(run: RunData): Mark[] {
  const end_ns =
    phaseWindow(run, 'measure')?.end_ns ?? Math.max(0, ...run.phases.map((p) => p.end_ns))
  const marks: Mark[] = []
  const open = new Map<string, number>()
  for (const { t_ns, code, detail } of run.events) {
    if (code !== 'window_begin' && code !== 'window_end') continue
    const said = readDetail(detail)
    const { id } = said
    if (typeof id !== 'number' && typeof id !== 'string') continue
    const key = JSON.stringify(id)
    if (code === 'window_begin') {
      open.set(key, marks.length)
      marks.push({
        name: typeof said['name'] === 'string' ? said['name'] : String(id),
        id,
        window: { start_ns: t_ns, end_ns: Math.max(t_ns, end_ns), rule: 'marked' },
        closed: false,
        attributes: readDetail(said['attributes']),
        tokens: null,
        requests: null,
      })
      continue
    }
    const at = open.get(key)
    const begun = at === undefined ? undefined : marks[at]
    if (at === undefined || begun === undefined) continue
    open.delete(key)
    marks[at] = {
      ...begun,
      window: { ...begun.window, end_ns: Math.max(t_ns, begun.window.start_ns) },
      closed: true,
      tokens: whole(said['tokens']),
      requests: whole(said['requests']),
    }
  }
  return marks.sort((a, b) => a.window.start_ns - b.window.start_ns)
}

/** Each mark with the energies of its window, as those of the run's own window are found. */
export const measuredMarks = (run: RunData, marks: readonly Mark[]): MeasuredMark[] =>
  marks.map((mark) => ({
    mark,
    energies: windowSeconds(mark.window) > 0 ? runEnergies(run, mark.window) : null,
  }))

/**
 * One window as it is shown by itself. Under 0.1 s no source tells a single one's joules: `too_short`.
 * Source: docs/metrics.md, "Marked windows".
 */
export function markedWindow(run: RunData, { mark, energies }: MeasuredMark): MarkedWindow {
  const duration_s = windowSeconds(mark.window)
  return {
    name: mark.name,
    id: mark.id,
    start_t_ns: absoluteTime(mark.window.start_ns, run.origin_ns),
    end_t_ns: absoluteTime(mark.window.end_ns, run.origin_ns),
    duration_s,
    closed: mark.closed,
    attributes: mark.attributes,
    tokens: mark.tokens,
    requests: mark.requests,
    ...(energies === null || duration_s < THRESHOLDS.window_single_s
      ? { energy_compute_j: noMetric('J', 'too_short'), power_mean_w: noMetric('W', 'too_short') }
      : singles(energies.compute, duration_s)),
  }
}

function singles(
  energy: ScopedEnergy,
  seconds: number,
): { energy_compute_j: MetricValue; power_mean_w: MetricValue } {
  const { energy_j } = energy
  if (energy_j === null) {
    const reason = energy.reason ?? 'not_recorded'
    return { energy_compute_j: noMetric('J', reason), power_mean_w: noMetric('W', reason) }
  }
  const known = { n: energy.samples, provenance: energy.source, scope: energy.scope }
  const parts = energy.components
  return {
    energy_compute_j: withRange({ value: energy_j, unit: 'J', parts, ...known }),
    power_mean_w: withRange({
      value: energy_j / seconds,
      unit: 'W',
      parts: dividedParts({ value: energy_j, parts }, seconds, null, ''),
      ...known,
    }),
  }
}

function readDetail(detail: unknown): Readonly<Record<string, unknown>> {
  let value = detail
  if (typeof detail === 'string')
    try {
      value = JSON.parse(detail)
    } catch {
      return {}
    }
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

const whole = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null
