import { smoothsPower } from './device-settings.ts'
import { curveOf } from './energy-curve.ts'
import type { EnergyEstimate } from './energy-estimate.ts'
import { sensorPart } from './energy-uncertainty.ts'
import { integrate } from './power-curve.ts'
import type { RunData } from './run-data.ts'
import { NS_PER_S } from './schema/units.ts'
import { THRESHOLDS } from './thresholds.ts'
import { phaseWindow, type Window } from './window.ts'

/**
 * The burst form of a ring: from 100 ms before the window to 250 ms after it, less idle power × the added time. It
 * collects what the ring shows late, so it is the best estimate of a window with idle around.
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
  if (smoothsPower(run, ring.origin.device_id)) return null
  const idle = phaseWindow(run, 'idle') ?? phaseWindow(run, 'baseline')
  if (idle === null || overlaps(idle, window)) return null
  const from = window.start_ns - THRESHOLDS.burst_before_s * NS_PER_S
  const to = window.end_ns + THRESHOLDS.burst_after_s * NS_PER_S
  if (isBusy(run, from, window.start_ns) || isBusy(run, window.end_ns, to)) return null
  const source = ring.origin
  const rest = integrate(curveOf(source, idle.start_ns, idle.end_ns), idle.start_ns, idle.end_ns)
  const rest_s = rest.covered_s + rest.bridged_s
  if (rest_s < 1) return null
  const idle_w = rest.energy_j / rest_s
  const curve = curveOf(source, from, to)
  const padded = integrate(curve, from, to)
  if (!padded.bracketed || padded.gap_s > 0) return null
  const near_w = Math.max(THRESHOLDS.burst_idle_w, THRESHOLDS.burst_idle_share * idle_w)
  // Work that draws no more than idle does can't be told from what surrounds it.
  if (ring.energy_j / ((window.end_ns - window.start_ns) / NS_PER_S) - idle_w <= near_w) return null
  const tail_ns = 2 * source.period_ns
  for (const [a, b] of [
    [from, window.start_ns],
    [to - tail_ns, to],
  ] as const) {
    const mean_w = integrate(curve, a, b).energy_j / ((b - a) / NS_PER_S)
    if (Math.abs(mean_w - idle_w) > near_w) return null
  }
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  const energy_j = padded.energy_j - idle_w * ((to - from) / NS_PER_S - seconds)
  return {
    ...ring,
    method: 'burst',
    energy_j,
    // Nothing lags any more, and the edges lie in idle; what idle itself varies by is small beside the sensor.
    components: [
      sensorPart(source, energy_j, seconds),
      ...ring.components.filter((c) => c.name === 'u_sampling_j'),
    ],
  }
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
