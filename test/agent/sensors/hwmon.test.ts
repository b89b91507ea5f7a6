import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { hwmon } from '../../../agent/sensors/hwmon.ts'
import type { Found, OpenSource } from '../../../agent/sensors/sensor.ts'
import { describeSource } from './contract.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let tree: HostTree
beforeEach(() => {
  tree = hostTree()
})
afterEach(() => tree.remove())

const open = (found?: Found): Promise<OpenSource> =>
  hwmon.open(hostAt({ clock: createClock(), sysfsRoot: tree.root }), found)

/** Files of a card, of its folder and of its monitor. */
function card(
  number: number,
  files: Readonly<Record<string, string | number>>,
  monitor: Readonly<Record<string, string | number>> = {},
): void {
  const path = `class/drm/card${number}/device`
  const text = (all: typeof files, below: string) =>
    Object.fromEntries(Object.entries(all).map(([name, v]) => [`${below}/${name}`, v]))
  tree.write({ ...text(files, path), ...text(monitor, `${path}/hwmon/hwmon${number}`) })
}

/** An MI210 as amdgpu shows it. */
const MI210 = {
  vendor: '0x1002',
  device: '0x740f',
  uevent: 'DRIVER=amdgpu\nPCI_SLOT_NAME=0000:c1:00.0',
  unique_id: '1f2e3d4c5b6a7988',
  product_name: 'Instinct MI210',
  gpu_busy_percent: 12,
  mem_info_vram_used: 1_073_741_824,
  mem_info_vram_total: 68_702_699_520,
} as const
const MI210_MONITOR = {
  name: 'amdgpu',
  power1_average: 87_000_000,
  power1_cap: 250_000_000,
  power1_cap_default: 300_000_000,
  temp1_input: 42_000,
  temp1_label: 'edge',
  temp2_input: 47_500,
  temp2_label: 'junction',
  temp3_input: 51_000,
  temp3_label: 'mem',
  freq1_input: 1_700_000_000,
  freq1_label: 'sclk',
  freq2_input: 1_600_000_000,
  freq2_label: 'mclk',
} as const
const ID = 'GPU-1f2e3d4c5b6a7988'

const valuesOf = async (source: OpenSource) => {
  const rows = await Promise.all(source.sensors.map((s) => s.read()))
  return Object.fromEntries(rows.flat().map((row) => [row.metric, row.value]))
}

describeSource({
  name: 'hwmon',
  counters: true,
  async present() {
    card(0, MI210, MI210_MONITOR)
    card(
      1,
      { vendor: '0x8086', device: '0xe20b', uevent: 'PCI_SLOT_NAME=0000:03:00.0' },
      {
        name: 'xe',
        energy1_input: 5_000_000,
        energy1_label: 'card',
        temp2_input: 40_000,
        temp2_label: 'pkg',
      },
    )
    const clock = createClock()
    const source = await hwmon.open(hostAt({ clock, sysfsRoot: tree.root }))
    let energy_uj = 5_000_000
    let lost = false
    return {
      source,
      clock,
      pass() {
        energy_uj += 1000
        if (!lost) card(1, {}, { energy1_input: energy_uj })
      },
      lose() {
        lost = true
        tree.take('class/drm')
      },
    }
  },
  absent: () => open(),
})

