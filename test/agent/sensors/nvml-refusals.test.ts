import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { nvml } from '../../../agent/sensors/nvml.ts'
import type { OpenSource } from '../../../agent/sensors/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { buildFakeNvml } from '../../support/fake-nvml/fake-nvml.ts'
import { hostAt } from './host-at.ts'
import { type NvmlBench, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
let dir: string
let library: string
beforeAll(() => {
  bench = nvmlBench()
  dir = mkdtempSync(join(tmpdir(), 'llem-nvml-'))
  library = buildFakeNvml(dir)
})
afterAll(() => {
  bench.cleanUp()
  rmSync(dir, { recursive: true, force: true })
})

const missing = (source: OpenSource) =>
  Object.fromEntries(source.missing.map((m) => [m.source, m.reason]))
const openAt = (nvmlPath: string) => nvml.open(hostAt({ clock: createClock(), nvmlPath }))

/** What is lost with each function, if the others answer. */
const FUNCTIONS: readonly (readonly [name: string, lost: readonly string[]])[] = [
  ['nvmlDeviceGetSamples', ['nvml_power_ring']],
  ['nvmlDeviceGetTotalEnergyConsumption', ['nvml_energy']],
  ['nvmlDeviceGetFieldValues', ['gpu_memory_temperature_c']],
  ['nvmlDeviceGetClockInfo', ['gpu_sm_clock_mhz', 'gpu_memory_clock_mhz']],
  ['nvmlDeviceGetUtilizationRates', ['gpu_utilisation_pct']],
  ['nvmlDeviceGetEnforcedPowerLimit', ['gpu_power_limit_mw']],
  // What only describes the GPU, tells its settings or counts throttling is left out without a word.
  ...[
    ...['nvmlDeviceGetPowerManagementDefaultLimit', 'nvmlDeviceGetPowerManagementLimit'],
    ...['nvmlDeviceGetPowerManagementLimitConstraints', 'nvmlDeviceGetApplicationsClock'],
    ...['nvmlDeviceGetMaxCustomerBoostClock', 'nvmlDeviceGetMaxClockInfo'],
    ...['nvmlDeviceGetPersistenceMode', 'nvmlDeviceGetMigMode', 'nvmlDeviceGetEccMode'],
    ...['nvmlDeviceGetComputeMode', 'nvmlDeviceGetPerformanceState', 'nvmlDeviceGetSerial'],
    ...['nvmlDeviceGetVbiosVersion', 'nvmlDeviceGetPciInfo_v3', 'nvmlDeviceGetArchitecture'],
    ...['nvmlDeviceGetCudaComputeCapability', 'nvmlDeviceGetTemperatureThreshold'],
    ...['nvmlDeviceGetViolationStatus', 'nvmlDeviceGetNvLinkState', 'nvmlDeviceGetName'],
    ...['nvmlDeviceGetComputeRunningProcesses_v3', 'nvmlDeviceGetGraphicsRunningProcesses_v3'],
    ...['nvmlDeviceGetMPSComputeRunningProcesses_v3', 'nvmlDeviceGetCurrPcieLinkWidth'],
  ].map((name) => [name, []] as const),
  // These have an older function to fall back on.
  ['nvmlDeviceGetTemperatureV', []],
  ['nvmlDeviceGetMemoryInfo_v2', []],
  ['nvmlDeviceGetCurrentClocksEventReasons', []],
]

describe('a function that the GPU does not support', () => {
  it.each(FUNCTIONS)('%s costs its own sensors alone: %j', async (name, lost) => {
    const { source } = await bench.open([[0, 0, name, 3]])
    expect(missing(source)).toEqual(Object.fromEntries(lost.map((l) => [l, 'unsupported'])))
    for (const sensor of source.sensors)
      for (const row of await sensor.read()) expect(row.reason).toBeNull()
  })

  it.each(FUNCTIONS.filter(([, lost]) => lost.length > 0))(
    '%s, when refused to this user, is named with the remedy',
    async (name, lost) => {
      const { source } = await bench.open([[0, 0, name, 4]])
      expect(missing(source)).toEqual(Object.fromEntries(lost.map((l) => [l, 'permission_denied'])))
      expect(source.missing[0]).toMatchObject({
        device_id: uuid(),
        fix: expect.stringMatching(/root/),
      })
    },
  )

  it('takes the older call and the same unit where the newer is refused', async () => {
    const host = await bench.open([
      [0, 0, 'nvmlDeviceGetTemperatureV', 25],
      [0, 0, 'nvmlDeviceGetMemoryInfo_v2', 3],
      [0, 0, 'nvmlDeviceGetCurrentClocksEventReasons', 3],
      [0, 0, 'throttle', 0x4],
    ])
    expect(await host.read('gpu_temperature_c')).toMatchObject([{ value: 45 }])
    // The older call counts the driver's own MiB as used.
    expect(await host.read('gpu_memory_used_bytes')).toMatchObject([{ value: 1_074_790_400 }])
    expect(await host.read('gpu_throttle_reasons')).toMatchObject([{ value: 0x4 }])
  })

  it('leaves a GPU without any power, which is then missing with all that was tried', async () => {
    const { source } = await bench.open([
      [0, 0, 'nvmlDeviceGetSamples', 3],
      [0, 0, 'nvmlDeviceGetFieldValues', 3],
      [0, 0, 'nvmlDeviceGetPowerUsage', 3],
    ])
    expect(source.sensors.some((s) => s.row.metric === 'gpu_power_mw')).toBe(false)
    expect(missing(source)).toMatchObject({
      nvml_power_ring: 'unsupported',
      nvml_power_instant: 'unsupported',
      nvml_power_average: 'unsupported',
    })
  })

  it('may begin to fail during the run: null then, with the reason', async () => {
    const host = await bench.open([
      [1000, 0, 'nvmlDeviceGetSamples', 4],
      [1000, 0, 'nvmlDeviceGetTotalEnergyConsumption', 999],
      [1000, 0, 'nvmlDeviceGetClockInfo', 3],
    ])
    host.hand.pass(1000)
    const nothing = (reason: string) => [{ value: null, reason }]
    expect(await host.read('nvml_power_ring')).toMatchObject(nothing('permission_denied'))
    expect(await host.read('nvml_energy')).toMatchObject(nothing('not_recorded'))
    expect(await host.read('gpu_sm_clock_mhz')).toMatchObject(nothing('unsupported'))
    expect(await host.read('gpu_temperature_c')).toMatchObject([{ value: 45, reason: null }])
  })
})

describe('a driver that lacks functions', () => {
  it('is an old one: what it has is measured', async () => {
    const old = nvmlBench([
      'nvmlDeviceGetTotalEnergyConsumption',
      'nvmlDeviceGetTemperatureV',
      'nvmlDeviceGetMemoryInfo_v2',
      'nvmlDeviceGetCurrentClocksEventReasons',
      'nvmlDeviceGetArchitecture',
      'nvmlDeviceGetMigMode',
      'nvmlDeviceGetComputeRunningProcesses_v3',
      'nvmlDeviceGetFieldValues',
      'nvmlDeviceGetPerformanceState',
      'nvmlDeviceGetEccMode',
      'nvmlDeviceGetMaxCustomerBoostClock',
      'nvmlDeviceGetViolationStatus',
      'nvmlDeviceGetNvLinkState',
      'nvmlDeviceGetTopologyCommonAncestor',
      'nvmlDeviceGetCudaComputeCapability',
      'nvmlDeviceGetMaxMigDeviceCount',
      'nvmlDeviceGetGraphicsRunningProcesses_v3',
      'nvmlDeviceWorkloadPowerProfileGetCurrentProfiles',
    ])
    try {
      const host = await old.open()
      expect(missing(host.source)).toEqual({
        nvml_energy: 'unsupported',
        gpu_memory_temperature_c: 'unsupported',
      })
      for (const watch of host.source.watches ?? [])
        for (const { detail } of watch.read('start'))
          expect(detail).toMatchObject(
            'settings' in detail
              ? { settings: { power_limit_enforced_w: 700, ecc_mode: null } }
              : { devices: { [uuid()]: null } },
          )
      expect(host.source.devices[0]).toMatchObject({ architecture: null })
      expect(host.source.devicesOfProcess?.(1)).toBeNull()
      expect(await host.read('gpu_temperature_c')).toMatchObject([{ value: 45 }])
      host.hand.pass(1000)
      expect(await host.read('nvml_power_ring')).toHaveLength(50)
    } finally {
      old.cleanUp()
    }
  })
})

describe('a GPU that is lost', () => {
  const LOST_FOR_3_S: readonly ScriptLine[] = [
    [1000, 0, 'device_rc', 15],
    [4000, 0, 'device_rc', 0],
  ]
  /** Lets the search for a lost GPU, which runs beside the event loop, come back. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 30))

  it('is null with the reason, while the others go on', async () => {
    const host = await bench.open(LOST_FOR_3_S, 2)
    host.hand.pass(1500)
    for (const name of ['nvml_power_ring', 'nvml_energy', 'gpu_temperature_c']) {
      expect(await host.read(name, 0)).toMatchObject([{ value: null, reason: 'lost' }])
      const other = await host.read(name, 1)
      expect(other.length).toBeGreaterThan(0)
      for (const row of other) expect(row.reason).toBeNull()
    }
  })

  it('is found again by its UUID, with stamps that still ascend', async () => {
    const host = await bench.open(LOST_FOR_3_S)
    const rows = []
    for (let second = 0; second < 8; second++) {
      host.hand.pass(1000)
      rows.push(...(await host.read('nvml_power_ring')))
      await settle()
    }
    for (let i = 1; i < rows.length; i++)
      expect(rows[i]?.t_ns).toBeGreaterThan(rows[i - 1]?.t_ns ?? 0)
    expect(rows.some((row) => row.reason === 'lost')).toBe(true)
    expect(rows.slice(-50).every((row) => row.value === 300_000)).toBe(true)
    expect(await host.read('gpu_temperature_c')).toMatchObject([{ value: 45 }])
  })

  it('is left alone in between: it is not asked at each interval', async () => {
    // A lost GPU may take long to answer; here 50 ms.
    const host = await bench.openRealTime([
      [0, 0, 'device_rc', 0],
      [300, 0, 'device_rc', 15],
      [300, 0, 'delay:nvmlDeviceGetTemperatureV', 50_000],
    ])
    await new Promise((resolve) => setTimeout(resolve, 320))
    const took = async (reads: number) => {
      const before = performance.now()
      for (let i = 0; i < reads; i++)
        expect(await host.read('gpu_temperature_c')).toMatchObject([{ reason: 'lost' }])
      return performance.now() - before
    }
    const asked = await took(1)
    expect(await took(20)).toBeLessThan(10 * asked)
  })

  it('is looked for without starting the library anew, which would take the handles of others', async () => {
    const host = await bench.open(LOST_FOR_3_S, 2)
    for (let second = 0; second < 8; second++) {
      host.hand.pass(1000)
      for (const gpu of [0, 1]) await host.read('gpu_temperature_c', gpu)
      await settle()
    }
    expect(host.calls('nvmlInit_v2')).toBe(1)
    expect(await host.read('gpu_temperature_c', 0)).toMatchObject([{ value: 45 }])
  })

  it('is asked for less and less often', async () => {
    const host = await bench.open(
      [
        [0, 0, 'device_rc', 0],
        [1000, '*', 'device_rc', 15],
      ],
      2,
    )
    const tries: number[] = []
    for (let second = 1; second <= 33; second++) {
      host.hand.pass(1000)
      await host.read('gpu_temperature_c')
      await settle()
      if (host.calls('nvmlDeviceGetHandleByUUID') > tries.length) tries.push(second)
    }
    // Lost at 1 s, then after 1, 2, 4, 8 and 16 s; each wait begins with the failure of the try before.
    expect(tries).toEqual([2, 4, 8, 16, 32])
  })

  it('from the start is missing, while the others are measured', async () => {
    const { source } = await bench.open([[0, 0, 'device_rc', 15]], 2)
    expect(source.devices.map((d) => d.device_id)).toEqual([uuid(1)])
    expect(source.missing).toMatchObject([{ source: 'nvml', device_id: null, reason: 'lost' }])
  })
})

describe('a GPU that does not answer from the start', () => {
  it.each([
    [4, 'with: sudo chmod a+rw /dev/nvidiactl /dev/nvidia0;'],
    [15, 'sudo nvidia-smi --gpu-reset -i 0;'],
    [16, 'sudo nvidia-smi --gpu-reset -i 0;'],
    [999, 'does not answer (it gave no reading). Look at: nvidia-smi -i 0,'],
  ])('is told with what to type: code %i', async (code, words) => {
    const { source } = await bench.open([[0, 0, 'device_rc', code]], 2)
    expect(source.missing).toMatchObject([{ fix: expect.stringContaining(words) }])
    expect(source.missing[0]?.fix).not.toContain('the run')
  })
})

describe('a GPU that this user may not use', () => {
  it.each([
    [4, 'permission_denied'],
    [17, 'masked_in_container'],
  ])('is named with the remedy (code %i), while the others are measured', async (code, reason) => {
    const { source } = await bench.open([[0, 0, 'nvmlDeviceGetHandleByIndex_v2', code]], 2)
    expect(source.devices.map((d) => d.device_id)).toEqual([uuid(1)])
    expect(source.missing).toMatchObject([{ source: 'nvml', reason }])
    expect(source.missing[0]?.fix).toMatch(/\/dev\/nvidia0.*--gpus all\.$/)
  })
})

describe('a driver that is loaded again during the run', () => {
  /** Unloaded after 1 s, loaded again after 3 s: its counters begin anew, by chance above where they stood. */
  const RELOAD: readonly ScriptLine[] = [
    [0, '*', 'energy_mj', 1000],
    [1000, '*', 'driver', 1],
    [3000, '*', 'driver', 2],
    [3000, '*', 'energy_mj', 900_000],
    [3000, '*', 'thermal_violation_ns', 5],
  ]
  const settle = () => new Promise((resolve) => setTimeout(resolve, 30))
  const COUNTERS = ['nvml_energy', 'gpu_thermal_violation_ns']

  it('is waited for: all GPUs are lost and come back, and the library is started anew', async () => {
    const host = await bench.open(RELOAD, 2)
    const seen: (string | null)[][] = [[], []]
    for (let second = 0; second < 8; second++) {
      host.hand.pass(1000)
      for (const gpu of [0, 1])
        seen[gpu]?.push((await host.read('gpu_temperature_c', gpu))[0]?.reason ?? null)
      await settle()
    }
    // The first call after the loss says what is wrong; the search begins a second later, and after two more.
    for (const reasons of seen)
      expect(reasons).toEqual(['no_driver', 'lost', 'lost', 'lost', null, null, null, null])
    expect(host.calls('nvmlInit_v2')).toBeGreaterThan(1)
    expect(host.calls('nvmlInit_v2')).toBe(1 + host.calls('nvmlShutdown'))
  })

  it('begins a new epoch of each counter, told apart by a row without value', async () => {
    const host = await bench.open(RELOAD)
    const rows: Record<string, SampleRow[]> = Object.fromEntries(COUNTERS.map((c) => [c, []]))
    for (let second = 0; second < 8; second++) {
      host.hand.pass(1000)
      for (const counter of COUNTERS) rows[counter]?.push(...(await host.read(counter)))
      await settle()
    }
    for (const counter of COUNTERS) {
      const of = rows[counter] ?? []
      const reset = of.findIndex((row) => row.reason === 'counter_reset')
      expect(of.filter((row) => row.reason === 'counter_reset')).toHaveLength(1)
      expect(of[reset]).toMatchObject({ value: null })
      expect(of.slice(reset + 1).every((row) => row.reason === null)).toBe(true)
      for (let i = 1; i < of.length; i++) expect(of[i]?.t_ns).toBeGreaterThan(of[i - 1]?.t_ns ?? 0)
    }
  })
})

describe('a host without a working driver', () => {
  it('names the libraries that were tried', async () => {
    const source = await openAt(join(dir, 'none/libnvidia-ml.so.1'))
    expect(source.missing).toMatchObject([{ source: 'nvml', reason: 'no_library' }])
    expect(source.missing[0]?.fix).toContain(join(dir, 'none/libnvidia-ml.so.1'))
    expect(source.missing[0]?.fix).toContain('LLEM_NVML_PATH')
  })

  it('takes a file that is no library for none', async () => {
    const path = join(dir, 'text.so')
    writeFileSync(path, 'not a library')
    expect((await openAt(path)).missing).toMatchObject([{ reason: 'no_library' }])
  })

  it('takes a library that is not NVML for none', async () => {
    const path = join(dir, 'other.so')
    const source = join(dir, 'other.c')
    writeFileSync(source, 'int other(void) { return 0; }\n')
    execFileSync('cc', ['-shared', '-fPIC', source, '-o', path])
    expect((await openAt(path)).missing).toMatchObject([{ reason: 'no_library' }])
  })

  it.each([
    [9, 'no_driver'],
    [18, 'no_driver'],
    [4, 'permission_denied'],
    [17, 'masked_in_container'],
    [6, 'not_recorded'],
    [21, 'not_recorded'],
    [999, 'not_recorded'],
  ])('says why NVML does not start: code %i', async (code, reason) => {
    process.env['FAKE_NVML_INIT_RC'] = String(code)
    try {
      const source = await openAt(library)
      expect(source.sensors).toEqual([])
      expect(source.missing).toMatchObject([{ reason }])
      expect(source.missing[0]?.fix).toContain(String(code))
      // No run is under way.
      expect(source.missing[0]?.fix).not.toContain('the run')
      if (code === 4) expect(source.missing[0]?.fix).toContain('sudo chmod a+rw /dev/nvidiactl')
    } finally {
      delete process.env['FAKE_NVML_INIT_RC']
    }
  })

  it('says that the driver shows no GPU', async () => {
    const { source } = await bench.open([], 0)
    expect(source.missing).toMatchObject([{ reason: 'no_device' }])
    expect(source.devicesOfProcess?.(1)).toEqual([])
  })
})
