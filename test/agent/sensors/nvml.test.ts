import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { nvml } from '../../../agent/sensors/nvml.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type NvmlBench, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

const values = (rows: readonly SampleRow[]) => rows.map((row) => row.value)

describeSource({
  name: 'nvml',
  counters: true,
  async present() {
    const { source, clock, hand } = await bench.open([[60_000, '*', 'device_rc', 15]], 2)
    return { source, clock, pass: () => hand.pass(1000), lose: () => hand.pass(60_000) }
  },
  absent: () => nvml.open(hostAt({ clock: createClock(), nvmlPath: '/nowhere/libnvidia-ml.so.1' })),
})

describe('a GPU through NVML', () => {
  it('is named by its UUID, with what it is and may draw', async () => {
    const { source } = await bench.open([[0, '*', 'power_limit_mw', 500_000]], 2)
    expect(source.devices).toMatchObject([
      {
        device_id: uuid(0),
        kind: 'gpu',
        vendor: 'nvidia',
        model: 'Fake GPU 80GB',
        tdp_w: 700,
        power_limit_w: 500,
        memory_bytes: 85_899_345_920, // 80 GiB
        index: 0,
        pci: '00000000:01:00.0',
        architecture: 'hopper',
      },
      { device_id: uuid(1), index: 1, pci: '00000000:02:00.0' },
    ])
    expect(source.missing).toEqual([])
  })

  it('comes with the driver, CUDA and the settings that change what readings mean', async () => {
    const { source } = await bench.open([
      [0, 0, 'persistence', 0],
      [0, 0, 'mig', 1],
    ])
    expect(source.environment).toMatchObject({
      nvml: {
        driver_version: '580.00.00',
        cuda_version: '13.0',
        devices: {
          [uuid()]: {
            persistence_mode: false,
            mig_mode: true,
            default_limit_w: 700,
            enforced_limit_w: 700,
          },
        },
      },
    })
  })

  it('has one source of power, one counter, eight gauges and two counters of violations', async () => {
    const { source } = await bench.open()
    expect(source.sensors.map((s) => [s.row.source, s.cadence])).toEqual([
      ['nvml_power_ring', 'ring'],
      ['nvml_energy', 'edge'],
      ...Array(8).fill(['nvml', 'gauge']),
      ...Array(2).fill(['nvml', 'edge']),
    ])
  })

  it.each([
    ['gpu_temperature_c', 'temperature_c', 61],
    ['gpu_memory_temperature_c', 'memory_temperature_c', 72],
    ['gpu_sm_clock_mhz', 'sm_clock_mhz', 1755],
    ['gpu_memory_clock_mhz', 'memory_clock_mhz', 2619],
    ['gpu_utilisation_pct', 'utilisation_pct', 97],
    ['gpu_utilisation_pct', 'utilisation_pct', 0],
    ['gpu_memory_used_bytes', 'memory_used_bytes', 53_687_091_200],
    ['gpu_throttle_reasons', 'throttle', 0x24],
    ['gpu_throttle_reasons', 'throttle', 0],
    ['gpu_power_limit_mw', 'power_limit_mw', 650_000],
  ])('tells %s as %s %i', async (metric, key, value) => {
    const host = await bench.open([[0, 0, key, value]])
    expect(await host.read(metric)).toMatchObject([{ metric, value, reason: null }])
  })

  it('shows a power limit that is changed during the run', async () => {
    const host = await bench.open([[1000, 0, 'power_limit_mw', 400_000]])
    expect(values(await host.read('gpu_power_limit_mw'))).toEqual([700_000])
    host.hand.pass(1000)
    expect(values(await host.read('gpu_power_limit_mw'))).toEqual([400_000])
  })
})

