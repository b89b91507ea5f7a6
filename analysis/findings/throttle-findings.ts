import type { DeviceEnergy } from '../energy/device-energy.ts'
import { seriesAt, timedWithin } from '../energy/gauge.ts'
import { heldDown } from '../energy/violation-time.ts'
import { curveOf } from '../estimators/energy-curve.ts'
import { wattsAt } from '../estimators/power-curve.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Device } from '../schema/device.ts'
import type { Finding } from '../schema/finding.ts'
import { THROTTLE_BITS } from '../schema/metric.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'
import { LIMITS } from './settings-findings.ts'

/** What slows a device down and makes its result another device's: the bits, and the driver's own counts of it. */
const SLOWDOWNS = [
  {
    code: 'thermal_throttle',
    mask: THROTTLE_BITS.sw_thermal | THROTTLE_BITS.hw_thermal,
    counters: ['gpu_thermal_violation_ns', 'gpu_hw_thermal_ns'],
    words: 'was slowed down by heat',
  },
  {
    code: 'power_brake',
    mask: THROTTLE_BITS.hw_power_brake,
    counters: ['gpu_power_brake_ns'],
    words: 'was slowed down by the power brake',
  },
] as const

/**
 * Throttling within the window, by cause. Seconds come from the bits, each reading standing until the next; beside them
 * stands what the driver counted by itself, which also sees what lies between two readings.
 * Source: docs/metrics.md, "Validity", thermal_throttle, power_brake and sw_power_cap.
 */
export function throttleFindings(
  run: RunData,
  energy: DeviceEnergy,
  device: Device | undefined,
  window: Window,
): Finding[] {
  const id = energy.device_id
  const rows = timedWithin(run, id, 'gpu_throttle_reasons', window)
  const seconds = (holds: (row: { t_ns: number; value: number }) => boolean) =>
    rows.reduce((sum, row, i) => {
      const next = rows[i + 1]?.t_ns ?? window.end_ns
      return holds(row) ? sum + (next - row.t_ns) / NS_PER_S : sum
    }, 0)
  const findings: Finding[] = []
  for (const { code, mask, counters, words } of SLOWDOWNS) {
    const hit = rows.filter((r) => (r.value & mask) !== 0)
    const counted = counters.flatMap((metric) => heldDown(run, id, metric, window) ?? [])
    const least_s = Math.max(0, ...counted.map((c) => c.within_s))
    if (hit.length === 0 && least_s < THRESHOLDS.throttle_counted_s) continue
    const how =
      hit.length > 0
        ? `in ${hit.length} of ${rows.length} readings of the window`
        : `for at least ${least_s.toFixed(2)} s of the window by the driver's own count`
    findings.push({
      code,
      severity: 'invalid',
      message: `${id} ${words} ${how}. Cool the host or check its power supply, and measure again.`,
      evidence: {
        device_id: id,
        readings: hit.length,
        of: rows.length,
        seconds: seconds((r) => (r.value & mask) !== 0),
        first_t_ns: hit[0]?.t_ns ?? null,
        counted_s: counted.length === 0 ? null : Math.max(...counted.map((c) => c.total_s)),
        counted_within_s: counted.length === 0 ? null : least_s,
      },
    })
  }
  const capped = cappedAt(run, energy, device, window)
  const cap_s = seconds((r) => (r.value & THROTTLE_BITS.sw_power_cap) !== 0 && capped(r.t_ns))
  if (cap_s > 0) {
    const share = cap_s / ((window.end_ns - window.start_ns) / NS_PER_S)
    const chosen = !setsLimit(run) && share > THRESHOLDS.power_cap_caution_share
    findings.push({
      code: 'sw_power_cap',
      severity: chosen ? 'caution' : 'info',
      message: `${id} ran at its power limit for ${(100 * share).toFixed(0)} % of the window, so its speed depends on that limit.`,
      evidence: {
        device_id: id,
        share,
        seconds: cap_s,
        counted_s: heldDown(run, id, 'gpu_power_violation_ns', window)?.total_s ?? null,
      },
    })
  }
  return findings
}

/** Enforced limit of a device at an instant, W: as it was read, else as it was at the start. */
export function limitAt(run: RunData, device_id: string, t_ns: number): number | null {
  for (const [metric, per_w] of LIMITS) {
    const read = seriesAt(run, device_id, metric, t_ns)
    if (read !== null) return read / per_w
  }
  return run.devices.find((d) => d.device_id === device_id)?.power_limit_w ?? null
}

/** The cap's bit is set far below the limit too: it counts only with power near to it. */
function cappedAt(
  run: RunData,
  energy: DeviceEnergy,
  device: Device | undefined,
  window: Window,
): (t_ns: number) => boolean {
  // A counter tells no power at an instant: beside one, the best power source of the same scope does.
  const powers = [energy.chosen, ...energy.estimates].filter((e) => e && e.method !== 'counter')
  const power = powers.find((e) => e?.energy_j != null) ?? powers[0]
  if (!power) return () => false
  // The limit is held by what the sensor reads, right or wrong.
  const curve = curveOf({ ...power.origin, calibration: null }, window.start_ns, window.end_ns)
  return (t_ns) => {
    const limit = limitAt(run, energy.device_id, t_ns) ?? device?.tdp_w ?? null
    const watts = wattsAt(curve, t_ns)
    return (
      limit !== null && watts !== null && watts >= limit * (1 - THRESHOLDS.power_cap_near_share)
    )
  }
}

function setsLimit(run: RunData): boolean {
  const power = run.experiment.raw['power']
  return power !== null && typeof power === 'object' && 'limit_w' in power && power.limit_w != null
}
