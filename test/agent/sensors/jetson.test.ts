import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { jetson } from '../../../agent/sensors/jetson.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let host: HostTree
beforeEach(() => {
  host = hostTree()
})
afterEach(() => host.remove())

const CHIP = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3'

/** A channel as the kernel's driver shows it: mV and mA. */
const rail = (folder: string, n: number, label: string, mv: number, ma: number) =>
  host.write({
    [`${folder}/in${n}_label`]: label,
    [`${folder}/in${n}_input`]: mv,
    [`${folder}/curr${n}_input`]: ma,
  })
const board = (...names: string[]) => host.write({ 'device-tree/compatible': names.join('\0') })

function orinNano(): void {
  board('nvidia,p3768-0000+p3767-0003', 'nvidia,p3767-0003', 'nvidia,tegra234')
  rail(CHIP, 1, 'VDD_IN', 4968, 1384)
  rail(CHIP, 2, 'VDD_CPU_GPU_CV', 4968, 416)
  rail(CHIP, 3, 'VDD_SOC', 4960, 288)
  host.write({ [`${CHIP}/in7_label`]: 'sum of shunt voltages', [`${CHIP}/in7_input`]: 12 })
}

function agxOrin(): void {
  board('nvidia,p3737-0000+p3701-0005', 'nvidia,p3701-0005', 'nvidia,tegra234')
  rail(CHIP, 1, 'VDD_GPU_SOC', 4968, 1000)
  rail(CHIP, 2, 'VDD_CPU_CV', 4968, 500)
  rail(CHIP, 3, 'VIN_SYS_5V0', 4968, 1200)
  const second = 'bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon4'
  rail(second, 1, 'NC', 0, 0)
  rail(second, 2, 'VDDQ_VDD2_1V8AO', 4968, 200)
}

const clock = createClock()
const open = () => jetson.open(hostAt({ clock, sysfsRoot: host.root, procRoot: host.root }))
const read = async (opened: Awaited<ReturnType<typeof open>>) =>
  Object.fromEntries(
    (await Promise.all(opened.sensors.map((s) => s.read())))
      .flat()
      .map((r) => [r.device_id, r.value ?? r.reason]),
  )

describeSource({
  name: 'jetson',
  async present() {
    orinNano()
    return {
      source: await open(),
      clock,
      pass() {},
      lose: () => host.take('bus'),
    }
  },
  absent: open,
})

describe("a Jetson's rails", () => {
  it('are mV × mA / 1000, the module by its input rail, the others as its parts', async () => {
    orinNano()
    const source = await open()
    expect(source.devices).toMatchObject([
      { device_id: 'soc:0', kind: 'soc', model: 'Jetson Orin NX or Nano' },
      { device_id: 'rail:VDD_CPU_GPU_CV', kind: 'rail', parent_device_id: 'soc:0' },
      { device_id: 'rail:VDD_SOC', kind: 'rail', parent_device_id: 'soc:0' },
    ])
    expect(source.devices[0]).not.toHaveProperty('made_of')
    // 4968 mV × 1384 mA = 6875.712 mW
    expect(await read(source)).toEqual({
      'soc:0': 6875.712,
      'rail:VDD_CPU_GPU_CV': 2066.688,
      'rail:VDD_SOC': 1428.48,
    })
    expect(source.sensors.map((s) => [s.row.metric, s.row.scope, s.row.shared_with])).toEqual([
      ['module_power_mw', 'module', undefined],
      ['rail_power_mw', 'rail', ['cpu', 'gpu', 'cv']],
      ['rail_power_mw', 'rail', undefined],
    ])
    expect(source.missing).toEqual([])
  })

  it('add up to the module where it has no input monitor, without those that hang on another rail', async () => {
    agxOrin()
    const source = await open()
    expect(source.devices[0]).toMatchObject({
      device_id: 'soc:0',
      made_of: ['rail:VDD_GPU_SOC', 'rail:VDD_CPU_CV', 'rail:VIN_SYS_5V0'],
    })
    expect(source.devices.at(-1)).toMatchObject({
      device_id: 'rail:VDDQ_VDD2_1V8AO',
      parent_device_id: 'rail:VIN_SYS_5V0',
    })
    expect(source.sensors).toHaveLength(4)
  })

  it('do not add up where one lacks or the board is not known, and say so', async () => {
    agxOrin()
    host.take(`${CHIP}/in2_label`)
    const lacking = await open()
    expect(lacking.devices[0]).not.toHaveProperty('made_of')
    expect(lacking.missing).toMatchObject([{ device_id: 'soc:0', reason: 'ambiguous_mapping' }])
    expect(lacking.missing[0]?.fix).toContain('VDD_CPU_CV lacks')
    agxOrin()
    board('nvidia,p9999-0000', 'nvidia,tegra999')
    expect((await open()).missing[0]?.fix).toContain('nvidia,p9999-0000')
  })

  it('know an unknown board by its input rail', async () => {
    orinNano()
    board('nvidia,p9999-0000')
    const source = await open()
    expect(source.devices[0]).toMatchObject({ device_id: 'soc:0', model: 'nvidia,p9999-0000' })
    expect(source.missing).toEqual([])
  })

  it('are read by the names of the older kernel, in mW', async () => {
    board('nvidia,p3448-0000')
    const iio = 'bus/i2c/drivers/ina3221x/6-0040/iio:device0'
    host.write({
      [`${iio}/rail_name_0`]: 'POM_5V_IN',
      [`${iio}/in_power0_input`]: 1750,
      [`${iio}/rail_name_1`]: 'POM_5V_GPU',
      [`${iio}/in_power1_input`]: 0,
    })
    // A part that is switched off draws nothing.
    expect(await read(await open())).toEqual({ 'soc:0': 1750, 'rail:POM_5V_GPU': 0 })
  })

  it('may be told in µW', async () => {
    orinNano()
    host.write({ [`${CHIP}/power1_input`]: 7_000_000 })
    expect(await read(await open())).toMatchObject({ 'soc:0': 7000 })
  })

  it('give null with a reason for a module that draws nothing, and for what is no number', async () => {
    orinNano()
    const source = await open()
    rail(CHIP, 1, 'VDD_IN', 4968, 0)
    rail(CHIP, 3, 'VDD_SOC', 4960, -1)
    host.write({ [`${CHIP}/in2_input`]: 'EAGAIN' })
    expect(await read(source)).toEqual({
      'soc:0': 'implausible',
      'rail:VDD_CPU_GPU_CV': 'lost',
      'rail:VDD_SOC': 'implausible',
    })
  })
})
