import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { rapl } from '../../../agent/sensors/rapl.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let root: string
let opened: OpenSource | null

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'llem-rapl-'))
  opened = null
})
afterEach(() => {
  opened?.close()
  rmSync(root, { recursive: true, force: true })
})

function zone(path: string, files: Record<string, string>): string {
  const dir = join(root, 'class/powercap', path)
  mkdirSync(dir, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), `${text}\n`)
  return dir
}

/** The tree of a two-socket server as Linux shows it, with the MMIO twin and sub-zones. */
function serverTree(): void {
  for (const socket of [0, 1]) {
    const base = { name: `package-${socket}`, max_energy_range_uj: '262143328850' }
    zone(`intel-rapl:${socket}`, { ...base, energy_uj: `${1000 + socket}` })
    zone(`intel-rapl:${socket}/intel-rapl:${socket}:0`, { name: 'core', energy_uj: '1' })
    zone(`intel-rapl:${socket}/intel-rapl:${socket}:1`, {
      name: 'dram',
      energy_uj: '77',
      max_energy_range_uj: '65712999613',
    })
    zone(`intel-rapl:${socket}/intel-rapl:${socket}:2`, { name: 'uncore', energy_uj: '2' })
  }
  zone('intel-rapl-mmio:0', { name: 'package-0', energy_uj: '1000' })
  zone('intel-rapl:2', { name: 'psys', energy_uj: '5000', max_energy_range_uj: '262143328850' })
}

const open = async (clock = createClock()): Promise<OpenSource> => {
  opened = await rapl.open(hostAt({ clock, sysfsRoot: root, procRoot: root }))
  return opened
}

const ZONES = [
  'intel-rapl:0',
  'intel-rapl:0/intel-rapl:0:0',
  'intel-rapl:1',
  'intel-rapl:1/intel-rapl:1:0',
  'intel-rapl:2',
  'intel-rapl:0/intel-rapl:0:1',
  'intel-rapl:1/intel-rapl:1:1',
]
const setCounters = (text: string) => {
  for (const path of ZONES) zone(path, { energy_uj: text })
}

describeSource({
  name: 'rapl',
  counters: true,
  async present() {
    serverTree()
    const clock = createClock()
    const source = await open(clock)
    opened = null // the suite closes it
    let energy_uj = 10_000
    let lost = false
    return {
      source,
      clock,
      pass() {
        energy_uj += 1000
        setCounters(lost ? '' : String(energy_uj))
      },
      lose() {
        lost = true
      },
    }
  },
  async absent() {
    const source = await open()
    opened = null
    return source
  },
})