describe('an AMD card without a library', () => {
  it('is named by the number of its maker, as AMDSMI names it, with what it is and may draw', async () => {
    card(0, MI210, MI210_MONITOR)
    const source = await open()
    expect(source.devices).toEqual([
      {
        device_id: ID,
        kind: 'gpu',
        vendor: 'amd',
        model: 'Instinct MI210',
        tdp_w: 300,
        power_limit_w: 250,
        memory_bytes: 68_702_699_520,
        index: 0,
        pci: '0000:c1:00.0',
      },
    ])
    expect(source.missing).toEqual([])
  })

  it('is read in the kernel’s units, temperatures in °C and clocks in MHz', async () => {
    card(0, MI210, MI210_MONITOR)
    expect(await valuesOf(await open())).toEqual({
      gpu_power_uw: 87_000_000,
      gpu_temperature_c: 42,
      gpu_hotspot_temperature_c: 47.5,
      gpu_memory_temperature_c: 51,
      gpu_sm_clock_mhz: 1700,
      gpu_memory_clock_mhz: 1600,
      gpu_utilisation_pct: 12,
      gpu_memory_used_bytes: 1_073_741_824,
      gpu_power_limit_uw: 250_000_000,
    })
  })

  it('tells the momentary power where it has both', async () => {
    card(0, MI210, { ...MI210_MONITOR, power1_input: 91_000_000 })
    expect(await valuesOf(await open())).toMatchObject({ gpu_power_uw: 91_000_000 })
  })

  it('has no power where it reads 0, which means that it does not know', async () => {
    card(0, MI210, { ...MI210_MONITOR, power1_average: 0 })
    const source = await open()
    expect(source.sensors.some((s) => s.row.metric === 'gpu_power_uw')).toBe(false)
    expect(source.missing).toMatchObject([{ device_id: ID, reason: 'implausible' }])
  })

  it('is left to the library that has found it', async () => {
    card(0, MI210, MI210_MONITOR)
    const found = { devices: [{ device_id: ID, kind: 'gpu', pci: '0000:c1:00.0' }], rows: [] }
    const source = await open(found)
    expect(source.devices).toEqual([])
    expect(source.missing).toMatchObject([{ device_id: null, reason: 'no_device' }])
  })

  it('is null with a reason once its files are gone or hold no number', async () => {
    card(0, MI210, MI210_MONITOR)
    const source = await open()
    const power = source.sensors.find((s) => s.row.metric === 'gpu_power_uw')
    card(0, {}, { power1_average: '' })
    expect(await power?.read()).toMatchObject([{ value: null, reason: 'lost' }])
    tree.take('class/drm/card0')
    expect(await power?.read()).toMatchObject([{ value: null, reason: 'lost' }])
  })

  it('of two dies is one sensor: that of the die that reads power', async () => {
    for (const die of [0, 1])
      card(
        die,
        {
          vendor: '0x1002',
          device: '0x7408',
          uevent: `PCI_SLOT_NAME=0000:c${die}:00.0`,
          unique_id: `${die + 1}`.padStart(16, '0'),
        },
        {
          name: 'amdgpu',
          power1_average: die === 0 ? 190_000_000 : 0,
          temp1_input: 40_000,
          temp1_label: 'edge',
        },
      )
    const source = await open()
    const [first, second] = ['GPU-0000000000000001', 'GPU-0000000000000002']
    expect(source.devices).toMatchObject([
      { device_id: first, kind: 'gpu' },
      { device_id: second, kind: 'gpu_instance', parent_device_id: first },
    ])
    expect(source.sensors.map((s) => [s.row.device_id, s.row.metric, s.row.shared_with])).toEqual([
      [first, 'gpu_power_uw', [second]],
      [first, 'gpu_temperature_c', undefined],
      [second, 'gpu_temperature_c', undefined],
    ])
    expect(source.missing).toMatchObject([{ device_id: second, reason: 'unsupported' }])
  })

  it.each([
    [1, 'gpu', 'gpu'],
    [2, 'soc', 'module'],
    [3, 'soc', 'module'],
  ])('whose metrics have form %i is a %s: its power is of the %s', async (form, kind, scope) => {
    card(0, { ...MI210, gpu_metrics: `xx${String.fromCharCode(form)}` }, MI210_MONITOR)
    const source = await open()
    expect(source.devices[0]?.kind).toBe(kind)
    expect(source.sensors[0]?.row.scope).toBe(scope)
  })
})

describe('an Intel card', () => {
  const BATTLEMAGE = { vendor: '0x8086', device: '0xe20b', uevent: 'PCI_SLOT_NAME=0000:03:00.0' }

  it('has an energy counter of the card, read once a second', async () => {
    card(1, BATTLEMAGE, {
      name: 'xe',
      energy1_input: 7_123_456,
      energy1_label: 'card',
      energy2_input: 5_000_000,
      energy2_label: 'pkg',
      power1_max: 190_000_000,
      power1_rated_max: 200_000_000,
      temp2_input: 44_000,
      temp2_label: 'pkg',
      temp3_input: 52_000,
      temp3_label: 'vram',
    })
    const source = await open()
    expect(source.devices).toMatchObject([
      { device_id: 'INTEL-0000:03:00.0', vendor: 'intel', tdp_w: 200, power_limit_w: 190 },
    ])
    expect(source.sensors[0]).toMatchObject({
      cadence: 'ring',
      row: { metric: 'gpu_energy_uj', source: 'hwmon', scope: 'gpu', range: null },
    })
    expect(await valuesOf(source)).toEqual({
      gpu_energy_uj: 7_123_456,
      gpu_temperature_c: 44,
      gpu_memory_temperature_c: 52,
      gpu_power_limit_uw: 190_000_000,
    })
  })

  it('of older drivers has one counter without a name', async () => {
    card(0, BATTLEMAGE, { name: 'i915', energy1_input: 42 })
    expect(await valuesOf(await open())).toEqual({ gpu_energy_uj: 42 })
  })

  it('tells its package where the card as a whole reads nothing', async () => {
    card(0, BATTLEMAGE, {
      energy1_input: 0,
      energy1_label: 'card',
      energy2_input: 9,
      energy2_label: 'pkg',
    })
    expect(await valuesOf(await open())).toEqual({ gpu_energy_uj: 9 })
  })

  it('that is part of a processor has no monitor and is no device', async () => {
    card(0, { vendor: '0x8086', device: '0x46a6' })
    const source = await open()
    expect(source.devices).toEqual([])
    expect(source.missing).toMatchObject([{ device_id: null, reason: 'no_device' }])
  })
})

it('leaves other makers’ cards and the outputs of a card alone', async () => {
  card(0, { vendor: '0x10de' }, { power1_average: 5 })
  tree.write({ 'class/drm/card0-DP-1/device/vendor': '0x1002' })
  expect((await open()).devices).toEqual([])
})
