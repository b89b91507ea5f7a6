import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DetectedSensors, detectSensors } from '../../../agent/sensors/detect.ts'
import { buildFakeAmdsmi } from '../../support/fake-amdsmi/fake-amdsmi.ts'
import { hostAt } from './host-at.ts'
import { type HostTree, hostTree } from './host-tree.ts'

let dir: string
let library: string
let tree: HostTree
let found: DetectedSensors | null
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-detect-amd-'))
  library = buildFakeAmdsmi(dir)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
beforeEach(() => {
  found = null
  tree = hostTree()
  // The card that the fake library shows, as the kernel has it, and one of Intel beside.
  tree.write({
    stat: 'cpu  1 0 0 1 0 0 0 0',
    'class/drm/card0/device/vendor': '0x1002',
    'class/drm/card0/device/uevent': 'PCI_SLOT_NAME=0000:c1:00.0',
    'class/drm/card0/device/unique_id': '00000000000000ab',
    'class/drm/card0/device/hwmon/hwmon4/power1_average': 90_000_000,
    'bus/pci/devices/0000:c1:00.0/unique_id': '00000000000000ab',
    'class/drm/card1/device/vendor': '0x8086',
    'class/drm/card1/device/uevent': 'PCI_SLOT_NAME=0000:03:00.0',
    'class/drm/card1/device/hwmon/hwmon5/energy1_input': 77,
  })
})
afterEach(() => {
  found?.close()
  tree.remove()
})

async function detect(amdsmiPath: string, only: readonly string[]) {
  found = await detectSensors(
    hostAt({ sysfsRoot: tree.root, procRoot: tree.root, amdsmiPath }),
    only,
  )
  return found
}
const GPUS = ['nvml', 'amdsmi', 'hwmon']
const powers = (d: DetectedSensors) =>
  d.sensors
    .filter((s) => s.row.scope === 'gpu')
    .map((s) => [s.row.device_id, s.row.source, s.row.metric])

describe('detecting AMD and Intel GPUs', () => {
  it('leaves a card to AMDSMI that it has opened, and takes the others by the kernel', async () => {
    expect(powers(await detect(library, GPUS))).toEqual([
      ['GPU-00000000000000ab', 'amdsmi', 'gpu_power_w'],
      ['GPU-00000000000000ab', 'amdsmi', 'gpu_energy_uj'],
      ['INTEL-0000:03:00.0', 'hwmon', 'gpu_energy_uj'],
    ])
  })

  it('takes all cards by the kernel without the library, each by the same name', async () => {
    const d = await detect('/nowhere.so', GPUS)
    expect(powers(d)).toEqual([
      ['GPU-00000000000000ab', 'hwmon', 'gpu_power_uw'],
      ['INTEL-0000:03:00.0', 'hwmon', 'gpu_energy_uj'],
    ])
    expect(d.missing).toMatchObject([
      { source: 'nvml' },
      { source: 'amdsmi', reason: 'no_library' },
    ])
  })

  it('tells nothing of AMD on a host that has no AMD card', async () => {
    tree.take('class/drm/card0')
    const d = await detect('/nowhere.so', GPUS)
    expect(d.missing.map((m) => m.source)).toEqual(['nvml'])
  })

  it('measures no Mac’s chip elsewhere', async () => {
    expect((await detect(library, ['ioreport'])).sensors).toEqual([])
  })
})
