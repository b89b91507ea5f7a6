import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { ConfigError } from '../../analysis/schema/study.ts'

const ENERGY_METRICS: ReadonlySet<string> = new Set([
  'gpu_power_mw',
  'gpu_power_uw',
  'gpu_energy_mj',
  'gpu_energy_uj',
  'cpu_energy_uj',
  'cpu_power_mw',
])

/**
 * The device to calibrate: the one asked for by the beginning of its id, else the first GPU, else the first processor,
 * of those whose power is measured.
 * @throws ConfigError naming what this host has
 */
export function calibrationTarget(
  wanted: string | null,
  devices: readonly Device[],
  sensors: readonly SensorRow[],
): Device {
  const isMeasured = (d: Device) =>
    sensors.some(
      (s) =>
        s.device_id === d.device_id && ENERGY_METRICS.has(s.metric) && s.source !== 'cpu_estimate',
    )
  const able = devices.filter(
    (d) => (d.kind === 'gpu' || d.kind === 'cpu_package') && isMeasured(d),
  )
  const named = wanted === null ? able : able.filter((d) => d.device_id.startsWith(wanted))
  const here = able.map((d) => d.device_id).join(', ') || 'none'
  const refuse = (message: string) => new ConfigError([{ path: '--device', message }])
  if (able.length === 0)
    throw refuse(
      'has nothing to name: no GPU or processor of this host measures its power; llem-agent doctor says what would mend that',
    )
  if (wanted !== null && named.length !== 1)
    throw refuse(
      `is ${wanted}, which names ${named.length === 0 ? 'no device' : `${named.length} devices`} whose power is measured; here is ${here}`,
    )
  return (named.find((d) => d.kind === 'gpu') ?? named[0]) as Device
}

/** @throws ConfigError where the meter that was asked for is not open, with what it did */
export function requireMeter(
  meter: string,
  sensors: readonly SensorRow[],
  missing: readonly { readonly source: string; readonly fix: string }[],
): void {
  if (meter === 'typed' || sensors.some((s) => s.source === meter)) return
  const why = missing.filter((m) => m.source === meter).map((m) => m.fix)
  throw new ConfigError([
    {
      path: '--meter',
      message: `is ${meter}, which tells nothing. ${why.join(' ')}`.trim(),
    },
  ])
}

/** How long after a change of load the meter may still show the load before, s. */
export function meterLag(meter: string, sensors: readonly SensorRow[]): number {
  const lags = sensors.filter((s) => s.source === meter).map((s) => (s.lag_ms ?? 0) / 1000)
  return Math.max(0, ...lags)
}
