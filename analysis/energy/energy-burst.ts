import { curveOf, drawnCurveOf } from '../estimators/energy-curve.ts'
import type { EnergyEstimate } from '../estimators/energy-estimate.ts'
import type { EnergySource } from '../estimators/energy-source.ts'
import { sensorPart } from '../estimators/energy-uncertainty.ts'
import { firstAbove, integrate, type PowerCurve } from '../estimators/power-curve.ts'
import type { RunData } from '../readings/run-data.ts'
import { NS_PER_S } from '../schema/units.ts'
import { sampleSd } from '../stats/moments.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { phaseWindow, type Window } from '../window.ts'
import { smoothsPower } from './device-settings.ts'

/** Power around a window: what the added time on either side is charged, and how sure that is (standard, W). */
interface Surroundings {
  readonly before_w: number
  readonly after_w: number
  readonly u_before_w: number
  readonly u_after_w: number
}

/**
 * The burst form of a ring: from 100 ms before the window to 250 ms after it, less idle power × the added time. It
 * collects what the ring shows late, so it is the best estimate of a window with idle around. Idle power is what the
 * ring shows just outside of that, where it is quiet there; else that of phase idle or baseline.
 * @returns null where a request is in flight around the window, idle power is not known, the device smooths its power, or
 * the power shows that it was not idle at both ends
 * Source: docs/metrics.md, "Energy", burst.
 */
export function burstEstimate(
  run: RunData,
  ring: EnergyEstimate,
  window: Window,
): EnergyEstimate | null {
  if (ring.energy_j === null || ring.method !== 'ring') return null
  const source = ring.origin
  if (smoothsPower(run, source.device_id)) return null
  const from = window.start_ns - THRESHOLDS.burst_before_s * NS_PER_S
  const to = window.end_ns + THRESHOLDS.burst_after_s * NS_PER_S
  if (isBusy(run, from, window.start_ns) || isBusy(run, window.end_ns, to)) return null
  const look_ns = THRESHOLDS.burst_look_s * NS_PER_S
  const curve = curveOf(source, from - look_ns, to + look_ns)
  const around = quietAround(curve, from, to) ?? idlePhase(run, source, window)
  if (around === null) return null
  const padded = integrate(drawnCurveOf(source, from - look_ns, to + look_ns), from, to)
  if (!padded.bracketed || padded.gap_s > 0) return null
  const { before_w, after_w } = around
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  // Work that draws no more than idle does can't be told from what surrounds it.
  const idle_w = Math.max(before_w, after_w)
  if (ring.energy_j / seconds - idle_w <= nearness(idle_w)) return null
  const mean = (a: number, b: number) => integrate(curve, a, b).energy_j / ((b - a) / NS_PER_S)
  // The reading into which the window begins holds some of its work.
  const head_w = mean(from, window.start_ns - source.period_ns)
  const tail_w = mean(to - 2 * source.period_ns, to)
  if (Math.abs(head_w - before_w) > nearness(before_w)) return null
  if (Math.abs(tail_w - after_w) > nearness(after_w)) return null
  const { burst_before_s, burst_after_s } = THRESHOLDS
  const energy_j = padded.energy_j - before_w * burst_before_s - after_w * burst_after_s
  const u_edge_j = (energy_j / seconds - idle_w) * THRESHOLDS.ring_jitter_s
  const u_idle_j = Math.hypot(around.u_before_w * burst_before_s, around.u_after_w * burst_after_s)
  return {
    ...ring,
    method: 'burst',
    energy_j,
    // Nothing lags any more, and the edges lie in idle; what is left is how exactly the ring's periods end.
    components: [
      sensorPart(source, energy_j, seconds),
      { name: 'u_edge_j', value: u_edge_j, shared: false },
      ...(u_idle_j > 0 ? [{ name: 'u_idle_j', value: u_idle_j, shared: false }] : []),
      ...ring.components.filter((c) => c.name === 'u_sampling_j'),
    ],
  }
}

/** How near to idle power counts as idle, W. */
const nearness = (idle_w: number): number =>
  Math.max(THRESHOLDS.burst_idle_w, THRESHOLDS.burst_idle_share * idle_w)

/** Power just outside of the padded window; null where it is not quiet on both sides. */
function quietAround(curve: PowerCurve, from: number, to: number): Surroundings | null {
  const look_ns = THRESHOLDS.burst_look_s * NS_PER_S
  const before = quiet(curve, from - look_ns, from)
  const after = quiet(curve, to, to + look_ns)
  if (before === null || after === null) return null
  return { before_w: before.w, after_w: after.w, u_before_w: before.u_w, u_after_w: after.u_w }
}

/** Mean power of a span whose readings all lie near it, with the standard error of that mean over them. */
function quiet(
  curve: PowerCurve,
  start_ns: number,
  end_ns: number,
): { readonly w: number; readonly u_w: number } | null {
  const found = integrate(curve, start_ns, end_ns)
  if (!found.bracketed || found.bridged_s + found.gap_s > 0) return null
  const w = found.energy_j / found.covered_s
  const readings: number[] = []
  for (let i = Math.max(firstAbove(curve.edge_ns, start_ns) - 1, 0); i < curve.pieces; i++) {
    if ((curve.edge_ns[i] as number) >= end_ns) break
    readings.push(curve.to_w[i] as number)
  }
  const near_w = Math.max(THRESHOLDS.burst_quiet_w, THRESHOLDS.burst_quiet_share * w)
  if (readings.some((r) => Math.abs(r - w) > near_w)) return null
  return { w, u_w: (sampleSd(readings) ?? 0) / Math.sqrt(readings.length) }
}

/** Power of phase idle, else baseline, of at least a second outside of the window. */
function idlePhase(run: RunData, source: EnergySource, window: Window): Surroundings | null {
  const idle = phaseWindow(run, 'idle') ?? phaseWindow(run, 'baseline')
  if (idle === null || overlaps(idle, window)) return null
  const rest = integrate(curveOf(source, idle.start_ns, idle.end_ns), idle.start_ns, idle.end_ns)
  const rest_s = rest.covered_s + rest.bridged_s
  if (rest_s < 1) return null
  const w = rest.energy_j / rest_s
  return { before_w: w, after_w: w, u_before_w: 0, u_after_w: 0 }
}

const overlaps = (a: Window, b: Window): boolean => a.start_ns < b.end_ns && b.start_ns < a.end_ns

/**
 * True where a request of any phase is in flight between two times. The closing frames that follow a last token
 * by some milliseconds are no work.
 */
function isBusy(run: RunData, from: number, to: number): boolean {
  const least = THRESHOLDS.burst_busy_s * NS_PER_S
  return run.requests.some((r) => {
    const sent = r.sent_t_ns ?? null
    if (sent === null || sent >= to - least) return false
    // A request without any end was still open: it lasts to the end.
    let end = to
    for (const t of [r.done_t_ns, r.closed_t_ns, r.chunk_t_ns?.at(-1)])
      if (t != null && t >= sent && t < end) end = t
    return end - Math.max(sent, from) > least
  })
}
