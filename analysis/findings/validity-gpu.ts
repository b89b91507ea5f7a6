import type { DeviceEnergy } from '../energy/device-energy.ts'
import { readingsWithin } from '../energy/gauge.ts'
import { firstAbove } from '../estimators/power-curve.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Device } from '../schema/device.ts'
import type { Finding } from '../schema/finding.ts'
import { THROTTLE_BITS } from '../schema/metric.ts'
import { mean } from '../stats/moments.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'
import { settingsFindings } from './settings-findings.ts'
import { throttleFindings } from './throttle-findings.ts'

/**
 * What a device's own gauges and settings say against the window: throttling, drift of clocks and temperature, changed
 * settings, and power that can't be. Source: docs/metrics.md, "Validity".
 */
export function deviceFindings(run: RunData, energy: DeviceEnergy, window: Window): Finding[] {
  const device = run.devices.find((d) => d.device_id === energy.device_id)
  return [
    ...throttleFindings(run, energy, device, window),
    ...clocks(run, energy.device_id, window),
    ...temperature(run, energy.device_id, window),
    ...settingsFindings(run, energy.device_id, window),
    ...implausible(energy, device, window),
    ...dutyUnknown(energy, device),
  ]
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

/** Boards whose polled power is known to see only a part of each of its periods. */
const DUTY_CYCLED = /\b(A100|H100|GH200|H200)\b/
const POLLED: readonly string[] = ['nvml_power_instant', 'nvml_power_average']
/** Of them, those whose ring and counter were measured and see all of the time: docs/measuring.md, "On an H100". */
const SEEN_WHOLE = /\bH100\b/

const mayBePart = (source: string, model: string): boolean =>
  DUTY_CYCLED.test(model) &&
  (source.split('+').some((s) => POLLED.includes(s)) || !SEEN_WHOLE.test(model))

function dutyUnknown(energy: DeviceEnergy, device: Device | undefined): Finding[] {
  const { chosen } = energy
  if (chosen === null || chosen.origin.calibrated) return []
  const { duty, source } = chosen.origin
  if (duty === null ? !mayBePart(source, device?.model ?? '') : duty >= 1) return []
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
