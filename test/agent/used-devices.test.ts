import { describe, expect, it } from 'vitest'
import { devicesHere, usedDevices } from '../../agent/used-devices.ts'
import type { Device } from '../../analysis/schema/device.ts'
import { experimentConfigSchema } from '../../analysis/schema/experiment.ts'
import { quietEngine } from '../support/running-engine.ts'

const [A, B] = ['GPU-aaaa', 'GPU-bbbb']
const DEVICES: readonly Device[] = [
  { device_id: A, kind: 'gpu', vendor: 'nvidia', model: 'H100', index: 0 },
  { device_id: B, kind: 'gpu', vendor: 'nvidia', model: 'H100', index: 1 },
  { device_id: 'MIG-1', kind: 'gpu_instance', parent_device_id: B },
  { device_id: 'cpu_package:0', kind: 'cpu_package' },
  { device_id: 'dram:0', kind: 'dram' },
]
const WHOLE = DEVICES.filter((d) => d.kind !== 'gpu_instance')
const experiment = (devices: readonly (string | number)[] | null = null) =>
  experimentConfigSchema.parse({ model: 'm', devices })
const holds = (ids: readonly string[] | null) => async () => ids

describe('the devices that an engine computes on', () => {
  it('are what the configuration says', async () => {
    const engine = quietEngine({ computes_on: 'cpu' })
    const used = await usedDevices(experiment([1]), DEVICES, engine, holds(null), {})
    expect(used).toMatchObject({ device_ids: [B], by: 'configuration' })
  })

  it('are those on which it holds memory, instances too', async () => {
    const engine = quietEngine({ pid: 1 })
    const env = { CUDA_VISIBLE_DEVICES: '0' }
    const used = (ids: readonly string[]) =>
      usedDevices(experiment(), DEVICES, engine, holds(ids), env)
    expect(await used([B])).toMatchObject({ device_ids: [B], by: 'memory_held' })
    expect(await used(['MIG-1'])).toMatchObject({ device_ids: ['MIG-1'], by: 'memory_held' })
  })

  it('are those that it may see, where its memory does not show', async () => {
    const engine = quietEngine({ pid: 1 })
    const used = (env: Record<string, string>, devices = WHOLE) =>
      usedDevices(experiment(), devices, engine, holds(null), env)
    expect(await used({})).toMatchObject({ device_ids: [A, B], by: 'visible', notes: [] })
    expect(await used({ CUDA_VISIBLE_DEVICES: '1' })).toMatchObject({ device_ids: [B] })
    expect(await used({ CUDA_VISIBLE_DEVICES: '' })).toMatchObject({
      device_ids: ['cpu_package:0', 'dram:0'],
      by: 'cpu',
      notes: ['CUDA_VISIBLE_DEVICES is empty: no GPU is visible.'],
    })
  })

  it('are all GPUs where it is not certain which it sees, and that is told', async () => {
    const mixed = WHOLE.map((d) => (d.device_id === B ? { ...d, model: 'T4' } : d))
    const engine = quietEngine()
    const used = await usedDevices(experiment(), mixed, engine, holds(null), {
      CUDA_VISIBLE_DEVICES: '0',
    })
    expect(used).toMatchObject({ device_ids: [A, B], reason: 'ambiguous_mapping' })
    expect(used.notes.at(-1)).toMatch(/all of them are counted\.$/)
  })

  it('are the CPU where it says so or there is no GPU, and none on another host', async () => {
    const cpu = { device_ids: ['cpu_package:0', 'dram:0'], by: 'cpu' }
    const none = DEVICES.filter((d) => !d.device_id.match(/GPU|MIG/))
    const of = (engine: ReturnType<typeof quietEngine>, devices = DEVICES) =>
      usedDevices(experiment(), devices, engine, holds(null), {})
    expect(await of(quietEngine({ computes_on: 'cpu' }))).toMatchObject(cpu)
    expect(await of(quietEngine(), none)).toMatchObject(cpu)
    expect(await of(quietEngine({ local: false }))).toMatchObject({ device_ids: [], by: 'remote' })
  })
})

describe('the devices of a program that is no engine of ours', () => {
  it('are the visible GPUs, else the CPU, else what is configured', () => {
    expect(devicesHere(null, WHOLE, { CUDA_VISIBLE_DEVICES: '1' }).device_ids).toEqual([B])
    expect(devicesHere(null, DEVICES, {}).device_ids).toEqual(['MIG-1'])
    expect(devicesHere(null, [{ device_id: 'c', kind: 'cpu_package' }], {}).device_ids).toEqual([
      'c',
    ])
    expect(devicesHere(['cpu'], DEVICES, {}).device_ids).toEqual(['cpu_package:0', 'dram:0'])
    const twice = devicesHere(null, WHOLE, { CUDA_VISIBLE_DEVICES: '1,1' })
    expect(twice.by).toBe('cpu')
    expect(twice.notes.join(' ')).toContain('CUDA_VISIBLE_DEVICES')
  })
})
