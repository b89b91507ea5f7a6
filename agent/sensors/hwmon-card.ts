import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import type { MetricName } from '../../analysis/schema/metric.ts'
import type { Maybe } from '../../analysis/schema/reason.ts'
import { known } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { amdDeviceId, isModule } from './amd-identity.ts'
import type { DrmCard } from './drm-cards.ts'
import { readText } from './files.ts'
import { isApu, labelled, monitorOf, readNumber } from './hwmon-files.ts'
import { powered } from './reading.ts'
import type { Cadence } from './sensor.ts'

/** A number of a card's files that can be read again and again. */
export interface CardFile {
  readonly metric: MetricName
  readonly cadence: Cadence
  readonly row: Partial<SensorRow>
  readonly read: () => Maybe
}

/** A card whose monitor the kernel shows. */
export interface MonitoredCard {
  readonly device: Device
  readonly card: DrmCard
  /** What may tell its power or energy, best first. */
  readonly powers: readonly CardFile[]
  readonly gauges: readonly CardFile[]
}

/** No maker states how wrong these readings are. Source: docs/measuring.md, "GPUs through the kernel". */
const ACCURACY = { gain_rel: 0.05, offset_w: 5, basis: 'assumed' } as const

/** null: the card has no monitor, as processors' own graphics of Intel. */
export function monitored(card: DrmCard): MonitoredCard | null {
  const monitor = monitorOf(card.path)
  if (monitor === null || card.vendor === null) return null
  const at = (name: string) => join(monitor, name)
  const watts = (name: string) => {
    const { value } = readNumber(at(name))
    return value === null || value <= 0 ? null : value / 1e6
  }
  const apu = card.vendor === 'amd' && isApu(card.path)
  const device: Device = {
    device_id:
      card.vendor === 'amd'
        ? amdDeviceId(readText(join(card.path, 'unique_id')).text, null, card.pci)
        : `INTEL-${card.pci}`,
    kind: apu ? 'soc' : 'gpu',
    vendor: card.vendor,
    model: readText(join(card.path, 'product_name')).text || card.pci_id,
    tdp_w: watts('power1_cap_default') ?? watts('power1_rated_max'),
    power_limit_w: watts('power1_cap') ?? watts('power1_max'),
    memory_bytes: readNumber(join(card.path, 'mem_info_vram_total')).value,
    pci: card.pci,
  }
  const scope = apu || isModule(null, card.pci_id) ? 'module' : 'gpu'
  const row = { scope, accuracy: ACCURACY } as const
  const power = (name: string): CardFile => ({
    metric: 'gpu_power_uw',
    cadence: 'gauge',
    row,
    read: () => powered(readNumber(at(name))),
  })
  const energies = labelled(monitor, 'energy')
  // A counter of the whole card before one of the package alone.
  const energy = [energies.get('card'), energies.get('1'), energies.get('pkg')]
    .filter((path) => path !== undefined)
    .map(
      (path): CardFile => ({
        metric: 'gpu_energy_uj',
        // Half an hour passes before the register behind it wraps: once a second loses nothing.
        cadence: 'ring',
        row: { ...row, period_ms: 100, range: null },
        read: () => powered(readNumber(path)),
      }),
    )
  return {
    device,
    card,
    powers: [...energy, power('power1_input'), power('power1_average')],
    gauges: gaugesOf(card, monitor),
  }
}

/** What the card has files of: temperatures, clocks, use, memory, the power limit. */
function gaugesOf(card: DrmCard, monitor: string): CardFile[] {
  const temperatures = labelled(monitor, 'temp')
  const clocks = labelled(monitor, 'freq')
  const gauge = (metric: MetricName, path: string | undefined, per = 1): CardFile[] =>
    path === undefined
      ? []
      : [{ metric, cadence: 'gauge', row: {}, read: () => scaled(readNumber(path), per) }]
  const MILLI = 1000
  const HZ_PER_MHZ = 1e6
  const hotspot = temperatures.get('junction')
  return [
    ...gauge(
      'gpu_temperature_c',
      temperatures.get('edge') ?? temperatures.get('pkg') ?? hotspot ?? temperatures.get('1'),
      MILLI,
    ),
    ...gauge('gpu_hotspot_temperature_c', hotspot, MILLI),
    ...gauge(
      'gpu_memory_temperature_c',
      temperatures.get('mem') ?? temperatures.get('vram'),
      MILLI,
    ),
    ...gauge('gpu_sm_clock_mhz', clocks.get('sclk'), HZ_PER_MHZ),
    ...gauge('gpu_memory_clock_mhz', clocks.get('mclk'), HZ_PER_MHZ),
    ...gauge('gpu_utilisation_pct', join(card.path, 'gpu_busy_percent')),
    ...gauge('gpu_memory_used_bytes', join(card.path, 'mem_info_vram_used')),
    ...gauge(
      'gpu_power_limit_uw',
      join(monitor, card.vendor === 'amd' ? 'power1_cap' : 'power1_max'),
    ),
  ]
}

const scaled = (reading: Maybe, per: number): Maybe =>
  reading.value === null ? reading : known(reading.value / per)
