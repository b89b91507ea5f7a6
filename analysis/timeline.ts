import { powerSeries } from './drawn-power.ts'
import { m4 } from './m4.ts'
import { type Mark, marksOf } from './marked-windows.ts'
import type { RunData } from './readings/run-data.ts'
import { answersOf } from './requests/answer.ts'
import { inFlight } from './requests/concurrency.ts'
import { absoluteTime } from './schema/time.ts'
import type { Timeline } from './schema/timeline.ts'
import { NS_PER_S } from './schema/units.ts'

/**
 * A run over its whole recorded span, reduced to so many pixel columns: each device's power, phases, requests in
 * flight as steps, events. For drawing, never for integration.
 * @throws RangeError where columns is not a whole number from 1 up
 */
export function timeline(run: RunData, columns: number): Timeline {
  const { start, end } = recordedSpan(run)
  const seconds = (t: number) => round((t - start) / NS_PER_S, 1e6)
  const flight = inFlight(answersOf(run))
  const kept = m4(flight.t_ns, flight.count, start, end, columns)
  return {
    start_t_ns: absoluteTime(start, run.origin_ns),
    duration_s: (end - start) / NS_PER_S,
    columns,
    power: powerSeries(run).map(({ series, source, watts }) => {
      const points = m4(series.t_ns, watts, start, end, columns)
      return {
        device_id: series.device_id,
        sensor_id: series.sensor_id,
        source,
        readings: series.t_ns.length,
        t_s: points.map((i) => seconds(series.t_ns[i] as number)),
        power_w: points.map((i) => round(watts[i] as number, 1e3)),
      }
    }),
    phases: run.phases.map((p) => ({
      phase: p.phase,
      start_s: seconds(p.start_ns),
      end_s: seconds(p.end_ns),
    })),
    in_flight: {
      t_s: kept.map((i) => seconds(flight.t_ns[i] as number)),
      requests: kept.map((i) => flight.count[i] as number),
    },
    windows: drawnMarks(run).map(({ name, window }) => ({
      name,
      start_s: seconds(window.start_ns),
      end_s: seconds(window.end_ns),
    })),
    events: run.events
      .filter((e) => e.code !== 'window_begin' && e.code !== 'window_end')
      .map((e) => ({ t_s: seconds(e.t_ns), code: e.code ?? null, detail: e.detail ?? null })),
  }
}

/** More than a page can show: the longest are those that can be seen. */
const MOST_MARKS = 500

function drawnMarks(run: RunData): Mark[] {
  const marks = marksOf(run)
  if (marks.length <= MOST_MARKS) return marks
  const length = (m: Mark) => m.window.end_ns - m.window.start_ns
  return [...marks].sort((a, b) => length(b) - length(a)).slice(0, MOST_MARKS)
}

function recordedSpan(run: RunData): { start: number; end: number } {
  let start = Number.POSITIVE_INFINITY
  let end = Number.NEGATIVE_INFINITY
  const include = (t: number | null | undefined) => {
    if (t == null || !Number.isFinite(t)) return
    if (t < start) start = t
    if (t > end) end = t
  }
  for (const p of run.phases) {
    include(p.start_ns)
    include(p.end_ns)
  }
  include(run.samples.t_ns[0])
  include(run.samples.t_ns.at(-1))
  for (const r of run.requests) {
    include(r.sent_t_ns)
    include(r.closed_t_ns ?? r.done_t_ns ?? r.chunk_t_ns?.at(-1))
  }
  for (const e of run.events) include(e.t_ns)
  return start <= end ? { start, end } : { start: 0, end: 0 }
}

const round = (x: number, steps: number): number => Math.round(x * steps) / steps
