import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type NvmlBench, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

interface Told {
  readonly devices: Readonly<Record<string, Record<string, unknown>>>
  readonly topology: readonly unknown[]
}
const told = async (script: readonly ScriptLine[] = [], gpus = 1): Promise<Told> =>
  (await bench.open(script, gpus)).source.environment['nvml'] as Told

describe('what a GPU is', () => {
  it('is told whole', async () => {
    const { devices } = await told([[0, 0, 'pcie_generation', 1]])
    expect(devices[uuid()]).toMatchObject({
      compute_capability: '9.0',
      serial: '1650000000000',
      vbios: '96.00.74.00.01',
      memory: {
        total_bytes: 85_899_345_920,
        reserved_bytes: 1_048_576,
        used_bytes: 1_073_741_824,
        free_bytes: 84_824_555_520, // the rest
      },
      pcie: { generation: 1, generation_max: 5, width: 16, width_max: 16 },
      nvlink: null,
      clocks_max: { graphics_mhz: 1980, sm_mhz: 1980, memory_mhz: 2619 },
      power_limit_min_w: 200,
      power_limit_max_w: 700,
      thresholds: { shutdown_c: 95, slowdown_c: 90, memory_max_c: 94, gpu_max_c: 87 },
      performance_state: 'P0',
    })
  })

  it('has memory by the older call, which does not part what is reserved', async () => {
    const { devices } = await told([[0, 0, 'nvmlDeviceGetMemoryInfo_v2', 13]])
    expect(devices[uuid()]?.['memory']).toEqual({
      total_bytes: 85_899_345_920,
      reserved_bytes: null,
      used_bytes: 1_074_790_400,
      free_bytes: 84_824_555_520,
    })
  })

  it('is null where the driver does not tell, never zero', async () => {
    const refused = [
      ...['nvmlDeviceGetSerial', 'nvmlDeviceGetVbiosVersion', 'nvmlDeviceGetMaxClockInfo'],
      ...['nvmlDeviceGetCudaComputeCapability', 'nvmlDeviceGetTemperatureThreshold'],
      ...['nvmlDeviceGetPowerManagementLimitConstraints', 'nvmlDeviceGetCurrPcieLinkWidth'],
      ...['nvmlDeviceGetMemoryInfo_v2', 'nvmlDeviceGetMemoryInfo'],
    ]
    const { devices } = await told([
      ...refused.map((name): ScriptLine => [0, 0, name, 3]),
      [0, 0, 'performance_state', 32],
    ])
    expect(devices[uuid()]).toMatchObject({
      compute_capability: null,
      serial: null,
      vbios: null,
      memory: { total_bytes: null, reserved_bytes: null, free_bytes: null, used_bytes: null },
      pcie: { generation: 5, width: null },
      clocks_max: { graphics_mhz: null, sm_mhz: null, memory_mhz: null },
      power_limit_min_w: null,
      power_limit_max_w: null,
      thresholds: { shutdown_c: null, slowdown_c: null, memory_max_c: null, gpu_max_c: null },
      performance_state: null,
    })
  })
})

describe('how GPUs reach each other', () => {
  it('is told by what they share and how many NVLinks join them', async () => {
    const { devices, topology } = await told(
      [
        [0, '*', 'nvlinks', 4],
        [0, 0, 'nvlink_down', 2],
        [0, '*', 'ancestor', 10],
      ],
      2,
    )
    expect(devices[uuid(0)]?.['nvlink']).toEqual(
      [0, 1, 3].map((link) => ({ link, remote: 'gpu', remote_pci: '0000:02:00.0' })),
    )
    expect(topology).toEqual([{ a: uuid(0), b: uuid(1), common_ancestor: 'single', nvlinks: 3 }])
  })

  it('is none by NVLink where there is none, of each pair once', async () => {
    const { topology } = await told([], 3)
    const none = { common_ancestor: 'node', nvlinks: 0 }
    expect(topology).toEqual([
      { a: uuid(0), b: uuid(1), ...none },
      { a: uuid(0), b: uuid(2), ...none },
      { a: uuid(1), b: uuid(2), ...none },
    ])
  })

  it('is not known by links where they end at switches', async () => {
    const { devices, topology } = await told(
      [
        [0, '*', 'nvlinks', 18],
        [0, '*', 'nvlink_switch', 1],
        [0, 0, 'nvmlDeviceGetTopologyCommonAncestor', 3],
      ],
      2,
    )
    expect(devices[uuid(0)]?.['nvlink']).toHaveLength(18)
    expect(topology).toMatchObject([{ common_ancestor: null, nvlinks: null }])
  })
})
