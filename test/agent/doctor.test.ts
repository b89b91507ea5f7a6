import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sourcesOf } from '../../agent/doctor/examine.ts'
import { trySensors } from '../../agent/doctor/try-sensors.ts'
import { processIdentity } from '../../agent/process-alive.ts'
import { detectSensors } from '../../agent/sensors/detect.ts'
import type { Sensor, SensorSource } from '../../agent/sensors/sensor.ts'
import { type Doctor, doctorSchema } from '../../analysis/schema/doctor.ts'
import { buildFakeAmdsmi } from '../support/fake-amdsmi/fake-amdsmi.ts'
import { buildFakeNvml, type ScriptLine, writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'
import { hostAt } from './sensors/host-at.ts'
import { type NvmlBench, nvmlBench } from './sensors/nvml-host.ts'

const GPU = 'GPU-00000000-0000-4000-8000-000000000000'
const NOTHING = { LLEM_NVML_PATH: '/nowhere/nvml.so', LLEM_SYSFS_ROOT: '/nowhere' }

let dir: string
let nvml: string
const homes: Home[] = []
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-doctor-'))
  nvml = buildFakeNvml(dir)
})
afterAll(() => {
  for (const home of homes) home.remove()
  rmSync(dir, { recursive: true, force: true })
})

function homeWith(env: Readonly<Record<string, string>>): Home {
  const home = makeHome(env)
  homes.push(home)
  return home
}
const homeOf = (script: readonly ScriptLine[], env: Readonly<Record<string, string>> = {}) =>
  homeWith({ ...NOTHING, LLEM_NVML_PATH: nvml, FAKE_NVML_SCRIPT: writeScript(dir, script), ...env })

async function report(home: Home): Promise<Doctor & { readonly code: number | null }> {
  const { code, stdout } = await run(AGENT, ['doctor', '--json'], home)
  return { ...doctorSchema.parse(JSON.parse(stdout)), code }
}

/** Power that goes up and down each 100 ms, for ten seconds. */
const WAVE: readonly ScriptLine[] = Array.from({ length: 100 }, (_, i) => [
  100 * i,
  '*',
  'power_mw',
  i % 2 === 0 ? 300_000 : 310_000,
])

