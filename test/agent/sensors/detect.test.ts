import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { type DetectedSensors, detectSensors } from '../../../agent/sensors/detect.ts'
import type { SensorOptions } from '../../../agent/sensors/sensor.ts'
import { metersSchema } from '../../../analysis/schema/meter.ts'
import { buildFakeNvml } from '../../support/fake-nvml/fake-nvml.ts'
import { httpDouble } from '../../support/http-double.ts'
import { hostAt } from './host-at.ts'

let dir: string
let library: string
let root: string
let found: DetectedSensors | null

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-detect-'))
  library = buildFakeNvml(dir)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
beforeEach(() => {
  root = mkdtempSync(join(dir, 'root-'))
  found = null
  writeFileSync(join(root, 'stat'), 'cpu  1 0 0 1 0 0 0 0\n')
})
afterEach(() => found?.close())

function raplZone(name: string, at = 'intel-rapl:0'): void {
  const zone = join(root, 'class/powercap', at)
  mkdirSync(zone, { recursive: true })
  writeFileSync(join(zone, 'name'), name)
  writeFileSync(join(zone, 'energy_uj'), '1000')
}

async function detect(
  only: readonly string[] | null,
  nvmlPath: string | null = '/nowhere.so',
  more: Partial<SensorOptions> = {},
) {
  found = await detectSensors(
    hostAt({ clock: createClock(), sysfsRoot: root, procRoot: root, nvmlPath, ...more }),
    only,
  )
  return found
}

const sources = (d: DetectedSensors) => new Set(d.sensors.map((s) => s.row.source))

describe('detecting sensors', () => {
  it('takes the estimate of the CPU where no package counter can be read', async () => {
    const d = await detect(null)
    expect(sources(d)).toEqual(new Set(['cpu_estimate', 'procfs']))
    expect(d.missing.map((m) => m.source)).toEqual(['nvml', 'rapl'])
    expect(d.environment).toHaveProperty('cpu_estimate')
  })

  it('does not estimate what a counter measures', async () => {
    raplZone('package-0')
    const ids = async () => (await detect(null)).sensors.map((s) => s.row.sensor_id)
    expect(await ids()).toEqual(['cpu_package:0:rapl', 'dram:0:cpu_estimate'])
    raplZone('dram', 'intel-rapl:0/intel-rapl:0:1')
    expect(await ids()).toEqual(['cpu_package:0:rapl', 'dram:0:rapl'])
  })

  it('opens the estimate beside a platform counter, which is no measure of the CPU', async () => {
    raplZone('psys')
    const d = await detect(null)
    expect(sources(d)).toEqual(new Set(['rapl', 'cpu_estimate', 'procfs']))
    expect(d.devices.map((x) => x.device_id)).toEqual(['platform:0', 'cpu_package:0', 'dram:0'])
  })

  it('keeps to what was asked for', async () => {
    raplZone('package-0')
    expect(sources(await detect(['cpu_estimate']))).toEqual(new Set(['cpu_estimate', 'procfs']))
    expect((await detect(['cpu_estimate'])).missing).toEqual([])
    expect(sources(await detect([]))).toEqual(new Set())
  })

  it('puts all sources together', async () => {
    raplZone('package-0')
    const d = await detect(null, library)
    expect(sources(d)).toEqual(
      new Set(['nvml_power_ring', 'nvml_energy', 'nvml', 'rapl', 'cpu_estimate']),
    )
    expect(new Set(d.sensors.map((s) => s.row.sensor_id)).size).toBe(d.sensors.length)
    expect(d.environment).toHaveProperty('nvml')
  })

  it('reads the processor through zeusd where RAPL is closed, and never beside it', async () => {
    const socketPath = join(root, 'zeusd.sock')
    const daemon = await httpDouble(
      (path) =>
        path === '/discover'
          ? {
              gpus: [],
              cpus: [{ id: 0, dram_available: false }],
              enabled_api_groups: ['cpu-read'],
              auth_required: false,
            }
          : { '0': { cpu_energy_uj: 5, dram_energy_uj: null } },
      { socketPath },
    )
    const env = { ZEUSD_SOCK_PATH: socketPath }
    try {
      const closed = await detect(null, undefined, { env })
      expect(sources(closed)).toEqual(new Set(['zeusd', 'cpu_estimate']))
      expect(closed.sensors[0]?.row.device_id).toBe('cpu_package:0')
      closed.close()
      raplZone('package-0')
      expect(sources(await detect(null, undefined, { env }))).toEqual(
        new Set(['rapl', 'cpu_estimate']),
      )
    } finally {
      found?.close()
      found = null
      await daemon.close()
    }
  })

  it('gives several meters of the node one device, and tells only of those that are configured', async () => {
    const supplies = join(root, 'class/power_supply/BAT0')
    mkdirSync(supplies, { recursive: true })
    for (const [file, text] of [
      ['type', 'Battery'],
      ['status', 'Discharging'],
      ['power_now', '9000000'],
    ] as const)
      writeFileSync(join(supplies, file), text)
    const meter = await httpDouble(() => ({ watts: 55 }))
    const meters = metersSchema.parse([
      { source: 'plug', url: meter.url, kind: 'json', path: 'watts' },
      { source: 'redfish', url: meter.url },
    ])
    try {
      const d = await detect(['battery', 'redfish', 'ipmi', 'plug'], undefined, { meters })
      expect(d.devices).toMatchObject([{ device_id: 'node:0', kind: 'node' }])
      expect(d.sensors.map((s) => s.row.sensor_id)).toEqual([
        'node:0:battery',
        'node:0:plug',
        'node:0:plug:span',
      ])
      expect(d.missing).toMatchObject([{ source: 'redfish', device_id: 'node:0' }])
    } finally {
      await meter.close()
    }
  })

  it('counts a Jetson as a whole, without an estimate of its processor', async () => {
    const chip = join(root, 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3')
    mkdirSync(chip, { recursive: true })
    for (const [file, text] of [
      ['in1_label', 'VDD_IN'],
      ['in1_input', '5000'],
      ['curr1_input', '2000'],
    ] as const)
      writeFileSync(join(chip, file), text)
    const d = await detect(null)
    expect(d.devices.map((x) => x.device_id)).toEqual(['soc:0'])
    expect(sources(d)).toEqual(new Set(['ina3221']))
  })

  it('asks the driver which GPUs a process uses, and knows nothing without one', async () => {
    expect((await detect(null)).devicesOfProcess(1)).toBeNull()
    expect((await detect(null, library)).devicesOfProcess(1)).toEqual([])
  })
})
