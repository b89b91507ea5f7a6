import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readChunk } from '../../analysis/schema/arrow.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import { bundleRecordChild } from './bundle-record-child.ts'
import { createIngestDouble, type IngestDouble } from './ingest-double.ts'

let dir = ''
let program = ''
let double: IngestDouble

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-kill-'))
  program = await bundleRecordChild(dir)
  double = createIngestDouble()
  await double.start()
})
afterAll(async () => {
  await double.kill()
  await rm(dir, { recursive: true, force: true })
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Kill {
  /** The line on stdout from which the time counts; null: from the start. */
  readonly from: 'begun' | 'ending' | null
  readonly ms: number
}

/** Runs the child and kills it (null: lets it end). Returns what it said. */
async function child(what: 'record' | 'ship', run_id: string, kill: Kill | null) {
  const args = [program, join(dir, 'spool'), run_id, double.url(), what]
  const process_ = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ROWS: String(10 + Math.floor(Math.random() * 150)) },
  })
  let said = ''
  const closed = once(process_, 'close')
  const reached = new Promise<void>((resolve) => {
    process_.stdout.on('data', (text: Buffer) => {
      said += text.toString()
      if (said.includes(kill?.from ?? '')) resolve()
    })
  })
  if (kill !== null) {
    if (kill.from !== null) await Promise.race([reached, closed])
    await sleep(kill.ms)
    process_.kill('SIGKILL')
  }
  await closed
  return said.split('\n').slice(0, -1)
}

/** A server that dies and comes back at random moments until told to stop. */
function restless(): () => Promise<void> {
  let on = true
  const running = (async () => {
    while (on) {
      await sleep(20 + Math.random() * 60)
      await double.kill()
      await sleep(Math.random() * 20)
      await double.start()
    }
  })()
  return async () => {
    on = false
    await running
  }
}

/** Every row of the run, once and in order, as far as its chunks go. */
function checkRun(run_id: string, said: readonly string[]): string {
  const run = double.runs.get(run_id)
  if (run === undefined) throw new Error(`${run_id} never arrived`)
  const told = said.filter((line) => line.startsWith('['))
  for (const line of told) {
    const [process_id, stream, seq] = JSON.parse(line) as [string, string, number]
    expect(run.chunks.has(`${process_id}/${stream}/${seq}`), `${run_id} ${line}`).toBe(true)
  }
  for (const process_id of ['p1', 'p2'])
    for (const stream of ['sample', 'event'] as const) {
      const mine = [...run.chunks].filter(([key]) => key.startsWith(`${process_id}/${stream}/`))
      mine.sort(([a], [b]) => Number(a.split('/')[2]) - Number(b.split('/')[2]))
      const times = mine.flatMap(([, bytes]) => {
        const column = readChunk(stream as StreamName, bytes).getChild('t_ns')
        return [...column].map(Number)
      })
      expect(times, `${run_id} ${process_id} ${stream}`).toEqual(times.map((_, i) => i))
    }
  return run.seal?.outcome ?? 'open'
}

describe('a run whose agent, server and sender are killed at random moments', () => {
  test('loses no durable chunk, has none twice, and is sealed as it ended', async () => {
    const RUNS = 32
    const stop = restless()
    const said = new Map<string, string[]>()
    // Four at a time; half are killed while they record, half while they send the end and seal.
    const lane = async (first: number) => {
      for (let i = first; i < RUNS; i += 4) {
        const run_id = `run-${i}`
        const kill: Kill =
          i % 2 === 0
            ? { from: 'begun', ms: Math.random() * 150 }
            : { from: 'ending', ms: Math.random() * 80 }
        said.set(run_id, await child('record', run_id, kill))
      }
    }
    await Promise.all([lane(0), lane(1), lane(2), lane(3)])
    // Senders are killed too; the last one is let finish.
    for (let i = 0; i < 4; i++)
      await child('ship', '-', { from: null, ms: 60 + Math.random() * 150 })
    await stop()
    await child('ship', '-', null)

    const outcomes = [...said].map(([run_id, lines]) => checkRun(run_id, lines))
    expect(await readdir(join(dir, 'spool'))).toEqual([])
    expect(double.counts.conflicts).toBe(0)
    expect(outcomes).not.toContain('open')
    expect(outcomes).toContain('interrupted')
    expect(outcomes).toContain('completed')
    for (const [run_id, lines] of said)
      if (lines.includes('sealed')) expect(double.runs.get(run_id)?.seal?.outcome).toBe('completed')
  }, 120_000)
})

describe('a full disk', () => {
  test('is a sentence, and what was recorded until then is kept and sent', async () => {
    // A limit on the size of one file stands for the full disk: run.json and small chunks fit, the large one does not.
    const file = join(dir, 'full.mjs')
    await build({
      stdin: {
        contents: `
          import { createSpool } from '${join(import.meta.dirname, '../../agent/spool.ts')}'
          import { createRecorder } from '${join(import.meta.dirname, '../../agent/recorder.ts')}'
          const spool = await createSpool(process.argv[2], 'full')
          await spool.writeRun({ bundle_version: 1, devices: [], processes: [{ process_id: 'p1' }, { process_id: 'p2' }],
            run: { run_id: 'full', experiment: {}, phases: [] } })
          const recorder = createRecorder({ spool, clock: { now: () => 0 } })
          const add = (n, length) => { for (let i = 0; i < n; i++)
            recorder.add('p1', 'event', { t_ns: i, code: 'c', detail: String(i).repeat(length) }) }
          add(3, 1)
          await recorder.flush()
          add(200, 100)
          await recorder.flush()
          console.log((await recorder.failed).message)
          await recorder.close()
          console.log(JSON.stringify(recorder.counts()))
        `,
        resolveDir: import.meta.dirname,
      },
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    })
    const command = `ulimit -f 8; exec "${process.execPath}" "${file}" "${join(dir, 'full')}"`
    const { stdout } = await promisify(execFile)('bash', ['-c', command])
    const [sentence, counts] = stdout.split('\n')
    expect(sentence).toBe(
      `There is no room left to record in ${join(dir, 'full', 'full')} (EFBIG). What was recorded until now is kept there; free some space, or set LLEM_SPOOL to a larger disk, then run: llem-agent ship`,
    )
    expect(JSON.parse(counts as string)).toEqual([{ process_id: 'p1', stream: 'event', count: 1 }])
    const args = [program, join(dir, 'full'), '-', double.url(), 'ship']
    await promisify(execFile)(process.execPath, args)
    expect([...(double.runs.get('full')?.chunks.keys() ?? [])]).toEqual(['p1/event/0'])
    expect(double.runs.get('full')?.seal?.outcome).toBe('interrupted')
  })
})
