import type { Device } from '../../analysis/schema/device.ts'
import type { Maybe, Reason } from '../../analysis/schema/reason.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import { isDualDie, sharedDies } from './amd-identity.ts'
import { drmCards } from './drm-cards.ts'
import { type CardFile, type MonitoredCard, monitored } from './hwmon-card.ts'
import { sampleRow } from './reading.ts'
import {
  type Found,
  type Missing,
  NOTHING_FOUND,
  type OpenSource,
  type Sensor,
  type SensorOptions,
  type SensorSource,
} from './sensor.ts'

const SOURCE = 'hwmon'

/**
 * AMD and Intel graphics cards by the files of Linux' own drivers, without a library: what AMDSMI has found is left to
 * it. On AMD cards power, on Intel's an energy counter.
 */
export const hwmon: SensorSource = {
  name: SOURCE,
  async open(
    { clock, sysfsRoot }: SensorOptions,
    found: Found = NOTHING_FOUND,
  ): Promise<OpenSource> {
    const cards = drmCards(sysfsRoot)
      .filter(({ pci }) => !found.devices.some((d) => d.pci === pci))
      .map(monitored)
      .filter((card) => card !== null)
      .map((card, index) => ({ ...card, device: { ...card.device, index } }))
    const read = cards.map((card) => ({ card, power: firstThatReads(card.powers) }))
    const dies = read.filter(({ card }) => isDualDie(null, card.card.pci_id))
    const shared = sharedDies(
      dies.map(({ card, power }) => ({
        id: card.device.device_id,
        reads_power: power.file !== null,
      })),
    )
    const devices: Device[] = []
    const sensors: Sensor[] = []
    const missing: Missing[] = []
    for (const { card, power } of read) {
      const { device_id } = card.device
      const counted_by = shared.get(device_id) ?? null
      const counts = [...shared].filter(([, by]) => by === device_id).map(([die]) => die)
      if (power.file === null)
        missing.push(
          counted_by === null ? noPower(card, power.reason) : countedBy(card, counted_by),
        )
      // Graphics without power or energy of its own is part of another device, not one to be measured.
      if (power.file === null && card.device.vendor === 'intel') continue
      devices.push(counted_by === null ? card.device : dieOf(card.device, counted_by))
      const files = [power.file, ...card.gauges].filter((file) => file !== null)
      for (const file of files)
        if (file === power.file || file.read().value !== null)
          sensors.push(sensorOf(card, file, counts, clock))
    }
    if (cards.length === 0) missing.push(NO_CARD)
    return { source: SOURCE, devices, sensors, missing, environment: {}, close: () => {} }
  },
}

function firstThatReads(
  files: readonly CardFile[],
): { file: CardFile } | { file: null; reason: Reason } {
  let reason: Reason = 'unsupported'
  for (const file of files) {
    const reading: Maybe = file.read()
    if (reading.value !== null) return { file }
    // A file that is not there says less than one that answers badly.
    if (reading.reason !== 'lost') reason = reading.reason
  }
  return { file: null, reason }
}

function sensorOf(
  { device }: MonitoredCard,
  file: CardFile,
  counts: readonly string[],
  clock: Clock,
): Sensor {
  const { device_id } = device
  const row = {
    sensor_id: `${device_id}:${SOURCE}:${file.metric}`,
    device_id,
    metric: file.metric,
    source: SOURCE,
    ...file.row,
    ...(file.row.scope !== undefined && counts.length > 0 ? { shared_with: [...counts] } : {}),
  }
  return {
    row,
    cadence: file.cadence,
    read() {
      const reading = file.read()
      return [sampleRow(row, clock.now(), reading)]
    },
  }
}

const dieOf = (device: Device, parent_device_id: string): Device => ({
  ...device,
  kind: 'gpu_instance',
  parent_device_id,
})

const NO_CARD: Missing = {
  source: SOURCE,
  device_id: null,
  reason: 'no_device',
  fix: 'No AMD or Intel graphics card with a power monitor is on the bus.',
}

function noPower({ device, card }: MonitoredCard, reason: Reason): Missing {
  return {
    source: SOURCE,
    device_id: device.device_id,
    reason,
    fix:
      reason === 'permission_denied'
        ? `The power files under ${card.path}/hwmon are refused to this user. Let it read them, or run as root.`
        : `${device.device_id} tells neither power nor energy under ${card.path}/hwmon: ${REASONS[reason]}. A newer kernel may offer it; virtual functions have none.`,
  }
}

function countedBy({ device }: MonitoredCard, by: string): Missing {
  return {
    source: SOURCE,
    device_id: device.device_id,
    reason: 'unsupported',
    fix: `${device.device_id} is a die of a card of two without a power sensor of its own: that of ${by} counts both and is read once. For joules that are this engine's alone give it the whole card.`,
  }
}
