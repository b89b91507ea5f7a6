import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { filePower } from './file-power.ts'
import { type Board, boardOf } from './jetson-boards.ts'
import { drawn, findRails, type Rail } from './jetson-rails.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'jetson'
const SOC = 'soc:0'
const ACCURACY = { gain_rel: 0.05, basis: 'assumed' } as const

/**
 * The power rails of an NVIDIA Jetson, by its INA3221 monitors. Processor, GPU and memory share them, so what can be
 * counted is the module: its input, or on boards without a monitor there the sum of the rails of the first level.
 */
export const jetson: SensorSource = {
  name: SOURCE,
  async open({ clock, sysfsRoot, procRoot }: SensorOptions): Promise<OpenSource> {
    const rails = findRails(sysfsRoot)
    if (rails.length === 0)
      return absent('no_device', 'This is no Jetson: no INA3221 power monitor is on its I²C buses.')
    const board = boardOf(
      procRoot,
      rails.map((r) => r.label),
    )
    const sensors: Sensor[] = []
    const missing: Missing[] = []
    for (const rail of rails) {
      const whole = rail.label === board.total
      const read = async () => drawn(await rail.read(), whole)
      const row = rowOf(rail, board)
      const first = await read()
      if (first.value !== null || first.reason === 'implausible')
        sensors.push(filePower(row, 'gauge', clock, read))
      else
        missing.push({
          source: SOURCE,
          device_id: row.device_id,
          reason: first.reason,
          fix: `Cannot read the rail ${rail.label}; the files of the INA3221 under ${sysfsRoot}/bus/i2c/drivers must be readable for this user.`,
        })
    }
    const input = rails.some((r) => r.label === board.total)
    const noSum = input ? null : whyNoSum(board, rails)
    if (noSum !== null) missing.push(noSum)
    return {
      source: SOURCE,
      devices: sensors.length === 0 ? [] : devicesOf(board, rails, !input && noSum === null),
      sensors,
      missing,
      environment: { jetson: { board: board.name } },
      close() {},
    }
  },
}

const railId = (label: string): string => `rail:${label.replace(/[^A-Za-z0-9._-]/g, '_')}`

function rowOf({ label }: Rail, board: Board): SensorRow {
  const whole = label === board.total
  const device_id = whole ? SOC : railId(label)
  const feeds = board.rails[label]?.feeds ?? []
  return {
    sensor_id: `${device_id}:ina3221`,
    device_id,
    metric: whole ? 'module_power_mw' : 'rail_power_mw',
    source: 'ina3221',
    scope: whole ? 'module' : 'rail',
    accuracy: ACCURACY,
    ...(feeds.length > 1 ? { shared_with: [...feeds] } : {}),
  }
}

/** The module, and its rails as parts of it. Without a monitor at its input it is made of those of the first level. */
function devicesOf(board: Board, rails: readonly Rail[], adds: boolean): Device[] {
  const parts = rails.filter((r) => r.label !== board.total)
  const first = parts.filter((r) => board.rails[r.label]?.within === undefined)
  const soc = { device_id: SOC, kind: 'soc', vendor: 'nvidia', model: board.name }
  return [
    adds ? { ...soc, made_of: first.map((r) => railId(r.label)) } : soc,
    ...parts.map(({ label }): Device => {
      const within = board.rails[label]?.within
      return {
        device_id: railId(label),
        kind: 'rail',
        vendor: 'nvidia',
        model: label,
        parent_device_id: within === undefined ? SOC : railId(within),
      }
    }),
  ]
}

/** Where the module has no input monitor, its rails add up only if the board is known and they are all there. */
function whyNoSum(board: Board, rails: readonly Rail[]): Missing | null {
  const first = Object.keys(board.rails).filter((l) => board.rails[l]?.within === undefined)
  const here = rails.map((r) => r.label)
  const lacking = board.total === null ? first.filter((l) => !here.includes(l)) : [board.total]
  const strange = here.filter((l) => board.rails[l] === undefined)
  if (first.length > 0 && lacking.length === 0 && strange.length === 0) return null
  const words = [
    ...lacking.map((l) => `${l} lacks`),
    ...strange.map((l) => `${l} is not in the table`),
  ].join(', ')
  return {
    source: SOURCE,
    device_id: SOC,
    reason: 'ambiguous_mapping',
    fix: `Which rails of ${board.name} add up to the module is not known (${words}); each is recorded, and their sum is not.`,
  }
}

const absent = (reason: Missing['reason'], fix: string): OpenSource => ({
  source: SOURCE,
  devices: [],
  sensors: [],
  missing: [{ source: SOURCE, device_id: null, reason, fix }],
  environment: {},
  close() {},
})
