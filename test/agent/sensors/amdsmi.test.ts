import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amdsmi } from '../../../agent/sensors/amdsmi.ts'
import { type AmdsmiBench, amdsmiBench, gpuId, uniqueIds } from './amdsmi-host.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'

const benches = new Map<number, AmdsmiBench>()
const bench = (abi: 24 | 25 | 26 = 26): AmdsmiBench => benches.get(abi) as AmdsmiBench
beforeAll(() => {
  for (const abi of [24, 25, 26] as const) benches.set(abi, amdsmiBench({ abi }))
})
afterAll(() => {
  for (const opened of benches.values()) opened.cleanUp()
})

describeSource({
  name: 'amdsmi',
  counters: true,
  async present() {
    const host = await bench().open([[60_000, '*', 'device_rc', 31]], { gpus: 2 })
    const { source, clock } = host
    return { source, clock, pass: () => host.pass(1000), lose: () => host.pass(60_000) }
  },
  absent: () => amdsmi.open(hostAt()),
})

describe.each([
  [24, '24.7.2.0', true],
  [25, '25.25.2.0', true],
  [26, '26.2.0', false],
] as const)('a GPU through AMDSMI %i', (abi, version, serialised) => {
  it('is named by the number of its maker, with what it is and may draw', async () => {
    const { source } = await bench(abi).open([[0, 0, 'cap_uw', 600e6]], { gpus: 2 })
    expect(source.devices).toMatchObject([
      {
        device_id: gpuId(0),
        kind: 'gpu',
        vendor: 'amd',
        model: 'AMD Instinct MI300X',
        tdp_w: 750,
        power_limit_w: 600,
        memory_bytes: 206_141_652_992, // 196592 MiB = 192 GiB less 16 MiB
        index: 0,
        pci: '0000:c1:00.0',
      },
      { device_id: gpuId(1), index: 1, pci: '0000:c2:00.0', power_limit_w: 750 },
    ])
    expect(source.environment).toMatchObject({
      amdsmi: { version, serialised, devices: { [gpuId(0)]: { power: 'current' } } },
    })
  })

  it('has power, energy and gauges', async () => {
    const { source } = await bench(abi).open()
    expect(source.sensors.map((s) => [s.row.metric, s.cadence])).toEqual([
      ['gpu_power_w', 'gauge'],
      ['gpu_energy_uj', 'edge'],
      ...(abi === 26 ? [['gpu_throttle_reasons', 'ring']] : []),
      ['gpu_temperature_c', 'gauge'],
      ['gpu_hotspot_temperature_c', 'gauge'],
      ['gpu_memory_temperature_c', 'gauge'],
      ['gpu_sm_clock_mhz', 'gauge'],
      ['gpu_memory_clock_mhz', 'gauge'],
      ['gpu_utilisation_pct', 'gauge'],
      ['gpu_memory_used_bytes', 'gauge'],
      ['gpu_power_limit_uw', 'gauge'],
    ])
  })

  it.each([
    ['gpu_power_w', 'power_w', 641, 641],
    ['gpu_temperature_c', 'edge_c', 61, 61],
    ['gpu_hotspot_temperature_c', 'hotspot_c', 88, 88],
    ['gpu_memory_temperature_c', 'memory_c', 70, 70],
    ['gpu_sm_clock_mhz', 'gfx_mhz', 1700, 1700],
    ['gpu_memory_clock_mhz', 'mem_mhz', 900, 900],
    ['gpu_utilisation_pct', 'activity_pct', 97, 97],
    ['gpu_utilisation_pct', 'activity_pct', 0, 0],
    ['gpu_memory_used_bytes', 'vram_used_mib', 81_920, 85_899_345_920],
    ['gpu_power_limit_uw', 'cap_uw', 500e6, 500e6],
  ])('tells %s as %s %i', async (metric, key, value, expected) => {
    const host = await bench(abi).open([[0, 0, key, value]])
    expect(await host.read(metric)).toMatchObject([{ metric, value: expected, reason: null }])
  })

  it('takes the average where the card does not tell the momentary power', async () => {
    const host = await bench(abi).open([
      [0, 0, 'power_w', 0xffff],
      [0, 0, 'average_w', 212],
    ])
    expect(await host.read('gpu_power_w')).toMatchObject([{ value: 212 }])
    expect(host.source.environment).toMatchObject({
      amdsmi: { devices: { [gpuId()]: { power: 'average' } } },
    })
  })

  it.each([0xffff, 0xffff_ffff])(
    'has no power where both read "not available" (%i)',
    async (na) => {
      const host = await bench(abi).open([
        [0, 0, 'power_w', na],
        [0, 0, 'average_w', na],
      ])
      expect(host.sensor('gpu_power_w')).toBeUndefined()
      expect(host.missing()).toMatchObject({ gpu_power_w: 'unsupported' })
    },
  )
})

