import { firstAbove } from '../estimators/power-curve.ts'
import type { RunData } from '../readings/run-data.ts'
import { type Series, seriesOf } from '../readings/sample-table.ts'
import type { Window } from '../window.ts'

/** Every series of one metric of one device. */
export const seriesFor = (run: RunData, device_id: string, metric: string): readonly Series[] =>
  seriesOf(run.samples).filter((s) => s.device_id === device_id && s.metric === metric)

/** Good readings within a window (left-open, right-closed), in the unit of the metric. */
export function readingsWithin(
  run: RunData,
  device_id: string,
  metric: string,
  window: Window,
): number[] {
  return timedWithin(run, device_id, metric, window).map((r) => r.value)
}

/** The same with their times. */
export function timedWithin(
  run: RunData,
  device_id: string,
  metric: string,
  window: Window,
): { t_ns: number; value: number }[] {
  const found: { t_ns: number; value: number }[] = []
  for (const series of seriesFor(run, device_id, metric))
    for (let i = firstAbove(series.t_ns, window.start_ns); i < series.t_ns.length; i++) {
      const t_ns = series.t_ns[i] as number
      if (t_ns > window.end_ns) break
      const value = series.value[i] as number
      if (Number.isFinite(value)) found.push({ t_ns, value })
    }
  return found
}

/** The last good reading at or before an instant; null where there is none. */
export function seriesAt(
  run: RunData,
  device_id: string,
  metric: string,
  t_ns: number,
): number | null {
  for (const series of seriesFor(run, device_id, metric))
    for (let i = firstAbove(series.t_ns, t_ns) - 1; i >= 0; i--)
      if (Number.isFinite(series.value[i])) return series.value[i] as number
  return null
}
