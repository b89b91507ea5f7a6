import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { type DetectedSensors, detectSensors } from '../../../agent/sensors/detect.ts'
import { buildFakeNvml } from '../../support/fake-nvml/fake-nvml.ts'
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

function raplZone(name: string): void {
  const zone = join(root, 'class/powercap/intel-rapl:0')
  mkdirSync(zone, { recursive: true })
  writeFileSync(join(zone, 'name'), name)
  writeFileSync(join(zone, 'energy_uj'), '1000')
}

async function detect(only: readonly string[] | null, nvmlPath: string | null = '/nowhere.so') {
  found = await detectSensors(
    hostAt({ clock: createClock(), sysfsRoot: root, procRoot: root, nvmlPath }),
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

  it('does not open the estimate beside a package counter', async () => {
    raplZone('package-0')
    expect(sources(await detect(null))).toEqual(new Set(['rapl']))
  })

  it('opens the estimate beside a platform counter, which is no measure of the CPU', async () => {
    raplZone('psys')
    const d = await detect(null)
    expect(sources(d)).toEqual(new Set(['rapl', 'cpu_estimate', 'procfs']))
    expect(d.devices.map((x) => x.device_id)).toEqual(['platform:0', 'cpu_package:0'])
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
    expect(sources(d)).toEqual(new Set(['nvml_power_ring', 'nvml_energy', 'nvml', 'rapl']))
    expect(new Set(d.sensors.map((s) => s.row.sensor_id)).size).toBe(d.sensors.length)
    expect(d.environment).toHaveProperty('nvml')
  })

  it('asks the driver which GPUs a process uses, and knows nothing without one', async () => {
    expect((await detect(null)).devicesOfProcess(1)).toBeNull()
    expect((await detect(null, library)).devicesOfProcess(1)).toEqual([])
  })
})
