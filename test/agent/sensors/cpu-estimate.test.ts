import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { cpuEstimate } from '../../../agent/sensors/cpu-estimate.ts'
import { ratedPower } from '../../../agent/sensors/cpu-rated-power.ts'
import type { Found } from '../../../agent/sensors/sensor.ts'
import { type HandClocks, handClocks } from '../../support/hand-time.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

let proc: string
let hand: HandClocks

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'llem-proc-'))
  hand = handClocks()
})
afterEach(() => rmSync(proc, { recursive: true, force: true }))

const ROW = { device_id: 'x', source: 'rapl' } as const

/** user nice system idle iowait irq softirq steal guest */
const stat = (...ticks: number[]) =>
  writeFileSync(join(proc, 'stat'), `cpu  ${ticks.join(' ')}\ncpu0 1 2 3\n`)

/** What a better source has found: memory is measured, so the processor alone is estimated. */
const MEMORY_FOUND: Found = {
  devices: [],
  rows: [{ ...ROW, sensor_id: 'dram:0:rapl', metric: 'dram_energy_uj', scope: 'dram' }],
}

/** Opens the estimate on counters that stand at 100 busy of 1000 ticks. */
async function open() {
  stat(100, 0, 0, 900, 0, 0, 0, 0, 0)
  const clock = createClock(hand.time)
  const host = hostAt({ clock, sysfsRoot: proc, procRoot: proc })
  const source = await cpuEstimate.open(host, MEMORY_FOUND)
  const { tdp_w, idle_w } = source.environment['cpu_estimate'] as { tdp_w: number; idle_w: number }
  const read = async () => (await Promise.all(source.sensors.map((s) => s.read()))).flat()
  return { source, clock, read, tdp_w, idle_w }
}

describeSource({
  name: 'cpu_estimate',
  async present() {
    const { source, clock } = await open()
    let reads = 0
    let lost = false
    return {
      source,
      clock,
      pass() {
        reads++
        if (lost) rmSync(join(proc, 'stat'), { force: true })
        else stat(100 + 3 * reads, 0, 0, 900 + 7 * reads)
        hand.pass(100)
      },
      lose() {
        lost = true
      },
    }
  },
})

/** Memory alone: its estimate is a constant, which no host loses. */
const CPU_FOUND: Found = {
  devices: [],
  rows: [{ ...ROW, sensor_id: 'cpu_package:0:rapl', metric: 'cpu_energy_uj', scope: 'package' }],
}
const openMemory = (found = CPU_FOUND, clock = createClock(hand.time)) =>
  cpuEstimate.open(hostAt({ clock, sysfsRoot: proc, procRoot: proc }), found)

describeSource({
  name: 'cpu_estimate',
  async present() {
    const clock = createClock(hand.time)
    return { source: await openMemory(CPU_FOUND, clock), clock, pass: () => hand.pass(1000) }
  },
  permanent: true,
})

describe('the estimate of memory power', () => {
  const memory = (kib: number) => writeFileSync(join(proc, 'meminfo'), `MemTotal:  ${kib} kB\n`)
  const module = (type: string) => {
    const dir = join(proc, 'devices/system/edac/mc/mc0/dimm0')
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'dimm_mem_type'), `${type}\n`)
  }

  it.each([
    ['Registered-DDR5', 0.31],
    ['Unbuffered-DDR4', 0.37],
    ['Registered-DDR3', 0.58],
  ])('is watts for each gigabyte of %s', async (type, w_per_gb) => {
    memory(62_500_000) // 64 GB
    module(type)
    const source = await openMemory()
    expect(source.sensors).toHaveLength(1)
    expect(await source.sensors[0]?.read()).toMatchObject([
      { device_id: 'dram:0', metric: 'dram_power_mw', value: Math.round(64 * w_per_gb * 1000) },
    ])
    expect(source.environment['dram_estimate']).toMatchObject({ gigabytes: 64, w_per_gb })
  })

  it('takes memory that nobody names for DDR4, and says that it does not know', async () => {
    memory(62_500_000)
    const { environment, sensors } = await openMemory()
    expect(environment['dram_estimate']).toMatchObject({ generation: null, w_per_gb: 0.37 })
    expect(sensors[0]?.row).toMatchObject({
      source: 'cpu_estimate',
      scope: 'dram',
      accuracy: { gain_rel: 0.75, basis: 'assumed' },
    })
  })

  it('is made only where nothing measures memory, and the processor alike', async () => {
    const ids = async (found: Found) =>
      (await openMemory(found)).sensors.map((s) => s.row.sensor_id)
    expect(await ids({ devices: [], rows: [] })).toEqual([
      'cpu_package:0:cpu_estimate',
      'cpu_package:0:procfs',
      'dram:0:cpu_estimate',
    ])
    expect(await ids(MEMORY_FOUND)).not.toContain('dram:0:cpu_estimate')
    const both: Found = { devices: [], rows: [...MEMORY_FOUND.rows, ...CPU_FOUND.rows] }
    expect(await ids(both)).toEqual([])
  })

  it('is not made where a module or a processor is measured with its memory', async () => {
    const soc: Found = { devices: [{ device_id: 'soc:0', kind: 'soc' }], rows: [] }
    expect((await openMemory(soc)).sensors).toEqual([])
    const grace: Found = {
      devices: [],
      rows: CPU_FOUND.rows.map((r) => ({ ...r, source: 'acpi' })),
    }
    expect((await openMemory(grace)).sensors).toEqual([])
  })
})

