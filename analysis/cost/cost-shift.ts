import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import { instantMs, instantText } from '../schema/instant.ts'

/**
 * The same run as if it had begun at another instant: what is shifted is its clock, nothing else, and it says so.
 * @returns null where the run does not tell its wall time
 */
export function startedAt(timeline: EnergyTimeline, start_ms: number): EnergyTimeline | null {
  const from = timeline.intervals[0]?.from ?? null
  if (from === null) return null
  const by_ms = start_ms - instantMs(from)
  const moved = (at: string | null) => (at === null ? null : instantText(instantMs(at) + by_ms))
  return {
    ...timeline,
    intervals: timeline.intervals.map((i) => ({ ...i, from: moved(i.from), to: moved(i.to) })),
    notes: [
      ...timeline.notes,
      `Counterfactual: as if the run had begun at ${instantText(start_ms)}; it began at ${from}.`,
    ],
  }
}
