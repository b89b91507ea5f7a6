import type { IdlePower } from './baseline.ts'
import { readingsWithin, seriesAt } from './gauge.ts'
import type { RunData } from './run-data.ts'
import type { Finding } from './schema/finding.ts'
import { NS_PER_S } from './schema/units.ts'
import { mean } from './stats/moments.ts'
import { THRESHOLDS } from './thresholds.ts'
import type { Window } from './window.ts'

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
    busy > 0
  )
    findings.push({
      code: 'baseline_unstable',
      severity: 'caution',
      message: `Power in phase ${phase} was not settled: its one-second means spread by ${(100 * spread).toFixed(1)} % and drift by ${(100 * drift).toFixed(1)} %${busy > 0 ? `, and the device was up to ${busy} % busy` : ''}. Stop what else runs there.`,
      evidence: { phase, spread, drift, utilisation_max_pct: busy },
    })
  return findings
}

/**
 * Whether idle power is too old, or was taken at another temperature than the load began at. The heat of the load
 * itself is no sign of age.
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
  const age_s = (window.start_ns - phase.end_ns) / NS_PER_S
  const sent = run.requests.flatMap((r) => r.sent_t_ns ?? []).filter((t) => t >= phase.end_ns)
  const began = sent.reduce((a, b) => Math.min(a, b), window.start_ns)
  const warmer = device_ids.map((id) => {
    const then = mean(readingsWithin(run, id, 'gpu_temperature_c', phase))
    const now = seriesAt(run, id, 'gpu_temperature_c', began)
    return then === null || now === null ? 0 : Math.abs(now - then)
  })
  const difference_c = Math.max(0, ...warmer)
  if (age_s <= THRESHOLDS.baseline_stale_s && difference_c <= THRESHOLDS.baseline_stale_c)
    return null
  return {
    code: 'baseline_stale',
    severity: 'caution',
    message: `Idle power was taken ${age_s.toFixed(0)} s before the window and ${difference_c.toFixed(0)} °C away from where the load began, so nothing is subtracted. Measure idle again close to the load.`,
    evidence: { age_s, difference_c },
  }
}
