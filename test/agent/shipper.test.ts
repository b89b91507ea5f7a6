import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createServerClient } from '../../agent/server-client.ts'
import { shipLeftovers } from '../../agent/ship-leftovers.ts'
import { createShipper, type ShipperOptions } from '../../agent/shipper.ts'
import { createSpool, type Spool } from '../../agent/spool.ts'
import { SpoolError } from '../../agent/spool-error.ts'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import type { Seal } from '../../analysis/schema/wire.ts'
import { llemServer, serveProgram } from '../server/program.ts'
import { createIngestDouble, type Fault, type IngestDouble } from './ingest-double.ts'
import { PROCESS, runFile, sample, temporaryDirectories } from './spool-support.ts'

const temporary = temporaryDirectories()
let double: IngestDouble
let said: string[] = []

beforeEach(async () => {
  said = []
  double = createIngestDouble()
  await double.start()
})
afterEach(() => double.kill())

/** Always the double's present address, as a connection that finds a restarted server gives it. */
const server = () => {
  const current = () => createServerClient({ url: double.url(), token: null, timeout_ms: 2_000 })
  return {
    get client() {
      return current()
    },
    target: { server: double.url(), db: null },
    resolve: async () => current(),
  }
}
const shipperOf = (spool: Spool, more: Partial<ShipperOptions> = {}) =>
  createShipper({
    spool,
    server: server(),
    say: (text) => said.push(text),
    backoff: () => 5,
    patience_ms: 2_000,
    ...more,
  })

async function spoolOf(chunks: number, run_id = 'r1', spoolDir?: string): Promise<Spool> {
  const spool = await createSpool(spoolDir ?? (await temporary()), run_id)
  await spool.writeRun(runFile(run_id))
  for (let seq = 0; seq < chunks; seq++) await write(spool, seq)
  return spool
}
const key = (seq: number) => ({ process_id: PROCESS, stream: 'sample' as const, seq })
const write = (spool: Spool, seq: number) =>
  spool.writeChunk(key(seq), encodeChunk('sample', [sample(seq)]))
const seal = (count: number): Seal => ({
  outcome: 'completed',
  reason: null,
  chunks: count === 0 ? [] : [{ process_id: PROCESS, stream: 'sample', count }],
})
const names = (n: number) => Array.from({ length: n }, (_, i) => `${PROCESS}/sample/${i}`)
const stored = (run_id = 'r1') => [...(double.runs.get(run_id)?.chunks.keys() ?? [])].sort()