describe('RAPL', () => {
  it('takes package, cores, DRAM and psys, each a scope of its own, and not the MMIO twin', async () => {
    serverTree()
    const source = await open()
    expect(source.sensors.map((s) => [s.row.device_id, s.row.metric, s.row.scope])).toEqual([
      ['cpu_package:0', 'cpu_energy_uj', 'package'],
      ['cpu_package:0', 'cpu_core_energy_uj', 'core'],
      ['dram:0', 'dram_energy_uj', 'dram'],
      ['cpu_package:1', 'cpu_energy_uj', 'package'],
      ['cpu_package:1', 'cpu_core_energy_uj', 'core'],
      ['dram:1', 'dram_energy_uj', 'dram'],
      ['platform:0', 'platform_energy_uj', 'platform'],
    ])
    expect(source.sensors.map((s) => s.row.range)).toEqual([
      262143328850,
      null,
      65712999613,
      262143328850,
      null,
      65712999613,
      262143328850,
    ])
    expect(source.devices.map((d) => d.device_id)).toEqual([
      'cpu_package:0',
      'dram:0',
      'cpu_package:1',
      'dram:1',
      'platform:0',
    ])
  })

  it('reads the counter as it stands, each time anew', async () => {
    const dir = zone('intel-rapl:0', { name: 'package-0', energy_uj: '1000' })
    const [sensor] = (await open()).sensors
    expect(await sensor?.read()).toMatchObject([{ value: 1000, reason: null }])
    writeFileSync(join(dir, 'energy_uj'), '2500\n')
    expect(await sensor?.read()).toMatchObject([{ value: 2500, reason: null }])
  })

  it('gives null with a reason when the file holds no number', async () => {
    const dir = zone('intel-rapl:0', { name: 'package-0', energy_uj: '1000' })
    const [sensor] = (await open()).sensors
    writeFileSync(join(dir, 'energy_uj'), '')
    expect(await sensor?.read()).toMatchObject([{ value: null, reason: 'lost' }])
  })

  it('tells a counter that holds no number, with the remedy', async () => {
    zone('intel-rapl:0', { name: 'package-0', energy_uj: 'garbage' })
    const source = await open()
    expect(source.sensors).toEqual([])
    expect(source.missing[0]?.fix).toMatch(
      /"garbage" is no counter reading\). Check that LLEM_SYSFS_ROOT.* modprobe intel_rapl_msr\.$/,
    )
  })

  it('tells an unreadable counter by a sentence that cures it', async () => {
    const dir = zone('intel-rapl:0', { name: 'package-0' })
    // A directory in its place can't be read by root either, whom permissions do not stop.
    mkdirSync(join(dir, 'energy_uj'))
    chmodSync(join(dir, 'energy_uj'), 0)
    const source = await open()
    expect(source.sensors).toEqual([])
    expect(source.missing[0]?.fix).toContain(join(dir, 'energy_uj'))
  })

  it('passes a counter on as it stands after a wrap, with the range at which it wraps', async () => {
    zone('intel-rapl:0', {
      name: 'package-0',
      energy_uj: '262143328000',
      max_energy_range_uj: '262143328850',
    })
    const [sensor] = (await open()).sensors
    zone('intel-rapl:0', { energy_uj: '150' })
    expect(await sensor?.read()).toMatchObject([{ value: 150, reason: null }])
    // 850 µJ up to the range and 150 after it: what analysis makes of it.
    expect(sensor?.row.range).toBe(262143328850)
  })

  it('knows what a domain can draw at most by its largest limit, and its rated power', async () => {
    zone('intel-rapl:0', {
      name: 'package-0',
      energy_uj: '1',
      constraint_0_max_power_uw: '125000000',
      constraint_0_power_limit_uw: '125000000',
      constraint_1_power_limit_uw: '253000000',
      constraint_1_max_power_uw: '0',
    })
    zone('intel-rapl:1', { name: 'package-1', energy_uj: '1' })
    const source = await open()
    expect(source.sensors.map((s) => s.row.max_w)).toEqual([506, null])
    expect(source.devices.map((d) => d.tdp_w)).toEqual([125, null])
    expect(source.devices[0]?.model).toBe(cpus()[0]?.model.trim() || null)
  })

  it('lists a package that can not be read beside one that can, so that their sum is unknown', async () => {
    zone('intel-rapl:0', { name: 'package-0', energy_uj: '1' })
    mkdirSync(join(zone('intel-rapl:1', { name: 'package-1' }), 'energy_uj'))
    const source = await open()
    expect(source.devices.map((d) => d.device_id)).toEqual(['cpu_package:0', 'cpu_package:1'])
    expect(source.sensors.map((s) => s.row.device_id)).toEqual(['cpu_package:0'])
    expect(source.missing).toMatchObject([{ device_id: 'cpu_package:1', reason: 'unsupported' }])
  })

  it('names the dies of a package apart', async () => {
    zone('intel-rapl:0', { name: 'package-0-die-0', energy_uj: '1' })
    zone('intel-rapl:1', { name: 'package-0-die-1', energy_uj: '1' })
    expect((await open()).devices.map((d) => d.device_id)).toEqual([
      'cpu_package:0.0',
      'cpu_package:0.1',
    ])
  })

  it('tells a user who may not read the counters what to type', async () => {
    const dir = zone('intel-rapl:0', { name: 'package-0', energy_uj: '1000' })
    chmodSync(join(dir, 'energy_uj'), 0o400)
    chmodSync(root, 0o755)
    // Root may read all: as root the test becomes nobody for the while.
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.(65_534)
    else chmodSync(join(dir, 'energy_uj'), 0)
    try {
      const source = await open()
      expect(source.sensors).toEqual([])
      expect(source.devices).toEqual([])
      expect(source.missing).toMatchObject([
        { device_id: 'cpu_package:0', reason: 'permission_denied' },
      ])
      expect(source.missing[0]?.fix).toContain(`sudo chmod a+r ${join(dir, 'energy_uj')}`)
    } finally {
      if (isRoot) process.seteuid?.(0)
    }
  })

  it('tells a virtual machine from a container', async () => {
    expect((await open()).missing[0]).toMatchObject({ reason: 'unsupported' })
    mkdirSync(join(root, '1'))
    writeFileSync(join(root, '1/cgroup'), '0::/docker/abc\n')
    expect((await open()).missing[0]).toMatchObject({ reason: 'masked_in_container' })
  })
})
