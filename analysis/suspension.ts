import type { RunData } from './run-data.ts'
import type { Finding } from './schema/finding.ts'
import type { Window } from './window.ts'

/** A sleep of the host, which the run clock does not show: somewhere between two anchors. */
export interface Suspension {
  readonly seconds: number
  readonly after_ns: number
  readonly before_ns: number
}

/** The sleeps that the agent told as events `suspended`; what can't be read of one is left out. */
export function suspensions(run: RunData): Suspension[] {
  return run.events.flatMap(({ code, detail, t_ns }) => {
    if (code !== 'suspended' || detail == null) return []
    const told = numbersOf(detail)
    const seconds = told['seconds']
    if (seconds === undefined) return []
    const origin = Number(run.origin_ns)
    const at = (name: string) => (told[name] === undefined ? t_ns : told[name] - origin)
    return [{ seconds, after_ns: at('after_t_ns'), before_ns: at('before_t_ns') }]
  })
}

function numbersOf(detail: string): Record<string, number> {
  try {
    const parsed: unknown = JSON.parse(detail)
    if (parsed === null || typeof parsed !== 'object') return {}
    return Object.fromEntries(
      Object.entries(parsed).filter((e): e is [string, number] => typeof e[1] === 'number'),
    )
  } catch {
    return {}
  }
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
