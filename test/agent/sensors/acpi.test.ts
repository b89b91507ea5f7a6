import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { acpi } from '../../../agent/sensors/acpi.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let host: HostTree
beforeEach(() => {
  host = hostTree()
})
afterEach(() => host.remove())

/** A power meter as the kernel shows it, µW; older ones put everything into the device's folder. */
function meter(n: number, label: string | null, microwatts: number, old = false): void {
  const folder = `class/hwmon/hwmon${n}`
  host.write({
    [old ? `${folder}/device/name` : `${folder}/name`]: 'power_meter',
    [`${folder}/device/power1_average`]: microwatts,
    [`${folder}/device/power1_average_interval`]: 50,
    ...(label === null ? {} : { [`${folder}/device/power1_oem_info`]: label }),
  })
}

function graceHopper(): void {
  host.write({ 'class/hwmon/hwmon0/name': 'nvme', 'class/hwmon/hwmon0/power1_average': 5 })
  meter(1, 'Module Power Socket 0', 420_000_000)
  meter(2, 'Grace Power Socket 0', 150_000_000, true)
  meter(3, 'CPU Power Socket 0', 125_500_000)
  meter(4, 'SysIO Power Socket 0', 9_500_000)
}

const clock = createClock()
const open = () => acpi.open(hostAt({ clock, sysfsRoot: host.root }))
const told = (source: Awaited<ReturnType<typeof open>>) =>
  source.sensors.map((s) => [s.row.device_id, s.row.metric, s.row.scope])

describeSource({
  name: 'acpi',
  async present() {
    graceHopper()
    return { source: await open(), clock, pass() {}, lose: () => host.take('class') }
  },
  absent: open,
})

describe('ACPI power meters', () => {
  it('of a superchip are module, processor and rails, each a scope of its own', async () => {
    graceHopper()
    const source = await open()
    expect(told(source)).toEqual([
      ['module:0', 'module_power_mw', 'module'],
      ['cpu_package:0', 'cpu_power_mw', 'package'],
      ['rail:cpu:0', 'rail_power_mw', 'rail'],
      ['rail:soc:0', 'rail_power_mw', 'rail'],
    ])
    expect(source.devices.map((d) => [d.kind, d.parent_device_id ?? null])).toEqual([
      ['module', null],
      ['cpu_package', null],
      ['rail', 'cpu_package:0'],
      ['rail', 'cpu_package:0'],
    ])
    const rows = (await Promise.all(source.sensors.map((s) => s.read()))).flat()
    expect(rows.map((r) => r.value)).toEqual([420_000, 150_000, 125_500, 9500])
    expect(source.sensors[0]?.row.averaging_ms).toBe(50)
  })

  it('read later labels alike, and leave out what is no input power', async () => {
    meter(0, 'Total Power in uW socket 1', 150_000_000)
    meter(1, 'DRAM Input Power in uW socket 1', 8_000_000)
    meter(2, 'CPU Rail Output Power in uW socket 1', 55_000_000)
    meter(3, 'Total CPU Energy In uJ socket 1', 1)
    const source = await open()
    expect(told(source)).toEqual([
      ['cpu_package:1', 'cpu_power_mw', 'package'],
      ['rail:dram:1', 'rail_power_mw', 'rail'],
    ])
    expect(source.missing).toMatchObject([{ reason: 'ambiguous_mapping' }])
    expect(source.missing[0]?.fix).toContain('CPU Rail Output Power')
  })

  it('without a name measures the node, if it is the only one', async () => {
    meter(0, null, 312_000_000)
    expect(told(await open())).toEqual([['node:0', 'node_power_mw', 'node']])
    meter(1, null, 1_000_000)
    const two = await open()
    expect(two.sensors).toEqual([])
    expect(two.missing).toMatchObject([
      { reason: 'ambiguous_mapping' },
      { reason: 'ambiguous_mapping' },
    ])
  })

  it('is missing with a reason where it tells nothing or nothing plausible', async () => {
    meter(0, 'Grace Power Socket 0', 0)
    host.write({ 'class/hwmon/hwmon1/name': 'power_meter' })
    host.write({ 'class/hwmon/hwmon1/power1_average/folder': '' })
    expect((await open()).missing.map((m) => m.reason).sort()).toEqual(['implausible', 'lost'])
  })
})
