import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { type HostTree, hostTree } from '../agent/sensors/host-tree.ts'
import { buildFakeAmdsmi } from '../support/fake-amdsmi/fake-amdsmi.ts'
import { writeScript } from '../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'

const ID = 'GPU-00000000000000ab'
let tree: HostTree
let home: Home
beforeEach(() => {
  tree = hostTree()
  tree.write({
    'bus/pci/devices/0000:c1:00.0/unique_id': '00000000000000ab',
    'class/drm/card0/device/vendor': '0x1002',
    'class/drm/card0/device/uevent': 'PCI_SLOT_NAME=0000:c1:00.0',
    'class/drm/card0/device/unique_id': '00000000000000ab',
    'class/drm/card0/device/hwmon/hwmon4/power1_average': 90_000_000,
  })
})
afterEach(() => {
  home.remove()
  tree.remove()
})

async function measured(env: Readonly<Record<string, string>>): Promise<Summary> {
  home = makeHome({ LLEM_SYSFS_ROOT: tree.root, ...env })
  const short = ['--baseline', '0.2', '--set', 'phases.cooldown_s=0.3', '--json']
  const ended = await run(AGENT, ['measure', ...short, '--', 'sleep', '1'], home)
  const runs = (JSON.parse(ended.stdout) as { runs: unknown[] }).runs
  return summarySchema.parse(runs[0])
}

/** The GPU's watts, which are constant: how long the second took does not matter. */
const watts = (summary: Summary) =>
  (summary.metrics['energy_gpu_j']?.value ?? Number.NaN) / (summary.window?.duration_s ?? 0)

describe('an AMD host', () => {
  it('is measured through AMDSMI', async () => {
    const summary = await measured({
      LLEM_AMDSMI_PATH: buildFakeAmdsmi(tree.root),
      FAKE_AMDSMI_SCRIPT: writeScript(tree.root, [[0, 0, 'power_w', 250]]),
    })
    expect(summary.metrics['energy_gpu_j']).toMatchObject({ provenance: 'amdsmi', scope: 'gpu' })
    expect(watts(summary)).toBeCloseTo(250, 6)
    const [gpu] = summary.devices
    expect(gpu?.device_id).toBe(ID)
    // The counter beside the power, of the same joules: ± 1 % for what lies between its readings and the window.
    const energies = gpu?.estimates?.map((e) => [e.method, (e.energy_j ?? 0) / (gpu.energy_j ?? 1)])
    expect(energies?.map(([method]) => method).sort()).toEqual(['counter', 'poll'])
    for (const [, share] of energies ?? []) expect(share).toBeCloseTo(1, 2)
  })

  it('is measured by the kernel’s files without the library, by the same name', async () => {
    const summary = await measured({ LLEM_AMDSMI_PATH: '/nowhere/libamd_smi.so' })
    expect(summary.metrics['energy_gpu_j']).toMatchObject({ provenance: 'hwmon' })
    expect(watts(summary)).toBeCloseTo(90, 6)
    expect(summary.devices[0]?.device_id).toBe(ID)
  })
})
