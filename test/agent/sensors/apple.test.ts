import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { appleOn, type Machine } from '../../../agent/sensors/apple.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { buildFakeIoReport, type FakeIoReport } from '../../support/fake-ioreport/fake-ioreport.ts'
import { handClocks } from '../../support/hand-time.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

const MAC: Machine = { platform: 'darwin', arch: 'arm64' }
let dir: string
let chip: FakeIoReport
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-apple-'))
  chip = buildFakeIoReport(dir)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Joules of each part since the chip was started, in the units of its channels. */
const draw = (joules: number) => {
  chip.set('CPU Energy', 'mJ', 5_000_000 + joules * 1000)
  chip.set('PCPU', 'mJ', 4_000_000 + joules * 800)
  chip.set('ECPU', 'mJ', 1_000_000 + joules * 200)
  chip.set('GPU Energy', 'nJ', 7e12 + joules * 1e9)
  chip.set('GPU SRAM', 'mJ', joules)
  chip.set('DRAM', 'mJ', joules * 100)
  chip.set('ANE', 'mJ', 0)
}
beforeEach(() => {
  chip.reset()
  draw(0)
})

const open = async (machine = MAC, at = chip.dir) => {
  const clocks = handClocks()
  const clock = createClock(clocks.time)
  const source = await appleOn(machine).open(hostAt({ clock, env: { LLEM_IOREPORT_DIR: at } }))
  return { source, clock, pass: clocks.pass }
}
const values = async (source: OpenSource) => {
  const rows = []
  for (const sensor of source.sensors) rows.push(...(await sensor.read()))
  return Object.fromEntries(rows.map((r) => [r.sensor_id, r.value ?? r.reason]))
}

describeSource({
  name: 'ioreport',
  counters: true,
  async present() {
    const opened = await open()
    let joules = 0
    return {
      ...opened,
      pass() {
        opened.pass(1000)
        joules += 10
        draw(joules)
      },
      lose: () => chip.fail('samples'),
    }
  },
  absent: async () => (await open({ platform: 'linux', arch: 'x64' })).source,
})

describe('an Apple chip', () => {
  it('is its processor, graphics, memory and neural engine, each a device', async () => {
    const { source } = await open()
    expect(source.devices.map((d) => [d.device_id, d.kind])).toEqual([
      ['cpu_package:0', 'cpu_package'],
      ['apple_gpu:0', 'gpu'],
      ['dram:0', 'dram'],
      ['apple_npu:0', 'npu'],
    ])
    expect(source.sensors.map((s) => [s.row.metric, s.row.scope])).toEqual([
      ['cpu_energy_uj', 'package'],
      ['cpu_core_energy_uj', 'performance_cores'],
      ['cpu_core_energy_uj', 'efficiency_cores'],
      ['gpu_energy_uj', 'gpu'],
      ['gpu_energy_uj', 'memory'],
      ['dram_energy_uj', 'dram'],
      ['npu_energy_uj', 'npu'],
    ])
    expect(source.missing).toEqual([])
    source.close()
  })

  it('counts microjoules since it was opened, whatever the unit of its channels', async () => {
    const { source, pass } = await open()
    pass(1000)
    draw(20)
    expect(await values(source)).toEqual({
      'cpu_package:0:ioreport:cpu': 20e6,
      'cpu_package:0:ioreport:performance_cores': 16e6,
      'cpu_package:0:ioreport:efficiency_cores': 4e6,
      'apple_gpu:0:ioreport:gpu': 20e6,
      'apple_gpu:0:ioreport:gpu_sram': 20e3,
      'dram:0:ioreport:dram': 2e6,
      'apple_npu:0:ioreport:npu': 0,
    })
    source.close()
  })

  it('is read once for all of its parts, and anew for a sensor that is read again', async () => {
    const { source, pass } = await open()
    pass(1000)
    const [cpu, , , gpu] = source.sensors
    const [first] = (await cpu?.read()) ?? []
    draw(5)
    const [second] = (await gpu?.read()) ?? []
    expect(second).toMatchObject({ t_ns: first?.t_ns, value: 0 })
    const [third] = (await cpu?.read()) ?? []
    expect(third?.value).toBe(5e6)
    expect(third?.t_ns).toBeGreaterThan(first?.t_ns ?? 0)
    source.close()
  })

  it('leaves nothing behind: every object that a reading makes is released', async () => {
    const before = chip.live()
    const { source, pass } = await open()
    const opened = chip.live()
    for (let i = 0; i < 20; i++) {
      pass(1000)
      await values(source)
    }
    expect(chip.live()).toBe(opened)
    source.close()
    expect(chip.live()).toBe(before)
  })

  it('without a part has its other parts, and says which is missing', async () => {
    chip.reset()
    chip.set('GPU Energy', 'nJ', 1)
    chip.set('CPU Energy', 'parsec', 1)
    const { source } = await open()
    expect(source.devices.map((d) => d.device_id)).toEqual(['apple_gpu:0'])
    expect(source.missing.find((m) => m.source === 'ioreport cpu')).toMatchObject({
      reason: 'unsupported',
      fix: expect.stringMatching(/powermetrics/),
    })
    source.close()
  })

  it('under Rosetta says so, and is measured', async () => {
    const { source } = await open({ platform: 'darwin', arch: 'x64' })
    expect(source.sensors).toHaveLength(7)
    expect(source.missing[0]?.fix).toMatch(/Rosetta.*arm64/)
    source.close()
  })
})

describe('a machine without an energy model', () => {
  it.each(['group', 'subscription', 'samples'] as const)('has no %s', async (what) => {
    const before = chip.live()
    chip.fail(what)
    const { source } = await open()
    expect(source.sensors).toEqual([])
    expect(source.missing).toMatchObject([{ reason: 'unsupported' }])
    expect(source.missing[0]?.fix).toMatch(/sudo powermetrics/)
    expect(chip.live()).toBe(before)
  })

  it('has no libraries', async () => {
    const { source } = await open(MAC, '/nowhere')
    expect(source.missing).toMatchObject([{ reason: 'no_library' }])
    expect(source.missing[0]?.fix).toContain('/nowhere/libIOReport.dylib: no such file')
  })

  it('has libraries that lack a function', async () => {
    const old = buildFakeIoReport(dir, ['IOReportCreateSamplesDelta'])
    expect((await open(MAC, old.dir)).source.missing).toMatchObject([{ reason: 'no_library' }])
  })

  it('is no Mac: nothing that a host is told of', async () => {
    const { source } = await open({ platform: 'linux', arch: 'arm64' })
    expect(source.missing).toMatchObject([{ device_id: null, reason: 'no_device' }])
  })
})
