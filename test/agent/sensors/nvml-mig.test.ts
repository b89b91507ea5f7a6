import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type NvmlBench, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

/** GPU 1 of two is partitioned; its places 0 and 5 hold instances, the others are holes. */
const PARTITIONED: readonly ScriptLine[] = [
  [0, 1, 'mig', 1],
  [0, 1, 'instances', 0b100001],
]
const PART0 = 'MIG-00000000-0000-4000-8000-000001000000'
const PART5 = 'MIG-00000000-0000-4000-8000-000001000005'

describe('a partitioned GPU', () => {
  it('is listed with its instances, past the holes', async () => {
    const { source } = await bench.open(PARTITIONED, 2)
    expect(source.devices).toMatchObject([
      { device_id: uuid(0), kind: 'gpu' },
      { device_id: uuid(1), kind: 'gpu', partitioned: true },
      {
        device_id: PART0,
        kind: 'gpu_instance',
        vendor: 'nvidia',
        model: 'Fake GPU 80GB MIG 1g.10gb',
        profile: '1g.10gb',
        memory_bytes: 10_334_765_056, // 9856 MiB
        parent_device_id: uuid(1),
        gpu_instance_id: 7,
        compute_instance_id: 0,
        place: 0,
        multiprocessors: 16,
        gpu_slices: 1,
        compute_slices: 1,
        architecture: 'hopper',
        compute_capability: '9.0',
      },
      { device_id: PART5, gpu_instance_id: 12, place: 5 },
    ])
    expect(source.devices[0]).not.toHaveProperty('partitioned')
  })

  it('keeps the energy at the whole GPU, and says so of each instance', async () => {
    const { source } = await bench.open(PARTITIONED, 2)
    expect(new Set(source.sensors.map((s) => s.row.device_id))).toEqual(new Set([uuid(0), uuid(1)]))
    expect(source.missing).toMatchObject([
      { source: 'nvml_power', device_id: PART0, reason: 'unsupported' },
      { source: 'nvml_power', device_id: PART5, reason: 'unsupported' },
    ])
    expect(source.missing[0]?.fix).toMatch(
      /1g\.10gb of GPU-.*scope_exceeds_workload.*nvidia-smi -i 1 -mig 0\.$/,
    )
  })

  it('without instance is told: nothing can compute on it', async () => {
    const { source } = await bench.open([[0, 0, 'mig', 1]])
    expect(source.devices).toHaveLength(1)
    expect(source.missing).toMatchObject([
      { source: 'nvml', device_id: uuid(), reason: 'no_device' },
    ])
    expect(source.missing[0]?.fix).toMatch(/-cgi PROFILE -C.*-mig 0\.$/)
  })

  it('has instances under the names of old drivers too, with an id that a record can hold', async () => {
    const { source } = await bench.open([...PARTITIONED, [0, 1, 'legacy_names', 1]], 2)
    expect(source.devices.map((d) => d.device_id).slice(2)).toEqual([
      `MIG-${uuid(1)}:7:0`,
      `MIG-${uuid(1)}:12:0`,
    ])
  })

  it('that does not tell of its instances has none', async () => {
    const { source } = await bench.open(
      [...PARTITIONED, [0, 1, 'nvmlDeviceGetMaxMigDeviceCount', 3]],
      2,
    )
    expect(source.devices).toHaveLength(2)
  })

  it('gives a process to the instance that it works in', async () => {
    const { source } = await bench.open(
      [...PARTITIONED, [0, 1, 'pid', 4242], [0, 1, 'pid_instance', 12], [0, 0, 'pid', 4242]],
      2,
    )
    expect(source.devicesOfProcess?.(4242)).toEqual([uuid(0), PART5])
  })
})
