import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkDevices } from '../../agent/device-check.ts'
import { engineEnvironment } from '../../agent/engine-environment.ts'
import type { Device } from '../../analysis/schema/device.ts'
import { experimentConfigSchema } from '../../analysis/schema/experiment.ts'

const [A, B] = ['GPU-aaaa', 'GPU-bbbb']
const DEVICES: readonly Device[] = [
  { device_id: A, kind: 'gpu', vendor: 'nvidia', model: 'H100', index: 0 },
  { device_id: B, kind: 'gpu', vendor: 'nvidia', model: 'H100', index: 1 },
  { device_id: 'cpu_package:0', kind: 'cpu_package' },
]
const dir = mkdtempSync(join(tmpdir(), 'llem-check-'))
// What an engine inherits must not come from the machine that runs the tests.
beforeAll(() => {
  for (const name of ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES']) vi.stubEnv(name, undefined)
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(dir, { recursive: true, force: true })
})

const command = (env: Record<string, string> = {}, more: object = {}) =>
  experimentConfigSchema.parse({
    model: 'm',
    engine: {
      ...{ name: 'openai', launcher: 'command', command: ['vllm'], env },
      base_url: 'http://127.0.0.1:{port}/v1',
    },
    ...more,
  })
const AGENT = 100
const state = (on_a: readonly object[] | null, mappable = true, free_bytes = 8 * 2 ** 30) => ({
  nvml: {
    devices: { [A]: { memory: { free_bytes } }, [B]: { memory: { free_bytes } } },
    processes: { mappable, devices: { [A]: on_a, [B]: [] } },
  },
})
const other = { pid: 4242, name: 'python3', ancestors: [7], memory_bytes: 3 * 2 ** 29 }
const check = (experiment: ReturnType<typeof command>, environment: Record<string, unknown> = {}) =>
  checkDevices(experiment, DEVICES, environment, AGENT)

describe('the GPUs before an engine is loaded', () => {
  it('are not complained of where all is well', () => {
    expect(check(command(), state([]))).toEqual([])
    expect(check(command())).toEqual([])
  })

  it('must exist where they are configured', () => {
    expect(() => check(command({}, { devices: ['GPU-cccc'] }))).toThrow(
      /devices\.0: is "GPU-cccc", which names no device of this host; it has GPU-aaaa/,
    )
  })

  it('must be named by variables that CUDA takes', () => {
    expect(() => check(command({ CUDA_VISIBLE_DEVICES: '0,0' }))).toThrow(/names GPU-aaaa twice/)
  })

  it('are warned of where the engine can not see what is configured', () => {
    expect(check(command({ CUDA_VISIBLE_DEVICES: '1' }, { devices: [0] }))).toEqual([
      "devices names GPU-aaaa, which the engine can't see by its variables (GPU-bbbb); its joules would be counted without work.",
    ])
  })

  it('are warned of where another process holds them', () => {
    expect(check(command(), state([other]))).toEqual([
      "GPU-aaaa is in use by process 4242 (python3, 1.5 GiB), whose joules would count as this run's. Stop it, or choose another GPU by devices:.",
    ])
    expect(check(command({}, { devices: [1] }), state([other]))).toEqual([])
    expect(check(command(), state([{ ...other, name: null, memory_bytes: null }]))[0]).toContain(
      '(unknown)',
    )
  })

  it('are free of what is our own, of what can not be mapped, and of what an attached engine holds', () => {
    expect(check(command(), state([{ ...other, ancestors: [AGENT, 7] }]))).toEqual([])
    expect(check(command(), state([{ ...other, pid: AGENT }]))).toEqual([])
    expect(check(command(), state([other], false))).toEqual([])
    expect(check(command(), state(null))).toEqual([])
    const attached = experimentConfigSchema.parse({
      model: 'm',
      engine: { name: 'openai', base_url: 'http://127.0.0.1:1/v1' },
    })
    expect(check(attached, state([other]))).toEqual([])
  })

  it('are too small for a file that is larger than what is free, where an engine is told to use them', () => {
    const path = join(dir, 'model.gguf')
    writeFileSync(path, Buffer.alloc(3000))
    const embedded = (gpu: string, file: string | null = path) =>
      experimentConfigSchema.parse({
        model: { id: 'm', path: file },
        engine: { name: 'embedded', gpu },
        devices: [0],
      })
    const free = (bytes: number) => state([], true, bytes)
    expect(check(embedded('cuda'), free(2999))[0]).toMatch(
      /model\.gguf takes 0\.0 GiB, and GPU-aaaa has 0\.0 GiB free: some of its layers/,
    )
    expect(check(embedded('cuda'), free(3000))).toEqual([])
    expect(check(embedded('auto'), free(1))).toEqual([])
    expect(check(embedded('cuda', null), free(1))).toEqual([])
    expect(check(embedded('cuda', join(dir, 'none.gguf')), free(1))).toEqual([])
  })
})

describe("an engine's environment", () => {
  it('is that of its process', () => {
    const env = engineEnvironment(command(), process.pid)
    expect(env['PATH']).toBe(process.env['PATH'])
  })

  it('is what it will be started with, before there is a process', () => {
    const env = engineEnvironment(command({ CUDA_VISIBLE_DEVICES: '1' }), null)
    expect(env).toEqual({ ...process.env, CUDA_VISIBLE_DEVICES: '1' })
  })

  it('is not known of an attached engine whose process hides it', () => {
    const attached = experimentConfigSchema.parse({
      model: 'm',
      engine: { name: 'openai', base_url: 'http://127.0.0.1:1/v1' },
    })
    expect(engineEnvironment(attached, 1, '/nowhere')).toEqual({})
  })
})
