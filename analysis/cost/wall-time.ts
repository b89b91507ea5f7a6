import type { RunData } from '../readings/run-data.ts'
import { instantMs } from '../schema/instant.ts'
import { NS_PER_MS } from '../schema/units.ts'

/** A run's clock against the wall's: ms since 1970 of a time of the run. */
export interface WallTime {
  readonly at: (t_ns: number) => number
  /** What it rests on, where that is less than an anchor of the clock. */
  readonly note: string | null
}

interface Anchor {
  readonly t_ns: number
  readonly wall_ms: number
}

/**
 * The wall time of a run by the anchors of its clock: straight between two, with the nearest one's offset outside. Without
 * anchors by its `started_at`, taken as the begin of its first phase.
 * @returns null where the run tells neither
 */
export function wallTime(run: RunData): WallTime | null {
  // One process's: two clocks that were set apart would make time jump at each turn.
  const clock = run.processes.find((p) => p.clock.length > 0)?.clock ?? []
  const anchors = clock
    .map((c) => ({ t_ns: c.t_ns, wall_ms: Number(c.wall_unix_ns / 1000n) / 1000 }))
    .sort((a, b) => a.t_ns - b.t_ns)
  if (anchors.length > 0) return { at: (t_ns) => byAnchors(anchors, t_ns), note: null }
  const first = Math.min(...run.phases.map((p) => p.start_ns))
  if (run.started_at === null || !Number.isFinite(first)) return null
  const start_ms = instantMs(run.started_at)
  return {
    at: (t_ns) => start_ms + (t_ns - first) / NS_PER_MS,
    note: 'Wall time by started_at, taken as the begin of the first phase.',
  }
}

function byAnchors(anchors: readonly Anchor[], t_ns: number): number {
  const after = anchors.findIndex((a) => a.t_ns >= t_ns)
  const next = anchors[after]
  const before = after < 0 ? anchors.at(-1) : anchors[after - 1]
  const near = (next ?? before) as Anchor
  if (next === undefined || before === undefined || next.t_ns === before.t_ns)
    return near.wall_ms + (t_ns - near.t_ns) / NS_PER_MS
  const share = (t_ns - before.t_ns) / (next.t_ns - before.t_ns)
  return before.wall_ms + share * (next.wall_ms - before.wall_ms)
}