describe('the energy counter', () => {
  it('counts microjoules: steps times the resolution', async () => {
    const host = await bench().open([[0, 0, 'power_w', 200]])
    host.pass(1000)
    // It stood at 1000 J and 200 J came, in steps of 15.259 µJ: at most one is not there yet. The resolution is a
    // 32-bit float, exact to 1 in 10⁷.
    const [row] = await host.read('gpu_energy_uj')
    expect(Math.abs((row?.value ?? 0) - 1200e6)).toBeLessThan(120 + 15.259)
  })

  it('is passed on as it stands where it fell back', async () => {
    const host = await bench().open([
      [0, 0, 'energy_uj', 9e9],
      [500, 0, 'energy_uj', 4e9],
    ])
    host.pass(400)
    const [before] = await host.read('gpu_energy_uj')
    host.pass(100)
    const [after] = await host.read('gpu_energy_uj')
    expect(after?.value).toBeLessThan(before?.value ?? 0)
    expect(after?.reason).toBeNull()
    expect(host.sensor('gpu_energy_uj')?.row.range).toBeNull()
  })

  it('of a virtual machine is missing, while the power is there', async () => {
    const host = await bench().open([[0, 0, 'amdsmi_get_energy_count', 2]])
    expect(host.missing()).toEqual({ gpu_energy_uj: 'unsupported' })
    expect(host.source.missing[0]?.fix).toContain('virtual machines')
    expect(host.sensor('gpu_power_w')).toBeDefined()
  })

  it('leaves the event loop free while it answers', async () => {
    const host = await bench().open([[0, 0, 'delay:amdsmi_get_energy_count', 100_000]])
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    await host.read('gpu_energy_uj')
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
  })
})

describe('what holds a GPU back', () => {
  it.each([
    ['processor_hot', 0x40],
    ['package_power', 0x4],
    ['socket_thermal', 0x20],
    ['regulator_thermal', 0x20],
    ['memory_thermal', 0x20],
  ])('%s is the bit %i', async (key, bit) => {
    const host = await bench().open([[500, 0, key, 1]])
    expect(await host.read('gpu_throttle_reasons')).toMatchObject([{ value: 0 }])
    host.pass(500)
    expect(await host.read('gpu_throttle_reasons')).toMatchObject([{ value: bit }])
  })

  it('is not told by a library that bears one call at a time, whose call would wait in the way', async () => {
    const host = await bench(25).open()
    expect(host.missing()).toEqual({ gpu_throttle_reasons: 'unsupported' })
  })
})

describe('a card of two dies', () => {
  const MI250X = { gpus: 4, model: 'AMD Instinct MI250X' }

  it('is one sensor, of the die that reads power; the other is counted by it', async () => {
    const host = await bench().open(
      [
        [0, 1, 'power_w', 0],
        [0, 3, 'power_w', 0],
        [0, 0, 'power_w', 440],
      ],
      MI250X,
    )
    expect(host.source.devices).toMatchObject([
      { device_id: gpuId(0), kind: 'gpu' },
      { device_id: gpuId(1), kind: 'gpu_instance', parent_device_id: gpuId(0) },
      { device_id: gpuId(2), kind: 'gpu' },
      { device_id: gpuId(3), kind: 'gpu_instance', parent_device_id: gpuId(2) },
    ])
    const power = host.source.sensors.filter((s) => s.row.metric === 'gpu_power_w')
    expect(power.map((s) => [s.row.device_id, s.row['shared_with']])).toEqual([
      [gpuId(0), [gpuId(1)]],
      [gpuId(2), [gpuId(3)]],
    ])
    expect(await host.read('gpu_power_w')).toMatchObject([{ value: 440 }])
    expect(host.missing(1)).toEqual({ gpu_power_w: 'unsupported' })
    expect(host.source.missing.find((m) => m.device_id === gpuId(1))?.fix).toContain(gpuId(0))
  })

  it('keeps the temperature, memory and clocks of each die', async () => {
    const host = await bench().open(
      [
        [0, 1, 'power_w', 0],
        [0, 3, 'power_w', 0],
        [0, 1, 'edge_c', 77],
      ],
      MI250X,
    )
    expect(await host.read('gpu_temperature_c', 1)).toMatchObject([{ value: 77 }])
    expect(host.sensor('gpu_energy_uj', 1)).toBeUndefined()
  })

  it('is paired in the order of HIP, not in that of the bus', async () => {
    const host = await bench().open(
      [
        [0, 0, 'hip_id', 3],
        [0, 1, 'hip_id', 2],
        [0, 2, 'hip_id', 0],
        [0, 3, 'hip_id', 1],
        [0, 0, 'power_w', 0],
        [0, 3, 'power_w', 0],
      ],
      MI250X,
    )
    expect(host.source.devices).toMatchObject([
      { device_id: gpuId(2), index: 0 },
      { device_id: gpuId(3), index: 1, parent_device_id: gpuId(2) },
      { device_id: gpuId(1), index: 2 },
      { device_id: gpuId(0), index: 3, parent_device_id: gpuId(1) },
    ])
  })

  it('that reads power on each die has two sensors', async () => {
    const host = await bench().open([], { ...MI250X, gpus: 2 })
    expect(host.source.devices.map((d) => d.kind)).toEqual(['gpu', 'gpu'])
  })
})

