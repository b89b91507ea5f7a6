import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amdsmi } from '../../../agent/sensors/amdsmi.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import { buildFakeAmdsmi } from '../../support/fake-amdsmi/fake-amdsmi.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type AmdsmiBench, amdsmiBench, gpuId } from './amdsmi-host.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let bench: AmdsmiBench
let withCard: HostTree
beforeAll(() => {
  bench = amdsmiBench()
  withCard = hostTree()
  withCard.write({ 'class/drm/card1/device/vendor': '0x1002' })
})
afterAll(() => {
  bench.cleanUp()
  withCard.remove()
})

const openAt = (amdsmiPath: string | null, sysfsRoot = withCard.root, env = {}) =>
  amdsmi.open(hostAt({ amdsmiPath, sysfsRoot, env }))
const reasons = (source: OpenSource) => source.missing.map((m) => m.reason)

/** What is lost with each function, if the others answer. */
const FUNCTIONS: readonly (readonly [name: string, lost: readonly string[]])[] = [
  ['amdsmi_get_power_info', ['gpu_power_w']],
  ['amdsmi_get_energy_count', ['gpu_energy_uj']],
  ['amdsmi_get_violation_status', ['gpu_throttle_reasons']],
  [
    'amdsmi_get_temp_metric',
    ['gpu_temperature_c', 'gpu_hotspot_temperature_c', 'gpu_memory_temperature_c'],
  ],
  ['amdsmi_get_clock_info', ['gpu_sm_clock_mhz', 'gpu_memory_clock_mhz']],
  ['amdsmi_get_gpu_activity', ['gpu_utilisation_pct']],
  ['amdsmi_get_gpu_vram_usage', ['gpu_memory_used_bytes']],
  ['amdsmi_get_power_cap_info', ['gpu_power_limit_uw']],
]

describe('a function that the GPU does not support', () => {
  it.each(FUNCTIONS)('%s costs its own sensors alone: %j', async (name, lost) => {
    const host = await bench.open([[0, 0, name, 2]])
    expect(host.missing()).toEqual(Object.fromEntries(lost.map((l) => [l, 'unsupported'])))
    for (const sensor of host.source.sensors)
      for (const row of await sensor.read()) expect(row.reason).toBeNull()
  })

  it.each(FUNCTIONS)('%s, when refused to this user, names the groups', async (name, lost) => {
    const host = await bench.open([[0, 0, name, 10]])
    expect(host.missing()).toEqual(Object.fromEntries(lost.map((l) => [l, 'permission_denied'])))
    expect(host.source.missing[0]?.fix).toMatch(/usermod -a -G render,video/)
  })

  it.each(FUNCTIONS)('%s that is busy is asked again', async (name) => {
    const host = await bench.open([[0, 0, `once:${name}`, 30]])
    expect(host.missing()).toEqual({})
  })

  it('that stays busy is null: not recorded', async () => {
    const host = await bench.open([[1000, 0, 'amdsmi_get_power_info', 30]])
    host.pass(1000)
    expect(await host.read('gpu_power_w')).toMatchObject([{ value: null, reason: 'not_recorded' }])
  })

  it.each([
    [40, 'not_recorded'],
    [10, 'permission_denied'],
    [2, 'unsupported'],
    [31, 'lost'],
    [-1, 'not_recorded'], // UNKNOWN_ERROR, all ones
  ])('may begin to fail during the run: %i is %s', async (code, reason) => {
    const host = await bench.open([[1000, 0, 'amdsmi_get_power_info', code]])
    host.pass(1000)
    expect(await host.read('gpu_power_w')).toMatchObject([{ value: null, reason }])
  })

  it('takes the hottest spot where there is no sensor at the edge', async () => {
    const host = await bench.open([
      [0, 0, 'edge_c', -1],
      [0, 0, 'hotspot_c', 83],
    ])
    expect(await host.read('gpu_temperature_c')).toMatchObject([{ value: 83 }])
  })

  it('reads 0 W for "does not know": null during the run, and no sensor at the start', async () => {
    const host = await bench.open([[1000, 0, 'power_w', 0]])
    host.pass(1000)
    expect(await host.read('gpu_power_w')).toMatchObject([{ value: null, reason: 'implausible' }])
    expect((await bench.open([[0, 0, 'power_w', 0]])).missing()).toMatchObject({
      gpu_power_w: 'implausible',
    })
  })
})

