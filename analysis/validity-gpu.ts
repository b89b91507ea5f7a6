import type { DeviceEnergy } from './device-energy.ts'
import { curveOf } from './energy-curve.ts'
import { readingsWithin, seriesAt, timedWithin } from './gauge.ts'
import { firstAbove, wattsAt } from './power-curve.ts'
import type { RunData } from './run-data.ts'
import type { Device } from './schema/device.ts'
import type { Finding } from './schema/finding.ts'
import { THROTTLE_BITS } from './schema/metric.ts'
import { MW_PER_W, NS_PER_S, UW_PER_W } from './schema/units.ts'
import { mean } from './stats/moments.ts'
import { THRESHOLDS } from './thresholds.ts'
import type { Window } from './window.ts'

const THERMAL = THROTTLE_BITS.sw_thermal | THROTTLE_BITS.hw_thermal

/**
 * What a device's own gauges say against the window: throttling, drift of clocks and temperature, limits, and power
 * that can't be. Source: docs/metrics.md, "Validity".
 */
export function deviceFindings(run: RunData, energy: DeviceEnergy, window: Window): Finding[] {
  const device = run.devices.find((d) => d.device_id === energy.device_id)
  return [
    ...throttling(run, energy, device, window),
    ...clocks(run, energy.device_id, window),
    ...temperature(run, energy.device_id, window),
    ...limits(run, energy.device_id, window),
    ...implausible(energy, device, window),
    ...dutyUnknown(energy, device),
  ]
}

/** The metrics of the enforced limit, each in its source's unit. */
const LIMITS = [
  ['gpu_power_limit_mw', MW_PER_W],
  ['gpu_power_limit_uw', UW_PER_W],
] as const

/** Enforced limit of a device at an instant, W: as it was read, else as it was at the start. */
export function limitAt(run: RunData, device_id: string, t_ns: number): number | null {
  for (const [metric, per_w] of LIMITS) {
    const read = seriesAt(run, device_id, metric, t_ns)
    if (read !== null) return read / per_w
  }
  return run.devices.find((d) => d.device_id === device_id)?.power_limit_w ?? null
}

function throttling(
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
  const bits = (mask: number) => rows.filter((r) => (r.value & mask) !== 0)
  const report = (code: 'thermal_throttle' | 'power_brake', mask: number, words: string) => {
    const hit = bits(mask)
    if (hit.length === 0) return
    findings.push({
      code,
      severity: 'invalid',
      message: `${id} ${words} in ${hit.length} of ${rows.length} readings of the window. Cool the host or check its power supply, and measure again.`,
      evidence: {
        device_id: id,
        readings: hit.length,
        of: rows.length,
        seconds: seconds((r) => (r.value & mask) !== 0),
        first_t_ns: hit[0]?.t_ns,
      },
    })
  }
  report('thermal_throttle', THERMAL, 'was slowed down by heat')
  report('power_brake', THROTTLE_BITS.hw_power_brake, 'was slowed down by the power brake')
  const capped = cappedAt(run, energy, device, window)
  const cap_s = seconds((r) => (r.value & THROTTLE_BITS.sw_power_cap) !== 0 && capped(r.t_ns))
  if (cap_s > 0) {
    const share = cap_s / ((window.end_ns - window.start_ns) / NS_PER_S)
    const chosen = !setsLimit(run) && share > THRESHOLDS.power_cap_caution_share
    findings.push({
      code: 'sw_power_cap',
      severity: chosen ? 'caution' : 'info',
      message: `${id} ran at its power limit for ${(100 * share).toFixed(0)} % of the window, so its speed depends on that limit.`,
      evidence: { device_id: id, share, seconds: cap_s },
    })
  }
  return findings
}

