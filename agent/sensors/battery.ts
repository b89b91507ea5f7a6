import { join } from 'node:path'
import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { combined, filePower, numberIn } from './file-power.ts'
import { exists, listNames, readText, readTextLater } from './files.ts'
import type { OpenSource, SensorOptions, SensorSource } from './sensor.ts'

const DEVICE = 'node:0'
/** Firmware refreshes its gauge every few seconds, some only every half minute. */
const LAG_MS = 5000

/**
 * A laptop's batteries: while they alone feed it, what they give is what the whole node draws. On mains there is no
 * reading, and it is not zero.
 */
export const battery: SensorSource = {
  name: 'battery',
  async open({ clock, sysfsRoot }: SensorOptions): Promise<OpenSource> {
    const root = join(sysfsRoot, 'class/power_supply')
    const supplies = listNames(root).map((name) => join(root, name))
    const batteries = supplies.filter(feedsNode)
    const mains = supplies.filter(
      (s) => readText(join(s, 'type')).text !== 'Battery' && exists(join(s, 'online')),
    )
    if (batteries.length === 0)
      return {
        source: 'battery',
        devices: [],
        sensors: [],
        missing: [
          {
            source: 'battery',
            device_id: null,
            reason: 'no_device',
            fix: `No battery feeds this machine: ${root} shows none.`,
          },
        ],
        environment: {},
        close() {},
      }
    const row: SensorRow = {
      sensor_id: `${DEVICE}:battery`,
      device_id: DEVICE,
      metric: 'node_power_mw',
      source: 'battery',
      scope: 'node',
      lag_ms: LAG_MS,
      accuracy: { gain_rel: 0.1, basis: 'assumed' },
    }
    return {
      source: 'battery',
      devices: [{ device_id: DEVICE, kind: 'node', vendor: null, model: null }],
      // Its firmware takes its time to answer, and has nothing new more often.
      sensors: [filePower(row, 'ring', clock, () => drawn(batteries, mains))],
      missing: [],
      environment: {},
      close() {},
    }
  },
}

/** A battery of the machine, and not of a mouse that it lists too. */
function feedsNode(supply: string): boolean {
  const is = (file: string, word: string) => readText(join(supply, file)).text === word
  return is('type', 'Battery') && !is('scope', 'Device')
}

/** mW from all batteries together; null as soon as anything else feeds the machine. */
async function drawn(batteries: readonly string[], mains: readonly string[]): Promise<Maybe> {
  for (const supply of mains)
    if ((await numberIn(join(supply, 'online'))).value === 1) return unknown('on_mains')
  let sum_mw = 0
  let giving = 0
  for (const path of batteries) {
    const { text } = await readTextLater(join(path, 'status'))
    if (text === null) return unknown('lost')
    if (text !== 'Discharging') continue
    const power = await milliwatts(path)
    if (power.value === null) return power
    giving++
    sum_mw += power.value
  }
  if (giving === 0) return unknown('on_mains')
  return sum_mw > 0 ? known(sum_mw) : unknown('implausible')
}

/** `power_now`, µW; else `current_now`, µA, × `voltage_now`, µV. Some firmware gives what flows out a minus. */
async function milliwatts(battery: string): Promise<Maybe> {
  const at = (file: string) => numberIn(join(battery, file))
  const power = exists(join(battery, 'power_now'))
    ? combined(await at('power_now'), known(1000), (uw, k) => uw / k)
    : combined(await at('current_now'), await at('voltage_now'), (ua, uv) => (ua * uv) / 1e9)
  return power.value === null ? power : known(Math.abs(power.value))
}