describe('a library that lacks functions', () => {
  it('is an old one: what it has is measured', async () => {
    const old = amdsmiBench({
      abi: 24,
      without: ['amdsmi_get_gpu_enumeration_info', 'amdsmi_get_violation_status'],
    })
    try {
      const host = await old.open([], { gpus: 2 })
      expect(host.source.devices.map((d) => d.index)).toEqual([0, 1])
      expect(host.missing()).toEqual({ gpu_throttle_reasons: 'unsupported' })
      expect(await host.read('gpu_power_w', 1)).toMatchObject([{ value: 300 }])
    } finally {
      old.cleanUp()
    }
  })

  it('of 26.0 or 26.1 gets one call at a time', async () => {
    const early = amdsmiBench({ minor: 1 })
    try {
      const host = await early.open([[0, 0, 'delay:amdsmi_get_energy_count', 50_000]])
      expect(host.source.environment).toMatchObject({
        amdsmi: { version: '26.1.0', serialised: true },
      })
      // A slow call holds up everything, so that no other can be made meanwhile.
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      await host.read('gpu_energy_uj')
      clearInterval(timer)
      expect(turns).toBe(0)
    } finally {
      early.cleanUp()
    }
  })

  it('of an unknown generation has no power, whose place is not known, but the counter', async () => {
    const next = amdsmiBench({ without: ['amdsmi_get_lib_version'] })
    try {
      const host = await next.open()
      expect(host.missing()).toMatchObject({ gpu_power_w: 'unsupported' })
      expect(host.sensor('gpu_energy_uj')).toBeDefined()
    } finally {
      next.cleanUp()
    }
  })
})

describe('an AMD GPU that is lost', () => {
  const LOST_FOR_3_S: readonly ScriptLine[] = [
    [1000, 0, 'device_rc', 31],
    [4000, 0, 'device_rc', 0],
  ]

  it('is null with the reason, while the others go on', async () => {
    const host = await bench.open(LOST_FOR_3_S, { gpus: 2 })
    host.pass(1500)
    for (const metric of ['gpu_power_w', 'gpu_energy_uj', 'gpu_temperature_c']) {
      expect(await host.read(metric, 0)).toMatchObject([{ value: null, reason: 'lost' }])
      expect(await host.read(metric, 1)).toMatchObject([{ reason: null }])
    }
  })

  it('is read again when it is back', async () => {
    const host = await bench.open(LOST_FOR_3_S)
    const read = []
    for (let second = 0; second < 8; second++) {
      host.pass(1000)
      read.push((await host.read('gpu_power_w'))[0]?.value ?? null)
    }
    expect(read.slice(0, 3)).toEqual([null, null, null])
    expect(read.slice(-2)).toEqual([300, 300])
  })

  it('from the start is missing, while the others are measured', async () => {
    const { source } = await bench.open([[0, 0, 'device_rc', 31]], { gpus: 2 })
    expect(source.devices.map((d) => d.device_id)).toEqual([gpuId(1)])
    expect(source.missing).toMatchObject([{ device_id: null, reason: 'lost' }])
  })
})

describe('a host without a working AMDSMI', () => {
  it('names the libraries that were tried, where the kernel has an AMD card', async () => {
    const source = await openAt('/nowhere/libamd_smi.so')
    expect(reasons(source)).toEqual(['no_library'])
    expect(source.missing[0]?.fix).toContain('/nowhere/libamd_smi.so: no such file')
  })

  it('has no such device where the kernel has no AMD card', async () => {
    expect(reasons(await openAt('/nowhere/libamd_smi.so', '/nowhere'))).toEqual(['no_device'])
  })

  it('takes a library that is not AMDSMI for none', async () => {
    const path = join(bench.dir, 'other.so')
    writeFileSync(join(bench.dir, 'other.c'), 'int other(void) { return 0; }\n')
    execFileSync('cc', ['-shared', '-fPIC', join(bench.dir, 'other.c'), '-o', path])
    expect(reasons(await openAt(path))).toEqual(['no_library'])
  })

  it('finds the library in the folder that AMDSMI_LIB_DIR or ROCM_PATH names', async () => {
    const rocm = join(bench.dir, 'rocm')
    mkdirSync(join(rocm, 'lib'), { recursive: true })
    const built = buildFakeAmdsmi(bench.dir)
    execFileSync('cp', [built, join(rocm, 'lib/libamd_smi.so.26')])
    for (const env of [{ ROCM_PATH: rocm }, { AMDSMI_LIB_DIR: join(rocm, 'lib') }]) {
      const source = await openAt(null, withCard.root, env)
      expect(source.sensors.length).toBeGreaterThan(0)
      source.close()
    }
  })

  it.each([
    [34, 'no_driver', /modprobe amdgpu/],
    [10, 'permission_denied', /\/dev\/kfd and \/dev\/dri\/renderD\*/],
    [99, 'not_recorded', /answered 99/],
  ])('says why it does not start: status %i', async (code, reason, words) => {
    process.env['FAKE_AMDSMI_INIT_RC'] = String(code)
    try {
      const source = await openAt(buildFakeAmdsmi(bench.dir))
      expect(source.sensors).toEqual([])
      expect(reasons(source)).toEqual([reason])
      expect(source.missing[0]?.fix).toMatch(words)
    } finally {
      delete process.env['FAKE_AMDSMI_INIT_RC']
    }
  })

  it('says that the library shows no GPU', async () => {
    const { source } = await bench.open([], { gpus: 0 })
    expect(reasons(source)).toEqual(['no_device'])
  })
})