describe('a shipper', () => {
  test('sends chunks while the run runs, seals it, and only then removes the spool', async () => {
    const spool = await spoolOf(0)
    const shipper = shipperOf(spool)
    await write(spool, 0)
    shipper.chunk(key(0))
    while (double.counts.stored === 0) await new Promise((r) => setTimeout(r, 2))
    expect(existsSync(spool.dir)).toBe(true)
    await write(spool, 1)
    shipper.chunk(key(1))
    await spool.writeRun(runFile('r1', { outcome: 'completed' }))
    expect(await shipper.finish(seal(2))).toBe('sealed')
    expect(stored()).toEqual(names(2))
    expect(double.runs.get('r1')?.seal).toEqual(seal(2))
    expect(double.runs.get('r1')?.run_json).toContain('"completed"')
    expect(existsSync(spool.dir)).toBe(false)
    expect(said).toEqual([])
  })
  test('stores each chunk once, whatever the server does in between', async () => {
    const fault = fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      {
        weight: 4,
        arbitrary: fc.constantFrom<Fault | 'kill'>(
          'drop_before',
          'drop_after',
          { status: 500 },
          { status: 503 },
          { status: 429 },
          { delay_ms: 3 },
          'kill',
        ),
      },
    )
    let run = 0
    const spoolDir = await temporary()
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 25 }), fc.nat(9), async (faults, chunks) => {
        const run_id = `r${run++}`
        const spool = await spoolOf(0, run_id, spoolDir)
        let restarted = Promise.resolve()
        double.fault = ({ path }) => {
          if (path === '/healthz') return null
          const next = faults.shift() ?? null
          if (next !== 'kill') return next
          restarted = restarted.then(() => double.kill()).then(() => double.start(0))
          return 'drop_after'
        }
        const shipper = shipperOf(spool, { backoff: () => 1, patience_ms: 20_000 })
        for (let seq = 0; seq < chunks; seq++) {
          await write(spool, seq)
          shipper.chunk(key(seq))
        }
        expect(await shipper.finish(seal(chunks))).toBe('sealed')
        await restarted
        expect(stored(run_id)).toEqual(names(chunks))
        expect(double.runs.get(run_id)?.seal).toEqual(seal(chunks))
        expect(double.counts.conflicts).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
  test('waits for a server that is not there yet, says so once, and says when it is back', async () => {
    await double.kill()
    const spool = await spoolOf(3)
    const shipper = shipperOf(spool)
    await new Promise((r) => setTimeout(r, 60))
    await double.start()
    expect(await shipper.finish(seal(3))).toBe('sealed')
    expect(said).toEqual([
      `The server ${double.url()} can't be reached (ECONNREFUSED). The run is kept in ${spool.dir} and sent when it answers.`,
      `The server ${double.url()} answers again.`,
    ])
  })
  test('sends everything again to a server that lost it', async () => {
    const spool = await spoolOf(4)
    const shipper = shipperOf(spool)
    while (double.counts.stored < 4) await new Promise((r) => setTimeout(r, 2))
    double.runs.clear()
    expect(await shipper.finish(seal(4))).toBe('sealed')
    expect(stored()).toEqual(names(4))
  })
  test('sends again what a seal finds missing', async () => {
    const spool = await spoolOf(3)
    const shipper = shipperOf(spool)
    while (double.counts.stored < 3) await new Promise((r) => setTimeout(r, 2))
    double.runs.get('r1')?.chunks.delete(`${PROCESS}/sample/1`)
    expect(await shipper.finish(seal(3))).toBe('sealed')
    expect(stored()).toEqual(names(3))
  })
  test('gives up on a seal that is refused again, and keeps the spool', async () => {
    const spool = await spoolOf(1)
    expect(await shipperOf(spool).finish(seal(0))).toBe('left')
    expect(existsSync(spool.dir)).toBe(true)
    expect(said).toEqual([`The double answers chunks_missing. The run is kept in ${spool.dir}.`])
  })
  test.each([401, 403, 409, 413, 415, 422])(
    'says the refusal %i of a chunk once, keeps the spool and asks no more',
    async (status) => {
      const spool = await spoolOf(1)
      let asked = 0
      double.fault = ({ path }) => (path.endsWith('/chunks') && ++asked ? { status } : null)
      expect(await shipperOf(spool).finish(seal(1))).toBe('left')
      expect(said).toEqual([`The double answers on_demand. The run is kept in ${spool.dir}.`])
      expect(asked).toBe(1)
      expect(existsSync(spool.dir)).toBe(true)
      expect(await spool.readSeal()).toEqual(seal(1))
    },
  )
  test('does not ask for ever where the run is unknown again and again', async () => {
    const spool = await spoolOf(1)
    double.fault = ({ path }) => (path.endsWith('/chunks') ? { status: 404 } : null)
    expect(await shipperOf(spool).finish(seal(1))).toBe('left')
  })
  test('leaves the spool when the server has taken nothing for long, and says how to send it', async () => {
    await double.kill()
    const spool = await spoolOf(2)
    expect(await shipperOf(spool, { patience_ms: 50 }).finish(seal(2))).toBe('left')
    expect(said.at(-1)).toContain('send it later with: llem-agent ship')
    await double.start()
    const result = await shipLeftovers({
      spoolDir: join(spool.dir, '..'),
      server: server(),
      say: (text) => said.push(text),
    })
    expect(result).toEqual([{ run_id: 'r1', state: 'sealed' }])
    expect(stored()).toEqual(names(2))
  })
  test('never keeps a recorder waiting, and ends at once when stopped', async () => {
    double.fault = () => ({ delay_ms: 60_000 })
    const spool = await spoolOf(1)
    const shipper = shipperOf(spool)
    shipper.chunk(key(0))
    await shipper.stop()
    expect(existsSync(spool.dir)).toBe(true)
    double.fault = () => null
  })
  test('sends a run from a disk on which nothing can be written any more', async () => {
    const spool = await spoolOf(3)
    const full = () => Promise.reject(new SpoolError('full', 'There is no room left.'))
    const shipper = shipperOf({ ...spool, acknowledge: full, setTarget: full, end: full })
    expect(await shipper.finish(seal(3))).toBe('sealed')
    expect(stored()).toEqual(names(3))
    expect(said).toEqual(['There is no room left.'])
  })
})

