import { idlePower } from './energy/baseline.ts'
import type { DeviceEnergy } from './energy/device-energy.ts'
import { readingsWithin } from './energy/gauge.ts'
import { deviceMemoryPeak } from './energy/gpu-memory.ts'
import { standard } from './estimators/uncertainty.ts'
import type { RunData } from './readings/run-data.ts'
import { usedDeviceIds } from './readings/used-devices.ts'
import type { SummaryDevice } from './schema/summary.ts'
import type { Window } from './window.ts'

type Shown = Pick<
  DeviceEnergy,
  | 'device_id'
  | 'scope'
  | 'energy_j'
  | 'reason'
  | 'source'
  | 'power_mean_w'
  | 'components'
  | 'chosen'
  | 'estimates'
>

/** Every recorded device with its energy over the window, used by the engine or not. */
export function summaryDevices(
  run: RunData,
  window: Window | null,
  devices: readonly DeviceEnergy[],
): SummaryDevice[] {
  const used = usedDeviceIds(run)
  return devices.map((energy) =>
    window === null ? row(run, withoutWindow(energy), used, null) : row(run, energy, used, window),
  )
}

const withoutWindow = (energy: DeviceEnergy): Shown => ({
  ...energy,
  energy_j: null,
  reason: 'no_window',
  source: null,
  power_mean_w: null,
  components: [],
  estimates: [],
})

function row(
  run: RunData,
  energy: Shown,
  used: ReadonlySet<string>,
  window: Window | null,
): SummaryDevice {
  const device = run.devices.find((d) => d.device_id === energy.device_id)
  const range = 2 * standard(energy.components)
  return {
    device_id: energy.device_id,
    kind: device?.kind ?? 'gpu',
    model: device?.model ?? null,
    used: used.has(energy.device_id),
    energy_j: energy.energy_j,
    low: energy.energy_j === null ? null : energy.energy_j - range,
    high: energy.energy_j === null ? null : energy.energy_j + range,
    reason: energy.reason,
    provenance: energy.source,
    power_mean_w: energy.power_mean_w,
    idle_cold_w: idlePower(run, energy, 'baseline').watts,
    idle_resident_w: idlePower(run, energy, 'idle').watts,
    estimates: energy.estimates.map((e) => ({
      source: e.source,
      method: e.method,
      energy_j: e.energy_j,
      reason: e.reason,
    })),
    components: [...energy.components],
    temperature_max_c: window === null ? null : hottest(run, energy.device_id, window),
    memory_peak_mib: window === null ? null : deviceMemoryPeak(run, energy.device_id, window),
  }
}

function hottest(run: RunData, device_id: string, window: Window): number | null {
  const values = readingsWithin(run, device_id, 'gpu_temperature_c', window)
  return values.length === 0 ? null : values.reduce((a, b) => Math.max(a, b))
}
