import { mkdtempSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createReporter } from '../../agent/progress.ts'
import { createRecorder } from '../../agent/recorder.ts'
import { record } from '../../agent/recording.ts'
import { createRowPacker } from '../../agent/sampler-batch.ts'
import { openSamplerThread } from '../../agent/sampler-thread.ts'
import { createSpool } from '../../agent/spool.ts'
import { hostAt } from './sensors/host-at.ts'
import { temporaryDirectories } from './spool-support.ts'

const temporary = temporaryDirectories()

/** A thread that hands on one row when it is started, and dies soon after. */
function dyingWorker(dir: string): string {
  const path = join(mkdtempSync(join(dir, 'worker-')), 'worker.mjs')
  const packer = createRowPacker()
  packer.add([{ t_ns: 1000, device_id: 'GPU-1', metric: 'gpu_power_mw', value: 5 }])
  const batch = packer.pack()
  writeFileSync(
    path,
    `import { parentPort } from 'node:worker_threads'
const sensors = [{ sensor_id: 's', device_id: 'GPU-1', metric: 'gpu_power_mw', source: 'nvml' }]
parentPort.postMessage({
  say: 'opened',
  opened: { devices: [{ device_id: 'GPU-1', kind: 'gpu' }], sensors, missing: [], environment: {} },
})
const batch = {
  t_ns: Float64Array.of(${batch?.t_ns}), value: Float64Array.of(${batch?.value}),
  series: Uint16Array.of(0), reason: Uint8Array.of(0), added: ${JSON.stringify(batch?.added)},
}
parentPort.on('message', ({ id, ask }) => {
  if (ask === 'start') parentPort.postMessage({ say: 'rows', batch })
  parentPort.postMessage({ say: 'answer', id, value: null })
  if (ask === 'start') setTimeout(() => { throw new Error('the driver gave nonsense') }, 50)
})`,
  )
  return path
}

it('a sampling thread that dies fails the run with a sentence, and what was recorded is kept', async () => {
  const dir = await temporary()
  let stopped = false
  const result = await record(
    {
      study_id: 'study',
      openSensors: (clock) =>
        openSamplerThread(hostAt({ clock }), null, { path: dyingWorker(dir) }),
      lockDevices: async () => () => {},
      openSpool: (run_id) => createSpool(join(dir, 'spool'), run_id),
      openRecorder: (spool, clock) => createRecorder({ spool, clock }),
      onRunChanged: () => {},
      reporter: createReporter(process.stderr, true),
      signal: new AbortController().signal,
    },
    { experiment: { sensors: { interval_ms: 100 } }, cycle: 0 },
    async (recording) => {
      recording.atEnd(async () => {
        stopped = true
      })
      await recording.begin('measure', null)
      await sleep(60_000, undefined, { signal: recording.signal })
      return { outcome: 'completed', reason: null }
    },
  )
  expect(result.outcome).toBe('failed')
  expect(result.reason).toMatch(/reads the sensors ended by itself \(the driver gave nonsense\)/)
  expect(stopped).toBe(true)
  const samples = result.recorder.counts().filter((c) => c.stream === 'sample')
  expect(samples.map((c) => c.count)).toEqual([1])
  const run = JSON.parse(await readFile(join(result.spool.dir, 'run.json'), 'utf8'))
  expect(run.run).toMatchObject({ outcome: 'failed', reason: result.reason })
  expect(run.run.phases).toHaveLength(1)
})
