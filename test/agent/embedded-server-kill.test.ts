import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { programPath } from '../../agent/program.ts'
import { readChunk } from '../../analysis/schema/arrow.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import { bundleRecordChild } from './bundle-record-child.ts'

let dir = ''
let program = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-embedded-kill-'))
  program = await bundleRecordChild(dir)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const db = () => join(dir, 'llem.db')

function startChild(what: 'record' | 'ship', run_id: string) {
  const child = spawn(process.execPath, [program, join(dir, 'spool'), run_id, db(), what], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ROWS: '120', SERVER_PROGRAM: programPath('llem-server') },
  })
  let said = ''
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString()
  })
  const closed = once(child, 'close')
  return { child, closed, said: () => said.split('\n').slice(0, -1) }
}

/** Kills whichever server is at work on the database, if one is. */
async function killServer(): Promise<void> {
  try {
    const { pid } = JSON.parse(await readFile(`${db()}.lock`, 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
  } catch {
    // None at this moment.
  }
}

describe('the embedded server', () => {
  test('killed at random moments, as is its agent, has every durable row once', async () => {
    const told = new Map<string, string[]>()
    for (let i = 0; i < 7; i++) {
      const run_id = `run-${i}`
      const { child, closed, said } = startChild('record', run_id)
      while (!said().includes('begun') && child.exitCode === null) await sleep(2)
      for (let kills = 0; kills < 2; kills++) {
        await sleep(Math.random() * 120)
        await killServer()
      }
      // Every third agent is let finish, in spite of its servers' deaths.
      if (i % 3 !== 0) {
        await sleep(Math.random() * 60)
        child.kill('SIGKILL')
      }
      await closed
      told.set(run_id, said())
    }
    const { closed } = startChild('ship', '-')
    await closed
    expect(await readdir(join(dir, 'spool'))).toEqual([])

    const store = new Database(db(), { readonly: true })
    const chunks = store.prepare(
      'select process_id, stream, seq, bytes from chunk where run_id = ? order by seq',
    )
    const outcome = store.prepare('select state, outcome from run where run_id = ?')
    for (const [run_id, lines] of told) {
      const rows = chunks.all(run_id) as {
        process_id: string
        stream: StreamName
        seq: number
        bytes: Buffer
      }[]
      const there = new Set(rows.map((r) => `${r.process_id}/${r.stream}/${r.seq}`))
      for (const line of lines.filter((l) => l.startsWith('['))) {
        const [process_id, stream, seq] = JSON.parse(line) as [string, string, number]
        expect(there.has(`${process_id}/${stream}/${seq}`), `${run_id} ${line}`).toBe(true)
      }
      for (const key of new Set(rows.map((r) => `${r.process_id}/${r.stream}`))) {
        const times = rows
          .filter((r) => `${r.process_id}/${r.stream}` === key)
          .flatMap((r) => [...readChunk(r.stream, r.bytes).getChild('t_ns')].map(Number))
        expect(times, `${run_id} ${key}`).toEqual(times.map((_, i) => i))
      }
      const run = outcome.get(run_id) as { state: string; outcome: string }
      expect(run.state, run_id).toBe('sealed')
      if (lines.includes('sealed')) expect(run.outcome).toBe('completed')
    }
    for (const i of [0, 3, 6]) expect(told.get(`run-${i}`)?.at(-1)).toBe('sealed')
    store.close()
  }, 120_000)
})