describe('power without a ring', () => {
  const NO_RING = [0, 0, 'nvmlDeviceGetSamples', 3] as const

  it('is the momentary value', async () => {
    const host = await bench.open([
      NO_RING,
      [0, 0, 'power_mw', 250_000],
      [300, 0, 'power_mw', 400_000],
    ])
    expect(host.has('nvml_power_average')).toBe(false)
    expect(host.sensor('nvml_power_instant')).toMatchObject({
      cadence: 'gauge',
      row: { metric: 'gpu_power_mw', scope: 'gpu', period_ms: 100 },
    })
    expect(values(await host.read('nvml_power_instant'))).toEqual([250_000])
    host.hand.pass(350)
    expect(values(await host.read('nvml_power_instant'))).toEqual([400_000])
  })

  it('is that of the module where the GPU alone is refused, and says so', async () => {
    const host = await bench.open([NO_RING, [0, 0, 'scope0_rc', 3]])
    expect(host.sensor('nvml_power_instant').row.scope).toBe('module')
    expect(values(await host.read('nvml_power_instant'))).toEqual([300_000])
  })

  it.each([
    ['double', 0],
    ['64-bit', 3],
  ])('is read as %s where the driver says so', async (_, type) => {
    const host = await bench.open([NO_RING, [0, 0, 'power_type', type]])
    expect(values(await host.read('nvml_power_instant'))).toEqual([300_000])
  })

  it('is the mean of the last second at worst', async () => {
    const host = await bench.open([
      NO_RING,
      [0, 0, 'field:186', 3],
      [0, 0, 'power_mw', 100_000],
      [500, 0, 'power_mw', 300_000],
    ])
    expect(host.sensor('nvml_power_average').row).toMatchObject({ averaging_ms: 1000 })
    host.hand.pass(1000)
    // Half a second each of 100 W and 300 W; the clock has run for about 1 ms more, of 0.2 W.
    const [row] = await host.read('nvml_power_average')
    expect(Math.abs((row?.value ?? 0) - 200_000)).toBeLessThan(1000)
  })

  it.each([
    ['gpu', 0],
    ['module', 1],
  ])(
    'is the mean of the last second of the %s by its field, where the driver has it',
    async (scope, at) => {
      const host = await bench.open([NO_RING, [0, 0, 'field:186', 3], [0, 0, 'average_scope', at]])
      expect(host.sensor('nvml_power_average').row).toMatchObject({ scope, averaging_ms: 1000 })
      expect(values(await host.read('nvml_power_average'))).toEqual([300_000])
    },
  )

  it('is read from a field as 64 bits', async () => {
    const host = await bench.open([NO_RING, [0, 0, 'value:186', 123_456]])
    expect(values(await host.read('nvml_power_instant'))).toEqual([123_456])
  })

  it('is null with a reason where it reads 0 W', async () => {
    const host = await bench.open([NO_RING, [200, 0, 'power_mw', 0]])
    host.hand.pass(300)
    expect(await host.read('nvml_power_instant')).toMatchObject([
      { value: null, reason: 'implausible' },
    ])
  })
})

describe('power of a superchip', () => {
  const SUPERCHIP: readonly ScriptLine[] = [
    [0, 0, 'model', 1],
    [0, 0, 'module_ring', 1],
    [0, 0, 'module_extra_mw', 150_000],
  ]

  it('is recorded of the GPU and of the module, each with its scope', async () => {
    const host = await bench.open(SUPERCHIP)
    const rings = host.source.sensors.filter((s) => s.row.source === 'nvml_power_ring')
    expect(rings.map((s) => [s.row.sensor_id, s.row.scope])).toEqual([
      [`${uuid()}:nvml_power_ring`, 'gpu'],
      [`${uuid()}:nvml_power_ring:module`, 'module'],
    ])
    host.hand.pass(100)
    expect(values((await rings[0]?.read()) ?? [])).toEqual(Array(5).fill(300_000))
    expect(values((await rings[1]?.read()) ?? [])).toEqual(Array(5).fill(450_000))
    expect(host.source.missing).toEqual([])
  })

  it('is that of the module alone where the GPU has no ring of its own', async () => {
    const host = await bench.open([...SUPERCHIP, [0, 0, 'ring0_rc', 3]])
    expect(host.sensor('nvml_power_ring').row.scope).toBe('module')
    expect(host.source.missing).toMatchObject([
      { source: 'nvml_power_ring', reason: 'unsupported' },
    ])
  })

  it('is counted for the whole module', async () => {
    expect((await bench.open(SUPERCHIP)).sensor('nvml_energy').row.scope).toBe('module')
    expect((await bench.open()).sensor('nvml_energy').row.scope).toBe('gpu')
  })

  it('is held against the rated power of the module', async () => {
    const host = await bench.open([
      [0, 0, 'nvmlDeviceGetSamples', 3],
      [0, 0, 'scope0_rc', 3],
      [0, 0, 'module_limit_mw', 1_000_000],
      [0, 0, 'power_mw', 3_900_000],
      [200, 0, 'power_mw', 4_100_000],
    ])
    expect(values(await host.read('nvml_power_instant'))).toEqual([3_900_000])
    host.hand.pass(300)
    expect(await host.read('nvml_power_instant')).toMatchObject([
      { value: null, reason: 'implausible' },
    ])
  })
})

