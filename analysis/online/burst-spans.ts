import type { RunData } from '../readings/run-data.ts'
import { BURST_EVENTS, type BurstDetail, burstDetailSchema } from '../schema/bursts.ts'

/** One burst of known work, with the idle time around it. Times: ns since the run's origin. */
export interface BurstSpan extends BurstDetail {
  readonly begin_ns: number
  readonly end_ns: number
  /** End of the burst before and begin of the next on the same device; the run's recording ends are no bursts. */
  readonly idle_from_ns: number
  readonly idle_to_ns: number
}

/** The bursts that a run recorded, in time, of all devices. One without both of its events is left out. */
export function burstSpans(events: RunData['events']): readonly BurstSpan[] {
  const open = new Map<string, number>()
  const found: Omit<BurstSpan, 'idle_from_ns' | 'idle_to_ns'>[] = []
  for (const { t_ns, code, detail } of [...events].sort((a, b) => a.t_ns - b.t_ns)) {
    if (code !== BURST_EVENTS.begin && code !== BURST_EVENTS.end) continue
    const burst = parse(detail ?? '')
    if (burst === null) continue
    const key = `${burst.device_id} ${burst.burst}`
    const begin_ns = open.get(key)
    if (code === BURST_EVENTS.begin) open.set(key, t_ns)
    else if (begin_ns !== undefined) found.push({ ...burst, begin_ns, end_ns: t_ns })
  }
  return found.map((burst, i) => ({
    ...burst,
    idle_from_ns: before(found, i)?.end_ns ?? Number.NEGATIVE_INFINITY,
    idle_to_ns: after(found, i)?.begin_ns ?? Number.POSITIVE_INFINITY,
  }))
}

type Found = Pick<BurstSpan, 'device_id' | 'begin_ns' | 'end_ns'>
const before = (all: readonly Found[], i: number) =>
  all.slice(0, i).findLast((b) => b.device_id === all[i]?.device_id)
const after = (all: readonly Found[], i: number) =>
  all.slice(i + 1).find((b) => b.device_id === all[i]?.device_id)

function parse(detail: string): BurstDetail | null {
  try {
    return burstDetailSchema.parse(JSON.parse(detail))
  } catch {
    return null // an event of another version, or of hand
  }
}