describe('a GPU that is divided into partitions', () => {
  it('is read once: its partitions have clocks and memory of their own, and its joules', async () => {
    const host = await bench().open([], { gpus: 4, per_socket: 2, sysfs: uniqueIds(2) })
    expect(host.source.devices).toMatchObject([
      { device_id: gpuId(0), kind: 'gpu', pci: '0000:c1:00.0' },
      { device_id: `${gpuId(0)}:1`, kind: 'gpu_instance', parent_device_id: gpuId(0) },
      { device_id: gpuId(1), kind: 'gpu' },
      { device_id: `${gpuId(1)}:3`, kind: 'gpu_instance', parent_device_id: gpuId(1) },
    ])
    for (const metric of ['gpu_power_w', 'gpu_energy_uj', 'gpu_temperature_c']) {
      const rows = host.source.sensors.filter((s) => s.row.metric === metric)
      expect(rows.map((s) => s.row.device_id)).toEqual([gpuId(0), gpuId(1)])
    }
    expect(host.sensor('gpu_memory_used_bytes', 1)).toBeDefined()
  })
})

describe('a GPU with CPU and memory in one package', () => {
  it('has the scope of a module', async () => {
    const host = await bench().open([], { model: 'AMD Instinct MI300A' })
    expect(host.sensor('gpu_power_w')?.row.scope).toBe('module')
    expect(host.sensor('gpu_energy_uj')?.row.scope).toBe('module')
  })

  it('is known too by the form of the kernel’s metrics', async () => {
    const metrics = 'bus/pci/devices/0000:c1:00.0/gpu_metrics'
    const scopeOf = async (form: string) =>
      (await bench().open([], { sysfs: { [metrics]: `xx${form}` } })).sensor('gpu_power_w')?.row
        .scope
    expect(await scopeOf('\u0003')).toBe('module')
    expect(await scopeOf('\u0001')).toBe('gpu')
  })
})

describe('identity', () => {
  it('is the UUID of the library where the kernel has no number', async () => {
    const { source } = await bench().open([], { gpus: 2, sysfs: {} })
    expect(source.devices.map((d) => d.device_id)).toEqual([
      '00ff740f-0000-1000-80ea-e05c945bb3b2',
      '01ff740f-0000-1000-80ea-e05c945bb3b2',
    ])
  })

  it('is the place on the bus where the library has none either', async () => {
    const { source } = await bench().open([[0, 0, 'amdsmi_get_gpu_device_uuid', 2]], { sysfs: {} })
    expect(source.devices[0]?.device_id).toBe('AMD-0000:c1:00.0')
  })

  it('follows the kernel’s nodes where the library is too old to tell HIP’s order', async () => {
    const { source } = await bench(24).open(
      [
        [0, '*', 'amdsmi_get_gpu_enumeration_info', 2],
        [0, 0, 'node_id', 5],
        [0, 1, 'node_id', 4],
      ],
      { gpus: 2 },
    )
    expect(source.devices).toMatchObject([
      { device_id: gpuId(1), index: 0 },
      { device_id: gpuId(0), index: 1 },
    ])
  })
})

describe('the GPUs of a process', () => {
  it('are those where the kernel says that it holds memory', async () => {
    const { source } = await bench().open([], {
      gpus: 3,
      sysfs: {
        ...uniqueIds(3),
        'class/kfd/kfd/proc/4242/vram_50000': '0',
        'class/kfd/kfd/proc/4242/vram_50001': '1048576',
        'class/kfd/kfd/proc/4242/vram_50002': '99',
      },
    })
    expect(source.devicesOfProcess?.(4242)).toEqual([gpuId(1), gpuId(2)])
    expect(source.devicesOfProcess?.(1)).toEqual([])
  })

  it('are unknown where the kernel lists no processes', async () => {
    expect((await bench().open()).source.devicesOfProcess?.(1)).toBeNull()
  })
})
