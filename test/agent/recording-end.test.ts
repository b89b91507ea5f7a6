import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createReporter } from '../../agent/progress.ts'
import { createRecorder } from '../../agent/recorder.ts'
import { type Ending, type Recording, type RecordingParts, record } from '../../agent/recording.ts'
import { openSamplerThread } from '../../agent/sampler-thread.ts'
import { createSpool, type Spool } from '../../agent/spool.ts'
import { hostAt } from './sensors/host-at.ts'
import { temporaryDirectories } from './spool-support.ts'

const temporary = temporaryDirectories()

const DONE: Ending = { outcome: 'completed', reason: null }

/** A thread that has no sensors and answers everything. */
function emptyWorker(dir: string): string {
  const path = join(mkdtempSync(join(dir, 'worker-')), 'worker.mjs')
  writeFileSync(
    path,
    `import { parentPort } from 'node:worker_threads'
parentPort.postMessage({
  say: 'opened',
  opened: { devices: [], sensors: [], missing: [], environment: {} },
})
parentPort.on('message', ({ id, ask }) => {
  parentPort.postMessage({ say: 'answer', id, value: null })
  if (ask === 'close') parentPort.close()
})`,
  )
  return path
}

/** Records a run on a host without sensors. @param fails the disk takes no further chunk */
async function recorded(work: (run: Recording) => Promise<Ending>, fails = () => false) {
  const dir = await temporary()
  let spool: Spool | null = null
  const parts: RecordingParts = {
    study_id: 'study',
    openSensors: (clock) => openSamplerThread(hostAt({ clock }), null, { path: emptyWorker(dir) }),
    lockDevices: async () => () => {},
    openSpool: async (id) => {
      spool = await createSpool(join(dir, 'spool'), id)
      return spool
    },
    openRecorder: (own, clock) =>
      createRecorder({
        clock,
        spool: {
          writeChunk(key, bytes) {
            if (fails()) throw new Error('There is no room left on the disk (ENOSPC).')
            return own.writeChunk(key, bytes)
          },
        },
      }),
    onRunChanged: () => {},
    reporter: createReporter(process.stderr, true),
    signal: new AbortController().signal,
  }
  const result = await record(
    parts,
    { experiment: { sensors: { interval_ms: 100 } }, cycle: 0 },
    work,
  )
  const own = spool as Spool | null
  const file = JSON.parse(readFileSync(join(own?.dir ?? '', 'run.json'), 'utf8')) as {
    run: { outcome: string; reason: string | null }
  }
  return { result, run: file.run, chunks: await own?.chunks() }
}

describe('the end of a recording', () => {
  test('is written though something of it can’t be stopped, and says so', async () => {
    const { result, run, chunks } = await recorded(async (recording) => {
      await recording.begin('measure', null)
      recording.event('last_words', 'on their way to the disk')
      recording.atEnd(() => Promise.reject(new Error('The engine can’t be stopped (EPERM).')))
      return DONE
    })
    expect(run).toMatchObject({
      outcome: 'failed',
      reason: 'The engine can’t be stopped (EPERM).',
    })
    expect(result.outcome).toBe('failed')
    expect(chunks?.map((c) => c.stream)).toContain('event')
  })

  test('is no completed one where its last rows were lost', async () => {
    let full = false
    const { result, run } = await recorded(
      async (recording) => {
        await recording.begin('measure', null)
        full = true
        recording.event('last_words', 'for which there is no room')
        return DONE
      },
      () => full,
    )
    expect(run).toMatchObject({
      outcome: 'failed',
      reason: 'There is no room left on the disk (ENOSPC).',
    })
    expect(result.outcome).toBe('failed')
  })
})
