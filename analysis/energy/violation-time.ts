import type { RunData } from '../readings/run-data.ts'
import type { MetricName } from '../schema/metric.ts'
import { NS_PER_S } from '../schema/units.ts'
import type { Window } from '../window.ts'
import { seriesFor } from './gauge.ts'

/** For how long a device's clocks were held down, by the driver's own count. */
export interface HeldDown {
  /** Between the last reading before the window and the first after it, s. */
  readonly total_s: number
  /** What of it can't lie outside of the window: the rest of the time between the readings is too short for it, s. */
  readonly within_s: number
}

/**
 * A counter of held-down time over a window. It is read at phase edges only, so readings bracket the window widely.
 * @returns null where it is not bracketed, or fell back or began anew in between
 */
export function heldDown(
  run: RunData,
  device_id: string,
  metric: MetricName,
  window: Window,
): HeldDown | null {
  const series = seriesFor(run, device_id, metric)[0]
  if (series === undefined) return null
  const good = [...series.t_ns].flatMap((t_ns, i) => {
    const value = series.value[i] as number
    return Number.isNaN(value) ? [] : [{ t_ns, value }]
  })
  const before = good.findLastIndex((r) => r.t_ns <= window.start_ns)
  const after = good.findIndex((r) => r.t_ns >= window.end_ns)
  if (before < 0 || after < 0) return null
  const between = good.slice(before, after + 1)
  // Where it began anew it holds -Infinity, which is less than what was before.
  if (between.some((r, i) => i > 0 && r.value < (between[i - 1]?.value ?? 0))) return null
  const first = between[0] as (typeof between)[number]
  const last = between.at(-1) as (typeof between)[number]
  const total_s = (last.value - first.value) / NS_PER_S
  const around_s = (last.t_ns - first.t_ns - (window.end_ns - window.start_ns)) / NS_PER_S
  return { total_s, within_s: Math.max(0, total_s - around_s) }
}