describe('power of the memory', () => {
  const POWER = 'gpu_memory_power_mw'

  it('is a sensor of its own where a GPU has it', async () => {
    const host = await bench.open([[0, 0, 'memory_power_mw', 60_000]])
    expect(host.sensor(POWER).row).toMatchObject({
      sensor_id: `${uuid()}:nvml_power_instant:memory`,
      scope: 'memory',
    })
    expect(values(await host.read(POWER))).toEqual([60_000])
  })

  it.each([
    ['is refused', -1],
    ['reads 0, as boards without the sensor do', 0],
  ])('is none where it %s', async (_, value) => {
    const host = await bench.open([[0, 0, 'memory_power_mw', value]])
    expect(host.has(POWER)).toBe(false)
    expect(host.source.missing).toEqual([])
  })
})

describe("readings that can't be", () => {
  it.each([
    ['gpu_temperature_c', 'temperature_c', 150, 151],
    ['gpu_memory_temperature_c', 'memory_temperature_c', 1, 151],
    ['gpu_sm_clock_mhz', 'sm_clock_mhz', 10_000, 10_001],
    ['gpu_memory_clock_mhz', 'memory_clock_mhz', 10_000, 60_000],
    ['gpu_utilisation_pct', 'utilisation_pct', 100, 101],
    ['gpu_memory_used_bytes', 'memory_used_bytes', 85_899_345_920, 85_899_345_921],
    ['gpu_power_limit_mw', 'power_limit_mw', 1, 0],
  ])('are null with the reason: %s', async (metric, key, most, more) => {
    const host = await bench.open([
      [0, 0, key, most],
      [100, 0, key, more],
    ])
    expect(values(await host.read(metric))).toEqual([most])
    host.hand.pass(100)
    expect(await host.read(metric)).toMatchObject([{ value: null, reason: 'implausible' }])
  })

  it('are those of a ring above four times the rated power, too', async () => {
    // 4 × 700 W = 2800 W; the period that the step cuts is a mean of both.
    const host = await bench.open([
      [0, 0, 'power_mw', 2_800_000],
      [100, 0, 'power_mw', 2_800_001],
    ])
    host.hand.pass(200)
    const rows = await host.read('nvml_power_ring')
    expect(values(rows)).toEqual([...Array(5).fill(2_800_000), ...Array(5).fill(null)])
    expect(rows.at(-1)?.reason).toBe('implausible')
  })

  it('are judged without rated power by what no board draws', async () => {
    const host = await bench.open([
      [0, 0, 'default_limit_mw', 0],
      [0, 0, 'nvmlDeviceGetSamples', 3],
      [0, 0, 'power_mw', 9_000_000],
      [200, 0, 'power_mw', 11_000_000],
    ])
    expect(values(await host.read('nvml_power_instant'))).toEqual([9_000_000])
    host.hand.pass(300)
    expect(await host.read('nvml_power_instant')).toMatchObject([{ reason: 'implausible' }])
  })
})

describe('counters of throttling', () => {
  it('tell for how long the clocks were held down, in ns, at phase edges', async () => {
    const host = await bench.open([
      [0, 0, 'power_violation_ns', 1_500_000_000],
      [0, 0, 'thermal_violation_ns', 0],
      [0, 0, 'value:270', 8],
      [0, 0, 'value:271', 9],
    ])
    const read = async (metric: string) => values(await host.read(metric))
    expect(await read('gpu_power_violation_ns')).toEqual([1_500_000_000])
    expect(await read('gpu_thermal_violation_ns')).toEqual([0])
    expect(await read('gpu_hw_thermal_ns')).toEqual([8])
    expect(await read('gpu_power_brake_ns')).toEqual([9])
    expect(host.sensor('gpu_power_violation_ns').cadence).toBe('edge')
  })

  it('come from fields where the older call is gone', async () => {
    const host = await bench.open([
      [0, 0, 'nvmlDeviceGetViolationStatus', 26],
      [0, 0, 'value:74', 11],
      [0, 0, 'value:75', 12],
    ])
    expect(values(await host.read('gpu_power_violation_ns'))).toEqual([11])
    expect(values(await host.read('gpu_thermal_violation_ns'))).toEqual([12])
  })
})

describe('a call that is slow at first', () => {
  it('was made once before the run, whatever it is', async () => {
    const host = await bench.open([
      [0, 0, 'profiles_requested', 1],
      [0, 0, 'value:251', 1],
    ])
    for (const name of [
      ...[
        'nvmlDeviceGetSamples',
        'nvmlDeviceGetTotalEnergyConsumption',
        'nvmlDeviceGetFieldValues',
      ],
      ...['nvmlDeviceGetTemperatureV', 'nvmlDeviceGetClockInfo', 'nvmlDeviceGetUtilizationRates'],
      ...['nvmlDeviceGetMemoryInfo_v2', 'nvmlDeviceGetCurrentClocksEventReasons'],
      ...['nvmlDeviceGetEnforcedPowerLimit', 'nvmlDeviceGetViolationStatus'],
      ...['nvmlDeviceGetComputeRunningProcesses_v3', 'nvmlDeviceGetGraphicsRunningProcesses_v3'],
      ...['nvmlDeviceWorkloadPowerProfileGetCurrentProfiles', 'nvmlDeviceGetApplicationsClock'],
    ])
      expect(host.calls(name), name).toBeGreaterThan(0)
  })
})