describe('a server that is stopped, and not gone', () => {
  test('costs time only: requests that it never answered are sent again, and each chunk is there once', async () => {
    const dir = await temporary()
    const program = await serveProgram(join(dir, 'llem.db'))
    try {
      const current = createServerClient({ url: program.url, token: null, timeout_ms: 300 })
      const spool = await spoolOf(10)
      const shipper = shipperOf(spool, {
        server: { ...server(), client: current, resolve: async () => current },
        patience_ms: 30_000,
      })
      for (let seq = 0; seq < 10; seq++) shipper.chunk(key(seq))
      while ((await spool.acknowledged()).size === 0) await new Promise((r) => setTimeout(r, 2))
      program.child.kill('SIGSTOP')
      for (let seq = 10; seq < 20; seq++) {
        await write(spool, seq)
        shipper.chunk(key(seq))
      }
      // Until a request has run out of time, however slow this machine is.
      while (!said.some((text) => text.includes('did not answer within')))
        await new Promise((r) => setTimeout(r, 10))
      program.child.kill('SIGCONT')
      expect(await shipper.finish(seal(20))).toBe('sealed')
      expect(said).toContainEqual(expect.stringContaining('answers again'))
    } finally {
      program.child.kill('SIGTERM')
    }
    expect(await program.ended).toMatchObject({ code: 0 })
    const { stdout } = await llemServer(['check', '--db', join(dir, 'llem.db'), '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, runs: 1, chunks: 20 })
  }, 60_000)
})

describe('what earlier runs left', () => {
  const ship = (spoolDir: string, db: string | null = null) =>
    shipLeftovers({
      spoolDir,
      server: { ...server(), target: { server: null, db } },
      say: (text) => said.push(text),
      backoff: () => 5,
      patience_ms: 2_000,
    })

  test('is sent run by run, and one that can not be sent keeps back no other', async () => {
    const spoolDir = await temporary()
    const refused = await spoolOf(1, 'r1', spoolDir)
    await refused.end(seal(7))
    await (await spoolOf(2, 'r2', spoolDir)).end(seal(2))
    expect(await ship(spoolDir)).toEqual([
      { run_id: 'r1', state: 'left' },
      { run_id: 'r2', state: 'sealed' },
    ])
    expect(said).toEqual([
      `The double answers chunks_missing. The run is kept in ${refused.dir}.`,
      'Run r2 was sent and sealed (completed).',
    ])
  })
  test('leaves runs that are under way alone', async () => {
    const spoolDir = await temporary()
    await spoolOf(1, 'r1', spoolDir)
    expect(await ship(spoolDir)).toEqual([{ run_id: 'r1', state: 'live' }])
    expect(said).toEqual(['Run r1 is still under way; its own agent sends it.'])
    expect(double.runs.size).toBe(0)
  })
  test('leaves a run that was recorded for another database, with the command that sends it', async () => {
    const spoolDir = await temporary()
    const spool = await spoolOf(1, 'r1', spoolDir)
    await spool.setTarget({ server: null, db: '/a.db' })
    await spool.end(seal(1))
    expect(await ship(spoolDir, '/b.db')).toEqual([{ run_id: 'r1', state: 'elsewhere' }])
    expect(said[0]).toContain('llem-agent ship --db /a.db')
    expect(await ship(spoolDir, '/a.db')).toEqual([{ run_id: 'r1', state: 'sealed' }])
  })
  test('is nothing where there is no spool', async () => {
    expect(await ship(join(await temporary(), 'none'))).toEqual([])
  })
  test('is sent once by two programs at the same time', async () => {
    const spoolDir = await temporary()
    for (const run_id of ['r1', 'r2', 'r3']) await (await spoolOf(5, run_id, spoolDir)).end(seal(5))
    const both = await Promise.all([ship(spoolDir), ship(spoolDir)])
    for (const results of both)
      expect(
        results.every((r) => r.state === 'sealed'),
        said.join('\n'),
      ).toBe(true)
    for (const run_id of ['r1', 'r2', 'r3']) expect(stored(run_id)).toEqual(names(5))
    expect(double.counts.conflicts).toBe(0)
    expect(await ship(spoolDir)).toEqual([])
  })
})
