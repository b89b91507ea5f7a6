import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import { type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { acpiMeaning } from './acpi-meaning.ts'
import { filePower, numberIn } from './file-power.ts'
import { exists, listNames, readText } from './files.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'acpi'

interface PowerMeter {
  /** The folder that holds `power1_average`. */
  readonly path: string
  /** What the firmware calls it; empty: nothing. */
  readonly label: string
}

/**
 * ACPI power meters: on NVIDIA Grace the processor with its memory, the rails within it, and the module with its
 * GPU; on other servers one without a name, which measures the whole node.
 */
export const acpi: SensorSource = {
  name: SOURCE,
  async open({ clock, sysfsRoot }: SensorOptions): Promise<OpenSource> {
    const meters = findMeters(join(sysfsRoot, 'class/hwmon'))
    const sensors: Sensor[] = []
    const devices: Device[] = []
    const missing: Missing[] = []
    const lacks = (device_id: string | null, reason: Missing['reason'], fix: string) =>
      missing.push({ source: SOURCE, device_id, reason, fix })
    if (meters.length === 0) lacks(null, 'no_device', 'The firmware shows no ACPI power meter.')
    const nameless = meters.filter((m) => m.label === '').length
    for (const { path, label } of meters) {
      const meaning = acpiMeaning(label, nameless)
      if (meaning === null) {
        if (/power/i.test(label) || label === '')
          lacks(
            null,
            'ambiguous_mapping',
            `What the ACPI power meter ${path} ("${label}") measures is not known; it is left out.`,
          )
        continue
      }
      const { device, metric, scope } = meaning
      const { device_id } = device
      if (devices.some((d) => d.device_id === device_id)) continue
      const row: SensorRow = {
        sensor_id: `${device_id}:${SOURCE}`,
        device_id,
        metric,
        source: SOURCE,
        scope,
        averaging_ms: Number(readText(join(path, 'power1_average_interval')).text) || null,
        accuracy: { gain_rel: 0.05, basis: 'assumed' },
      }
      const read = async () => milliwatts(await numberIn(join(path, 'power1_average')), scope)
      const first = await read()
      if (first.value === null) {
        lacks(
          device_id,
          first.reason,
          `The ACPI power meter ${path}/power1_average gives no reading (${first.reason}).`,
        )
        continue
      }
      devices.push(device)
      sensors.push(filePower(row, scope === 'node' ? 'ring' : 'gauge', clock, read))
    }
    return { source: SOURCE, devices, sensors, missing, environment: {}, close() {} }
  },
}

/** The kernel puts its files beside the class' name or, before 6.0, in the device's folder. */
function findMeters(root: string): PowerMeter[] {
  return listNames(root).flatMap((name) => {
    const folder = join(root, name)
    const places = [folder, join(folder, 'device')]
    if (!places.some((p) => readText(join(p, 'name')).text === 'power_meter')) return []
    const path = places.find((p) => exists(join(p, 'power1_average')))
    if (path === undefined || readText(join(path, 'power1_is_battery')).text === '1') return []
    const label = places.map((p) => readText(join(p, 'power1_oem_info')).text).find((t) => t)
    return [{ path, label: label ?? '' }]
  })
}

/** µW to mW. A rail may be switched off; a module, a processor or a node that runs draws something. */
function milliwatts(microwatts: Maybe, scope: string): Maybe {
  if (microwatts.value === null) return microwatts
  const least = scope === 'rail' ? 0 : 1
  return microwatts.value < least
    ? unknown('implausible')
    : { value: microwatts.value / 1000, reason: null }
}