describe('the energy counter', () => {
  it('counts millijoules, in steps of a tenth of a second', async () => {
    const host = await bench.open([
      [0, 0, 'power_mw', 200_000],
      [0, 0, 'energy_mj', 5_000_000],
    ])
    host.hand.pass(1050)
    // 5000 J and 1 s × 200 W; the last 50 ms are not counted yet.
    expect(values(await host.read('nvml_energy'))).toEqual([5_200_000])
  })

  it('agrees with the ring over whole refreshes', async () => {
    const host = await bench.open([
      [0, 0, 'power_mw', 120_000],
      [400, 0, 'power_mw', 650_000],
      [900, 0, 'power_mw', 80_000],
    ])
    const before = (await host.read('nvml_energy'))[0]?.value ?? 0
    host.hand.pass(1500)
    const after = (await host.read('nvml_energy'))[0]?.value ?? 0
    const ring = await host.read('nvml_power_ring')
    const joules = ring.reduce((sum, row) => sum + ((row.value ?? 0) / 1000) * 0.02, 0)
    // 0.4 s × 120 W + 0.5 s × 650 W + 0.6 s × 80 W = 421 J
    expect((after - before) / 1000).toBeCloseTo(421, 3)
    expect(joules).toBeCloseTo(421, 3)
  })

  it('is passed on as it stands after a reset', async () => {
    const host = await bench.open([[500, 0, 'energy_mj', 500]])
    host.hand.pass(1500)
    expect(values(await host.read('nvml_energy'))).toEqual([300_500]) // 1 s × 300 W since
  })

  it('is null where it reads 0, which means that the driver does not know', async () => {
    const host = await bench.open([
      [500, 0, 'power_mw', 0],
      [500, 0, 'energy_mj', 0],
    ])
    host.hand.pass(600)
    expect(await host.read('nvml_energy')).toMatchObject([{ value: null, reason: 'implausible' }])
  })

  it('leaves the event loop free while it answers, and is stamped at the middle of the call', async () => {
    const host = await bench.openRealTime([
      [0, 0, 'delay:nvmlDeviceGetTotalEnergyConsumption', 200_000],
    ])
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    const before = host.clock.now()
    const reading = host.read('nvml_energy')
    const called = host.clock.now() - before
    const [row] = await reading
    const span = host.clock.now() - before
    clearInterval(timer)
    expect(called).toBeLessThan(span / 2)
    expect(turns).toBeGreaterThan(5)
    expect(Math.abs((row?.t_ns ?? 0) - (before + span / 2))).toBeLessThan(span / 4)
  })

  it('may be asked twice at once', async () => {
    const host = await bench.openRealTime([
      [0, 0, 'delay:nvmlDeviceGetTotalEnergyConsumption', 20_000],
    ])
    const [first, second] = await Promise.all([host.read('nvml_energy'), host.read('nvml_energy')])
    expect(first[0]?.reason).toBeNull()
    expect(second[0]?.reason).toBeNull()
  })
})

describe('the GPUs of a process', () => {
  it('are those where it holds memory', async () => {
    const { source } = await bench.open(
      [
        [0, 1, 'pid', 4242],
        [0, 2, 'pid', 4242],
      ],
      3,
    )
    expect(source.devicesOfProcess?.(4242)).toEqual([uuid(1), uuid(2)])
  })

  it('are found in a list that is longer than the room for it', async () => {
    const { source } = await bench.open([
      [0, 0, 'pid', 4242],
      [0, 0, 'more_pids', 200],
    ])
    expect(source.devicesOfProcess?.(4242)).toEqual([uuid()])
  })

  it('are none where no GPU has a process', async () => {
    expect((await bench.open()).source.devicesOfProcess?.(1)).toEqual([])
  })

  it('are unknown where the driver lists processes that are none of this system', async () => {
    // The host of this test has an empty /proc: the pid is one of another namespace.
    const { source } = await bench.open([[0, 0, 'pid', 4242]])
    expect(source.devicesOfProcess?.(1)).toBeNull()
  })

  it('are unknown where the driver does not tell', async () => {
    const { source } = await bench.open([[0, 0, 'nvmlDeviceGetComputeRunningProcesses_v3', 3]])
    expect(source.devicesOfProcess?.(1)).toBeNull()
  })
})
