import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { checkDevices } from '../../../agent/device-check.ts'
import { processLine } from '../../../agent/process-line.ts'
import type { WatchMoment } from '../../../agent/sensors/sensor.ts'
import { gpuProcessesSchema } from '../../../analysis/schema/device-events.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import { type NvmlBench, type NvmlHost, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
let proc: string
beforeAll(() => {
  bench = nvmlBench()
  for (const name of ['CUDA_VISIBLE_DEVICES', 'NVIDIA_VISIBLE_DEVICES']) vi.stubEnv(name, undefined)
  proc = mkdtempSync(join(tmpdir(), 'llem-proc-'))
  // A server, its worker with an awkward name, and a shell from which the server was started.
  for (const [pid, name, parent, group] of [
    [50, 'bash', 1, 50],
    [60, 'vllm', 50, 60],
    [70, 'VLLM::(worker) 0', 60, 60],
  ] as const) {
    mkdirSync(join(proc, String(pid)))
    writeFileSync(join(proc, String(pid), 'stat'), `${pid} (${name}) S ${parent} ${group} 0 0 -1`)
  }
})
afterAll(() => {
  vi.unstubAllEnvs()
  bench.cleanUp()
  rmSync(proc, { recursive: true, force: true })
})

const look = (host: NvmlHost, moment: WatchMoment) =>
  (host.source.watches ?? [])
    .flatMap((w) => [...w.read(moment)])
    .filter((e) => e.code === 'gpu_processes')
    .map((e) => e.detail)

const WORKER = {
  pid: 70,
  kind: 'compute',
  memory_bytes: 2 ** 30,
  gpu_instance_id: null,
  compute_instance_id: null,
  device_id: uuid(),
  name: 'VLLM::(worker) 0',
  ancestors: [60, 50],
  group: 60,
}

describe('the processes on GPUs', () => {
  it('are told at the start with their ancestors, and in run.json', async () => {
    const host = await bench.open([[0, 0, 'pid', 70]], 2, proc)
    const processes = { devices: { [uuid(0)]: [WORKER], [uuid(1)]: [] }, mappable: true }
    expect(look(host, 'start')).toEqual([{ moment: 'start', ...processes }])
    expect(host.source.environment['nvml']).toMatchObject({ processes })
  })

  it('are told as analysis reads them', async () => {
    const host = await bench.open([[0, 0, 'pid', 70]], 2, proc)
    for (const detail of look(host, 'start'))
      expect(gpuProcessesSchema.parse(JSON.parse(JSON.stringify(detail)))).toEqual(detail)
  })

  it('are what an agent warns of before it loads an engine', async () => {
    const { source } = await bench.open([[0, 0, 'pid', 70]], 1, proc)
    const experiment = experimentConfigSchema.parse({ model: 'm', engine: 'embedded' })
    const warnings = (pid: number) =>
      checkDevices(experiment, source.devices, source.environment, pid)
    expect(warnings(1000)).toEqual([
      `${uuid()} is in use by process 70 (VLLM::(worker) 0, 1.0 GiB), whose joules would count as this run's. Stop it, or choose another GPU by devices:.`,
    ])
    expect(warnings(60)).toEqual([]) // our own child
  })

  it('are told again when others come or go, and at the end', async () => {
    const host = await bench.open(
      [
        [0, 0, 'pid', 70],
        [1000, 0, 'graphics_pid', 50],
        [2000, 0, 'graphics_pid', 0],
      ],
      1,
      proc,
    )
    look(host, 'start')
    expect(look(host, 'during')).toEqual([])
    host.hand.pass(1000)
    expect(look(host, 'during')).toMatchObject([
      { devices: { [uuid()]: [{ pid: 70 }, { pid: 50, kind: 'graphics', name: 'bash' }] } },
    ])
    host.hand.pass(1000)
    expect(look(host, 'during')).toMatchObject([{ devices: { [uuid()]: [{ pid: 70 }] } }])
    expect(look(host, 'during')).toEqual([])
    expect(look(host, 'end')).toHaveLength(1)
  })

  it('count those of the multi-process service, and each once', async () => {
    const host = await bench.open(
      [
        [0, 0, 'pid', 70],
        [0, 0, 'mps_pid', 60],
        [0, 0, 'graphics_pid', 70],
      ],
      1,
      proc,
    )
    expect(look(host, 'start')).toMatchObject([
      {
        devices: {
          [uuid()]: [
            { pid: 70, kind: 'compute' },
            { pid: 60, kind: 'compute' },
          ],
        },
      },
    ])
  })

  it('can not be mapped where they are none of this system', async () => {
    const host = await bench.open([[0, 0, 'pid', 4242]], 1, proc)
    expect(look(host, 'start')).toMatchObject([
      { mappable: false, devices: { [uuid()]: [{ pid: 4242, name: null, ancestors: [] }] } },
    ])
  })

  it('are unknown of a GPU that does not tell', async () => {
    const host = await bench.open([[0, 0, 'nvmlDeviceGetComputeRunningProcesses_v3', 4]], 1, proc)
    expect(look(host, 'start')).toMatchObject([{ devices: { [uuid()]: null } }])
  })
})

describe('a process', () => {
  it('is described by /proc', () => {
    expect(processLine(proc, 70)).toEqual({
      name: 'VLLM::(worker) 0',
      ancestors: [60, 50],
      group: 60,
    })
    expect(processLine('/proc', process.pid).ancestors[0]).toBe(process.ppid)
  })

  it('that is gone is nothing', () => {
    expect(processLine(proc, 99)).toEqual({ name: null, ancestors: [], group: null })
  })
})
