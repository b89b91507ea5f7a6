import { eventsOf } from '../readings/event-detail.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import { suspendedSchema } from '../schema/host-events.ts'
import type { Window } from '../window.ts'

/** A sleep of the host, which the run clock does not show: somewhere between two anchors. */
export interface Suspension {
  readonly seconds: number
  readonly after_ns: number
  readonly before_ns: number
}

/** The sleeps that the agent told as events `suspended`. */
export function suspensions(run: RunData): Suspension[] {
  const origin = Number(run.origin_ns)
  return eventsOf(run, 'suspended', suspendedSchema).map(({ t_ns, detail }) => {
    const at = (told: number | null | undefined) => (told == null ? t_ns : told - origin)
    return {
      seconds: detail.seconds,
      after_ns: at(detail.after_t_ns),
      before_ns: at(detail.before_t_ns),
    }
  })
}

/**
 * Whether the host slept during the run: within the window neither its seconds nor its joules mean anything, and
 * outside of it what went before was measured on another, cooler host.
 * Source: docs/metrics.md, "Validity", host_suspended.
 */
export function suspendedFinding(run: RunData, window: Window): Finding | null {
  const all = suspensions(run)
  if (all.length === 0) return null
  const within = all.filter((s) => s.after_ns < window.end_ns && s.before_ns > window.start_ns)
  const seconds = all.reduce((sum, s) => sum + s.seconds, 0)
  return {
    code: 'host_suspended',
    severity: within.length > 0 ? 'invalid' : 'caution',
    message: `The host slept for ${seconds.toFixed(1)} s during the run${within.length > 0 ? ', within or at the edge of the window' : ', outside of the window'}. Keep it awake while it measures: systemd-inhibit --what=sleep, caffeinate -i on a Mac.`,
    evidence: { seconds, times: all.length, within_window: within.length },
  }
}