/** The cap's bit is set far below the limit too: it counts only with power near to it. */
function cappedAt(
  run: RunData,
  energy: DeviceEnergy,
  device: Device | undefined,
  window: Window,
): (t_ns: number) => boolean {
  // A counter tells no power at an instant: beside one, the best power source of the same scope does.
  const power = [energy.chosen, ...energy.estimates].find((e) => e && e.method !== 'counter')
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

function clocks(run: RunData, device_id: string, window: Window): Finding[] {
  const slowed = readingsWithin(run, device_id, 'gpu_throttle_reasons', window).filter(
    (bits) => (bits & THROTTLE_BITS.hw_slowdown) !== 0,
  ).length
  const middle = (window.start_ns + window.end_ns) / 2
  const half = (start_ns: number, end_ns: number) =>
    mean(readingsWithin(run, device_id, 'gpu_sm_clock_mhz', { start_ns, end_ns, rule: 'half' }))
  const first = half(window.start_ns, middle)
  const second = half(middle, window.end_ns)
  const drift = first === null || second === null || first === 0 ? 0 : (second - first) / first
  if (slowed === 0 && Math.abs(drift) <= THRESHOLDS.clock_drift_share) return []
  return [
    {
      code: 'clock_drift',
      severity: 'caution',
      message: `The SM clock of ${device_id} changed by ${(100 * drift).toFixed(1)} % between the halves of the window${slowed > 0 ? `, and ${slowed} readings carry the hardware slowdown bit` : ''}. Lock the clocks or warm up longer.`,
      evidence: {
        device_id,
        drift,
        slowdown_readings: slowed,
        first_mhz: first,
        second_mhz: second,
      },
    },
  ]
}

function temperature(run: RunData, device_id: string, window: Window): Finding[] {
  const values = readingsWithin(run, device_id, 'gpu_temperature_c', window)
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (high - low <= THRESHOLDS.thermal_drift_c || values.length === 0) return []
  return [
    {
      code: 'thermal_drift',
      severity: 'caution',
      message: `${device_id} went from ${low} to ${high} °C within the window; leakage grows with heat. Warm up longer under load.`,
      evidence: { device_id, min_c: low, max_c: high },
    },
  ]
}

function limits(run: RunData, device_id: string, window: Window): Finding[] {
  const seen = [
    ...new Set(
      LIMITS.flatMap(([metric, per_w]) =>
        readingsWithin(run, device_id, metric, window).map((read) => read / per_w),
      ),
    ),
  ]
  if (seen.length < 2) return []
  return [
    {
      code: 'limit_changed',
      severity: 'invalid',
      message: `The enforced power limit of ${device_id} changed within the window (${seen.map((watts) => `${watts} W`).join(', ')}), so it holds two configurations.`,
      evidence: { device_id, limits_w: seen },
    },
  ]
}

function implausible(energy: DeviceEnergy, device: Device | undefined, window: Window): Finding[] {
  const tdp_w = device?.tdp_w ?? null
  const { chosen } = energy
  if (tdp_w === null || chosen === null || !chosen.measured) return []
  const mean_w = energy.power_mean_w ?? 0
  let peak_w = Number.NEGATIVE_INFINITY
  for (const { origin, measured } of energy.estimates) {
    if (origin.method === 'counter' || !measured) continue
    for (let i = firstAbove(origin.t_ns, window.start_ns); i < origin.t_ns.length; i++) {
      if ((origin.t_ns[i] as number) > window.end_ns) break
      const watts = (origin.value[i] as number) * origin.factor
      if (watts > peak_w) peak_w = watts
    }
  }
  const tooHigh =
    peak_w > THRESHOLDS.power_implausible_instant * tdp_w ||
    mean_w > THRESHOLDS.power_implausible_mean * tdp_w
  if (!tooHigh) return []
  return [
    {
      code: 'power_implausible',
      severity: 'invalid',
      message: `${energy.device_id} would have drawn ${mean_w.toFixed(0)} W on average and up to ${Math.max(peak_w, mean_w).toFixed(0)} W, with a rated power of ${tdp_w} W. Check the sensor's unit and scope.`,
      evidence: {
        device_id: energy.device_id,
        mean_w,
        peak_w: Number.isFinite(peak_w) ? peak_w : null,
        tdp_w,
      },
    },
  ]
}

/** Boards whose polled power is known to see only a part of each of its periods; of the ring nobody has told. */
const DUTY_CYCLED = /\b(A100|H100|GH200|H200)\b/

function dutyUnknown(energy: DeviceEnergy, device: Device | undefined): Finding[] {
  const { chosen } = energy
  if (chosen === null || chosen.origin.calibrated) return []
  const { duty, source } = chosen.origin
  if (duty === null ? !DUTY_CYCLED.test(device?.model ?? '') : duty >= 1) return []
  const share = duty === null ? 'may see only part' : `sees only ${Math.round(100 * duty)} %`
  return [
    {
      code: 'sensor_duty_unknown',
      severity: 'info',
      message: `${source} of ${device?.model ?? energy.device_id} ${share} of each period; its error is a bound, not a calibration. Two runs on this card are compared without it.`,
      evidence: { device_id: energy.device_id, model: device?.model, source, duty },
    },
  ]
}