// Side by side: a doctor mostly waits.
describe.concurrent('doctor', () => {
  test('measures on the spot what each source of a GPU is worth', async () => {
    const home = homeOf([...WAVE, [0, '*', 'persistence', 0], [0, '*', 'throttle', 0x44]])
    const { devices, verdict, code, spool } = await report(home)
    const gpu = devices.find((d) => d.device_id === GPU)
    const ring = gpu?.sources.find((s) => s.source === 'nvml_power_ring')
    expect(ring).toMatchObject({
      ...{ metric: 'gpu_power_mw', unit: 'mW', scope: 'gpu', measured: true, energy: true },
      ...{ period_ms: 20, period_by: 'stamps', step: 10_000, stated_period_ms: 20 },
      accuracy: { gain_rel: 0.05, offset_w: 5, basis: 'vendor' },
    })
    expect(ring?.call.n).toBeGreaterThan(10)
    const counter = gpu?.sources.find((s) => s.source === 'nvml_energy')
    expect(counter).toMatchObject({ unit: 'mJ', period_by: 'changes' })
    // moves each 100 ms by 30 or 31 J; other work on this machine may hide a step
    expect(counter?.period_ms).toBeGreaterThan(80)
    expect(counter?.period_ms).toBeLessThan(250)
    expect(counter?.step).toBeGreaterThanOrEqual(29_900)
    const temperature = gpu?.sources.find((s) => s.metric === 'gpu_temperature_c')
    expect(temperature).toMatchObject({ value: 45, changes: 0, period_ms: null, step: null })
    expect(gpu?.settings).toContainEqual({
      setting: 'persistence_mode',
      value: false,
      advice: expect.stringContaining('nvidia-smi -i 0 -pm 1'),
    })
    expect(gpu?.throttled_by).toEqual(['sw_power_cap', 'hw_thermal'])
    expect(gpu?.locked_by_pid).toBeNull()
    expect(spool).toMatchObject({ dir: join(home.dir, 'state/llem/spool'), writable: true })
    expect(verdict).toMatchObject({ trusted: true })
    expect(verdict.sentence).toContain('Measured: GPU.')
    expect(code).toBe(0)
  })

  test('says of a host without any what was looked for, and exits 3 with estimates alone', async () => {
    const { devices, missing, verdict, code } = await report(homeWith(NOTHING))
    expect(devices.flatMap((d) => d.sources).some((s) => s.measured && s.energy)).toBe(false)
    expect(missing.map((m) => [m.source, m.reason])).toContainEqual(['nvml', 'no_library'])
    for (const { fix } of missing) expect(fix).toMatch(/\w\./)
    expect(verdict.trusted).toBe(false)
    expect(code).toBe(3)
  })

  test('lists under its GPU what a call refuses, with the remedy', async () => {
    const home = homeOf([[0, '*', 'nvmlDeviceGetTotalEnergyConsumption', 4]])
    const { devices } = await report(home)
    expect(devices.find((d) => d.device_id === GPU)?.missing).toContainEqual({
      source: 'nvml_energy',
      device_id: GPU,
      reason: 'permission_denied',
      fix: expect.stringContaining('Run as root'),
    })
  })

  test('tells who measures a GPU now, and who is on it', async () => {
    const home = homeOf([[0, '*', 'pid', process.pid]])
    mkdirSync(join(home.dir, 'state/llem/locks'), { recursive: true })
    writeFileSync(
      join(home.dir, 'state/llem/locks', `${GPU}.json`),
      JSON.stringify(processIdentity()),
    )
    const { devices } = await report(home)
    const gpu = devices.find((d) => d.device_id === GPU)
    expect(gpu?.locked_by_pid).toBe(process.pid)
    expect(gpu?.processes?.map((p) => p.pid)).toEqual([process.pid])
  })

  test('fits a screen of 80 columns, without colours elsewhere', async () => {
    const home = homeOf([...WAVE, [0, '*', 'persistence', 0], [0, '*', 'throttle', 0x44]])
    const { stdout, stderr, code } = await run(AGENT, ['doctor'], home)
    const escapeCode = String.fromCharCode(27)
    expect(stdout).not.toContain(escapeCode)
    // A path may be longer than a screen: it stays whole.
    const long = stdout.split('\n').filter((line) => line.length > 80 && !line.includes('/'))
    expect(long).toEqual([])
    expect(stdout).toMatch(/nvml_power_ring +3\d\d W +20 ms +10 W .*5 % vendor/)
    expect(stdout).toContain('sudo nvidia-smi -i 0 -pm 1')
    expect(stdout).toContain('Clocks held by: sw power cap, hw thermal')
    expect(stdout).toContain('llem-agent doctor --bursts')
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  })

  test('tells the bound of a calibration that is stored here, for its driver alone', async () => {
    const home = homeOf([])
    const told = {
      ...{ device_id: GPU, gain: 1, offset_w: 0, meter: 'a meter' },
      ...{ measured_at: '2026-01-01T00:00:00.000Z', gain_u: 0.003, offset_u_w: 1.2 },
    }
    const calibrations = [
      { ...told, source: 'nvml_power_ring' },
      { ...told, source: 'nvml_energy', driver_version: 'another' },
    ]
    mkdirSync(join(home.dir, 'state/llem'), { recursive: true })
    writeFileSync(
      join(home.dir, 'state/llem/calibrations.json'),
      JSON.stringify({ version: 1, calibrations }),
    )
    const { stdout } = await run(AGENT, ['doctor'], home)
    // at 300 W: 0.9 and 1.2 W make 1.5 W, twice that is 1 %
    expect(stdout).toMatch(/nvml_power_ring .* 1 % measured\n/)
    expect(stdout).toMatch(/nvml_energy .* 5 % vendor\n/)
    expect(stdout).not.toContain('at least')
  })

  test('tells calibrations that can’t be understood, and all else', async () => {
    const home = homeOf([[0, '*', 'power_mw', 60_000]])
    mkdirSync(join(home.dir, 'state/llem'), { recursive: true })
    writeFileSync(join(home.dir, 'state/llem/calibrations.json'), '{')
    const { stdout, code } = await run(AGENT, ['doctor'], home)
    expect(stdout).toContain('is not a list of')
    // 5 % of 60 W are less than 5 W
    expect(stdout).toMatch(/nvml_power_ring .* 5 % vendor\n +at least 5 W\n/)
    expect(stdout.split('\n').filter((row) => row.length > 80 && !row.includes('/'))).toEqual([])
    expect(code).toBe(0)
  })

  test.each([24, 25] as const)('tells an AMD GPU of generation %i', async (abi) => {
    const library = buildFakeAmdsmi(dir, { abi })
    const { devices, verdict, code } = await report(
      homeWith({ ...NOTHING, LLEM_AMDSMI_PATH: library }),
    )
    const sources = devices.find((d) => d.kind === 'gpu')?.sources
    expect(sources?.map((s) => s.metric)).toContain('gpu_energy_uj')
    expect(sources?.filter((s) => s.fault !== null)).toEqual([])
    expect(verdict.sentence).toContain('Measured: GPU.')
    expect(code).toBe(0)
  })

  test('refuses options that do nothing without --bursts', async () => {
    for (const [option, value] of [
      ['--out', 'x'],
      ['--load', 'full'],
    ] as const) {
      const { code, stderr } = await run(AGENT, ['doctor', option, value], homeWith(NOTHING))
      expect(code).toBe(2)
      expect(stderr).toBe(`${option}: is for bursts; write llem-agent doctor --bursts\n`)
    }
  })
})

