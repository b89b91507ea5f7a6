import { join } from 'node:path'
import { type Maybe, unknown } from '../../analysis/schema/reason.ts'
import { combined, numberIn } from './file-power.ts'
import { exists, listNames, readText } from './files.ts'

/** One channel of a board's INA3221 power monitors. */
export interface Rail {
  readonly label: string
  /** mW now. */
  readonly read: () => Promise<Maybe>
}

/** The folders in which the kernel, or NVIDIA's older one, lists its power monitors. */
const DRIVERS = ['bus/i2c/drivers/ina3221', 'bus/i2c/drivers/ina3221x']

/** Every channel that has a name, in the order of the monitors' addresses. */
export function findRails(sysfsRoot: string): Rail[] {
  const rails: Rail[] = []
  for (const driver of DRIVERS) {
    const root = join(sysfsRoot, driver)
    for (const chip of listNames(root).filter((name) => /^\d+-[0-9a-f]{4}$/.test(name))) {
      const folder = join(root, chip)
      for (const name of listNames(join(folder, 'hwmon')))
        rails.push(...hwmonRails(join(folder, 'hwmon', name)))
      for (const name of listNames(folder))
        if (/^iio[:_]device/.test(name)) rails.push(...iioRails(join(folder, name)))
    }
  }
  // A channel that is shown in two ways is one channel.
  return [...new Map(rails.map((rail) => [rail.label, rail])).values()]
}

/** `in1_label` names the channel, `in1_input` is mV, `curr1_input` mA; where there is `power1_input`, it is µW. */
function hwmonRails(folder: string): Rail[] {
  return [1, 2, 3].flatMap((n) => {
    const label = named(join(folder, `in${n}_label`))
    if (label === null) return []
    const power = join(folder, `power${n}_input`)
    const read = exists(power)
      ? async () =>
          combined(await numberIn(power), { value: 1000, reason: null }, (uw, k) => uw / k)
      : async () => {
          const [mv, ma] = await Promise.all([
            numberIn(join(folder, `in${n}_input`)),
            numberIn(join(folder, `curr${n}_input`)),
          ])
          return combined(mv, ma, (v, a) => (v * a) / 1000)
        }
    return [{ label, read }]
  })
}

/** `rail_name_0` and `in_power0_input`, mW, of NVIDIA's kernel before 5. */
function iioRails(folder: string): Rail[] {
  return [0, 1, 2].flatMap((n) => {
    const label = named(join(folder, `rail_name_${n}`))
    return label === null
      ? []
      : [{ label, read: () => numberIn(join(folder, `in_power${n}_input`)) }]
  })
}

/** A channel that is not connected is called NC, or nothing. */
function named(path: string): string | null {
  const { text } = readText(path)
  return text === null || text === '' || text === 'NC' ? null : text
}

/** What a rail that is not the whole may show: nothing at all, where its part is switched off. */
export const drawn = (reading: Maybe, whole: boolean): Maybe =>
  reading.value !== null && (reading.value < 0 || (whole && reading.value === 0))
    ? unknown('implausible')
    : reading