describe('the estimate of CPU power', () => {
  it('is idle watts plus the busy share of the rest', async () => {
    const { read, tdp_w, idle_w } = await open()
    // 30 of 100 new ticks are busy (user 20, system 5, softirq 3, steal 2); iowait is idle.
    stat(120, 0, 5, 960, 10, 0, 3, 2, 7)
    hand.pass(100)
    expect(await read()).toMatchObject([
      { metric: 'cpu_power_mw', value: Math.round((idle_w + 0.3 * (tdp_w - idle_w)) * 1000) },
      { metric: 'cpu_utilisation_pct', value: 30 },
    ])
  })

  it('says that it is an assumption of 40 %', async () => {
    const { source } = await open()
    expect(source.sensors[0]?.row).toMatchObject({
      source: 'cpu_estimate',
      accuracy: { gain_rel: 0.4, basis: 'assumed' },
    })
  })

  it('covers a span that is too short to tell with its next reading', async () => {
    const { read } = await open()
    stat(101, 0, 0, 900)
    hand.pass(3)
    expect(await read()).toEqual([]) // one tick in 3 ms would be 100 %
    stat(110, 0, 0, 910)
    hand.pass(97)
    expect(await read()).toMatchObject([{}, { value: 50 }]) // 10 busy, 10 idle
    expect(await read()).toEqual([])
  })

  it('waits for the next tick instead of dividing by no time', async () => {
    const { read } = await open()
    hand.pass(100)
    expect(await read()).toEqual([])
  })

  it('keeps to 0 to 100 % where the kernel steps a counter back', async () => {
    const { read } = await open()
    stat(90, 0, 0, 1000)
    hand.pass(100)
    expect(await read()).toMatchObject([{}, { value: 0 }])
  })

  it('is null with a reason when the counters are gone, and works again when they are back', async () => {
    const { read } = await open()
    rmSync(join(proc, 'stat'))
    hand.pass(100)
    expect(await read()).toMatchObject([
      { value: null, reason: 'lost' },
      { value: null, reason: 'lost' },
    ])
    stat(110, 0, 0, 910)
    hand.pass(100)
    expect(await read()).toMatchObject([{ reason: null }, { value: 50 }])
  })

  it.runIf(process.platform === 'linux')('is null for a file that is no /proc/stat', async () => {
    const { read } = await open()
    writeFileSync(join(proc, 'stat'), 'cpu \nnothing')
    hand.pass(100)
    expect(await read()).toMatchObject([{ reason: 'lost' }, { reason: 'lost' }])
  })
})

describe('rated power', () => {
  it('grows with the threads that the system shows', () => {
    expect(ratedPower('AMD EPYC 9R14', 2).tdp_w).toBeCloseTo(4.4) // 2.2 W a thread
    expect(ratedPower('AMD EPYC 9R14', 128).tdp_w).toBeCloseTo(281.6)
  })

  it('knows nothing of an unknown processor and says so', () => {
    expect(ratedPower('Foo 9000', 4).basis).toContain('unknown')
  })

  it.each([
    ['Intel(R) Xeon(R) Platinum 8480+', 3.3],
    ['13th Gen Intel(R) Core(TM) i7-1365U', 1.9],
    ['12th Gen Intel(R) Core(TM) i9-12900H', 2.8],
    ['13th Gen Intel(R) Core(TM) i9-13900K', 5.2],
    ['AMD Ryzen 7 7840U w/ Radeon 780M Graphics', 1.9],
    ['AMD Ryzen 9 7950X 16-Core Processor', 6.5],
    ['Apple M2 Pro', 3],
  ])('%s counts %f W a thread', (model, watts) => {
    expect(ratedPower(model, 1).tdp_w).toBe(watts)
  })
})