describe('a source that fails', () => {
  const broken: SensorSource = {
    name: 'hwmon',
    open: () => Promise.reject(new Error('EIO: the bus hangs')),
  }
  const still: Sensor = {
    row: { sensor_id: 'd:x', device_id: 'd', metric: 'node_power_mw', source: 'plug' },
    cadence: 'gauge',
    read: () => [],
  }
  const fine: SensorSource = {
    name: 'plug',
    open: async () => ({
      ...{ source: 'plug', devices: [{ device_id: 'd', kind: 'node' }], sensors: [still] },
      ...{ missing: [], environment: {}, close: () => {} },
    }),
  }

  test('while it is opened is missing, and takes none of the others with it', async () => {
    const found = await detectSensors(hostAt(), null, [broken, fine])
    expect(found.devices.map((d) => d.device_id)).toEqual(['d'])
    expect(found.missing).toEqual([
      {
        ...{ source: 'hwmon', device_id: null, reason: 'source_failed' },
        fix: expect.stringContaining('Opening hwmon failed (EIO: the bus hangs).'),
      },
    ])
    found.close()
  })

  test('while it is read is told, and the others are read on', async () => {
    const throws: Sensor = {
      ...still,
      read() {
        throw new Error('the bus hangs')
      },
    }
    let reads = 0
    const counted: Sensor = {
      ...still,
      read() {
        reads++
        return []
      },
    }
    const [first, second] = await trySensors([throws, counted], undefined, 0.05)
    expect(first?.fault).toBe('the bus hangs')
    expect(second).toMatchObject({ fault: null, last: null })
    expect(reads).toBeGreaterThan(2)
  })
})

describe('a source that tells no number', () => {
  test('is missing, and the others are told', async () => {
    const telling = (metric: string, value: number): Sensor => {
      const row = { sensor_id: `d:${metric}`, device_id: 'd', metric, source: 'plug' }
      return {
        ...{ row, cadence: 'gauge' },
        read: () => [{ ...row, t_ns: 1, value, reason: null }],
      }
    }
    const sensors = [telling('node_power_mw', Number.NaN), telling('rail_power_mw', 5)]
    const { sources, missing } = sourcesOf(await trySensors(sensors, undefined, 0.02))
    expect(sources.map((s) => [s.metric, s.value])).toEqual([['rail_power_mw', 5]])
    expect(missing).toMatchObject([{ source: 'plug', device_id: 'd', reason: 'source_failed' }])
    expect(missing[0]?.fix).toMatch(/^node_power_mw of plug told .*value: .*sensors\.only/)
  })
})

describe('trying sensors', () => {
  let bench: NvmlBench
  beforeAll(() => {
    bench = nvmlBench()
  })
  afterAll(() => bench.cleanUp())

  test.each([1, 2, 50])(
    'tells the refresh of a counter that steps each %d ms',
    async (period_ms) => {
      const row = { sensor_id: 's', device_id: 'd', metric: 'cpu_energy_uj', source: 'rapl' }
      // A look takes 5 µs, and a pause 1.1 ms, however busy the host is.
      let now = 0n
      const ticks = setInterval(() => {
        now += 1_100_000n
      }, 1)
      const counter: Sensor = {
        ...{ row, cadence: 'ring' },
        read() {
          const t_ns = Number(now)
          return [{ ...row, t_ns, value: 50 * Math.floor(t_ns / (period_ms * 1e6)), reason: null }]
        },
      }
      const hrtime = () => {
        now += 5_000n
        return now
      }
      const [tried] = await trySensors([counter], hrtime, 0.5)
      clearInterval(ticks)
      expect(Math.abs((tried?.period_ms ?? Number.NaN) / period_ms - 1)).toBeLessThan(0.3)
    },
  )

  test('keeps their order, and asks slow ones one after another', async () => {
    const delay = 20_000
    const host = await bench.openRealTime(
      [[0, '*', 'delay:nvmlDeviceGetTotalEnergyConsumption', delay]],
      4,
    )
    let open = 0
    let most = 0
    const sensors = host.source.sensors.map((sensor) =>
      sensor.cadence !== 'edge'
        ? sensor
        : {
            ...sensor,
            async read() {
              most = Math.max(most, ++open)
              const rows = await sensor.read()
              open--
              return rows
            },
          },
    )
    const tried = await trySensors(sensors, undefined, 0.3)
    expect(tried.map((t) => t.sensor)).toEqual(sensors)
    expect(most).toBe(1)
    const edges = tried.filter((t) => t.sensor.row.source === 'nvml_energy')
    expect(edges).toHaveLength(4)
    for (const { call } of edges) expect(call.median_us).toBeGreaterThanOrEqual(delay)
  })
})
