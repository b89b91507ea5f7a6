import type { IdlePower } from '../energy/baseline.ts'
import { readingsWithin, seriesAt } from '../energy/gauge.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import { THROTTLE_BITS } from '../schema/metric.ts'
import { NS_PER_S } from '../schema/units.ts'
import { mean } from '../stats/moments.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'
import { foreignProcesses } from './foreign-process.ts'
import { limitAt } from './throttle-findings.ts'

const SLOWED = THROTTLE_BITS.sw_thermal | THROTTLE_BITS.hw_thermal | THROTTLE_BITS.hw_power_brake

/**
 * Whether a phase without load was long, even and idle enough.
 * Source: docs/metrics.md, "Validity", baseline_short and baseline_unstable.
 */
export function idleFindings(
  run: RunData,
  phase: 'baseline' | 'idle',
  idle: IdlePower,
  device_ids: readonly string[],
): Finding[] {
  const { window, watts } = idle
  if (window === null || watts === null) return []
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  const spread = idle.spread_w / watts
  const drift = Math.abs(idle.drift_w) / watts
  const busy = Math.max(
    0,
    ...device_ids.flatMap((id) => readingsWithin(run, id, 'gpu_utilisation_pct', window)),
  )
  const throttled = device_ids.filter((id) =>
    readingsWithin(run, id, 'gpu_throttle_reasons', window).some((bits) => (bits & SLOWED) !== 0),
  )
  const foreign = foreignProcesses(run, device_ids, window).map((f) => f.evidence)
  const findings: Finding[] = []
  // A timer's 30 s may end some milliseconds early.
  if (seconds < THRESHOLDS.baseline_s * 0.999)
    findings.push({
      code: 'baseline_short',
      severity: 'info',
      message: `Phase ${phase} lasted ${seconds.toFixed(1)} s; idle power settles over ${THRESHOLDS.baseline_s} s or more. Raise phases.${phase}_s.`,
      evidence: { phase, seconds },
    })
  if (
    spread > THRESHOLDS.baseline_unstable_share ||
    drift > THRESHOLDS.baseline_unstable_share ||
    busy > 0 ||
    throttled.length > 0 ||
    foreign.length > 0
  )
    findings.push({
      code: 'baseline_unstable',
      severity: 'caution',
      message: `Power in phase ${phase} was not settled: its one-second means spread by ${(100 * spread).toFixed(1)} % and drift by ${(100 * drift).toFixed(1)} %${busy > 0 ? `, and the device was up to ${busy} % busy` : ''}${throttled.length > 0 ? `, and ${throttled.join(', ')} was slowed down` : ''}${foreign.length > 0 ? ', and another process used it' : ''}. Stop what else runs there, and let it cool.`,
      evidence: { phase, spread, drift, utilisation_max_pct: busy, throttled, foreign },
    })
  return findings
}

/**
 * Whether idle power says nothing of the window any more: it is too old, was taken at another temperature than the load
 * began at or under another power limit, or was another after the load. The heat of the load itself is no
 * sign of age.
 * Source: docs/metrics.md, "Validity", baseline_stale.
 */
export function staleFinding(
  run: RunData,
  idle: IdlePower,
  window: Window,
  device_ids: readonly string[],
): Finding | null {
  const phase = idle.window
  if (phase === null) return null
  // Taken after the window where there was no idle before it.
  const apart_s =
    Math.max(window.start_ns - phase.end_ns, phase.start_ns - window.end_ns) / NS_PER_S
  const difference_c = warmer(run, phase, window, device_ids)
  const middle_ns = (phase.start_ns + phase.end_ns) / 2
  const limits = device_ids.filter(
    (id) => limitAt(run, id, middle_ns) !== limitAt(run, id, window.start_ns),
  )
  const { readings } = idle
  const change = readings === null ? 0 : readings.after_w / readings.before_w - 1
  const why: string[] = []
  if (apart_s > THRESHOLDS.baseline_stale_s)
    why.push(`was taken ${apart_s.toFixed(0)} s from the window`)
  if (difference_c > THRESHOLDS.baseline_stale_c)
    why.push(`was taken ${difference_c.toFixed(0)} °C away from where the load began`)
  if (limits.length > 0) why.push(`was taken under another power limit of ${limits.join(', ')}`)
  if (Math.abs(change) > THRESHOLDS.baseline_changed_share)
    why.push(`was ${(100 * Math.abs(change)).toFixed(1)} % ${change > 0 ? 'more' : 'less'} after`)
  if (why.length === 0) return null
  return {
    code: 'baseline_stale',
    severity: 'caution',
    message: `Idle power ${why.join(' and ')}, so nothing is subtracted. Measure idle again close to the load.`,
    evidence: { apart_s, difference_c, limit_changed: limits, ...(readings ?? {}) },
  }
}

/** By how many degrees the devices' mean temperature in an idle phase differs from that where the load began. */
function warmer(
  run: RunData,
  phase: Window,
  window: Window,
  device_ids: readonly string[],
): number {
  // Idle after the load is warm from it.
  if (phase.start_ns >= window.end_ns) return 0
  const sent = run.requests.flatMap((r) => r.sent_t_ns ?? []).filter((t) => t >= phase.end_ns)
  const began = sent.reduce((a, b) => Math.min(a, b), window.start_ns)
  const differences = device_ids.map((id) => {
    const then = mean(readingsWithin(run, id, 'gpu_temperature_c', phase))
    const now = seriesAt(run, id, 'gpu_temperature_c', began)
    return then === null || now === null ? 0 : Math.abs(now - then)
  })
  return Math.max(0, ...differences)
}
