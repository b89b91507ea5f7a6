import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePort } from '../../agent/engines/free-port.ts'
import { createServerClient } from '../../agent/server-client.ts'
import { createShipper } from '../../agent/shipper.ts'
import { createSpool } from '../../agent/spool.ts'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { PROCESS, runFile, sample } from '../agent/spool-support.ts'
import { type Serving, serveProgram } from '../server/program.ts'
import { AGENT, type Home, makeHome, run, SERVER, start } from '../support/programs.ts'

/** How long the server is stopped; with 30 and more even the time-out of a request passes. */
const STOP_S = Number(process.env['LLEM_TEST_STOP_S'] ?? 2)
const AGENTS = 10

let home: Home
let server: Serving
beforeEach(async () => {
  home = makeHome()
  server = await serveProgram(home.db)
})
afterEach(async () => {
  server.child.kill('SIGKILL')
  await server.ended
  home.remove()
})

const pause = (s: number) => new Promise((r) => setTimeout(r, s * 1000))
const spooled = () => readdirSync(join(home.dir, 'state/llem/spool'))

function runs(): { outcome: string; chunks: number }[] {
  const db = new Database(home.db, { readonly: true })
  try {
    return db
      .prepare(
        'select outcome, (select count(*) from chunk c where c.run_id = run.run_id) chunks from run where sealed_at is not null',
      )
      .all() as { outcome: string; chunks: number }[]
  } finally {
    db.close()
  }
}

/** Every chunk as its hash says, every run as its seal says. */
async function expectWhole(): Promise<void> {
  const checked = await run(SERVER, ['check', '--db', home.db, '--json'], home)
  expect(JSON.parse(checked.stdout), checked.stderr).toMatchObject({ ok: true })
}

it(`a run whose server is stopped for ${STOP_S} s goes on and loses nothing`, async () => {
  const seconds = STOP_S + 4
  const { child, ended } = start(
    AGENT,
    ['measure', '--server', server.url, '--json', '--', 'sleep', String(seconds)],
    home,
  )
  child.stderr?.setEncoding('utf8')
  await new Promise<void>((resolve) =>
    child.stderr?.on('data', (text: string) => {
      if (text.includes('measure')) resolve()
    }),
  )
  await pause(1)
  server.child.kill('SIGSTOP')
  await pause(STOP_S)
  server.child.kill('SIGCONT')
  const { code, stderr, stdout } = await ended
  expect([0, 3], stderr).toContain(code)
  const [summary] = JSON.parse(stdout).runs
  // The program was measured to its end, whatever the server did.
  expect(summary.window.duration_s).toBeGreaterThanOrEqual(seconds)
  expect(spooled()).toEqual([])
  expect(runs()).toMatchObject([{ outcome: 'completed' }])
  await expectWhole()
}, 180_000)

it('a run whose server is away from beginning to end stays in the spool, and ship delivers it', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const away = createServerClient({ url, token: null, timeout_ms: 500 })
  const target = { server: url, db: null }
  const spool = await createSpool(join(home.dir, 'state/llem/spool'), 'run-1', target)
  await spool.writeRun(runFile('run-1'))
  const said: string[] = []
  const shipper = createShipper({
    ...{ spool, say: (text: string) => said.push(text), backoff: () => 20, patience_ms: 300 },
    server: { client: away, target, resolve: async () => away },
  })
  for (const seq of [0, 1, 2]) {
    const key = { process_id: PROCESS, stream: 'sample' as const, seq }
    await spool.writeChunk(key, encodeChunk('sample', [sample(seq)]))
    shipper.chunk(key)
  }
  const chunks = [{ process_id: PROCESS, stream: 'sample' as const, count: 3 }]
  expect(await shipper.finish({ outcome: 'completed', reason: null, chunks })).toBe('left')
  expect(said.at(-1)).toContain(`send it later with: llem-agent ship --server ${url}`)
  // As after the end of the agent: its process is another's now.
  const owner = join(spool.dir, '.llem/owner.json')
  writeFileSync(owner, JSON.stringify({ ...(await spool.owner()), started: '1' }))

  const elsewhere = await run(AGENT, ['ship', '--db', 'other.db'], home)
  expect(elsewhere.stderr).toContain(
    `Run run-1 was recorded for ${url}. Send it with: llem-agent ship --server ${url}`,
  )
  expect(spooled()).toEqual(['run-1'])
  const back = await serveProgram(join(home.dir, 'back.db'), ['--port', String(port)])
  try {
    const shipped = await run(AGENT, ['ship', '--server', url, '--json'], home)
    expect(JSON.parse(shipped.stdout), shipped.stderr).toEqual({
      runs: [{ run_id: 'run-1', state: 'sealed' }],
    })
  } finally {
    back.child.kill('SIGTERM')
    await back.ended
  }
  expect(spooled()).toEqual([])
  const checked = await run(SERVER, ['check', '--db', 'back.db', '--json'], home)
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: true, runs: 1, chunks: 3 })
}, 60_000)

it(`${AGENTS} agents at once send their runs to one server, each whole`, async () => {
  const ended = await Promise.all(
    Array.from({ length: AGENTS }, () =>
      run(AGENT, ['measure', '--server', server.url, '--json', '--', 'sleep', '0.5'], home),
    ),
  )
  for (const { code, stderr } of ended) expect([0, 3], stderr).toContain(code)
  const found = runs()
  expect(found).toHaveLength(AGENTS)
  for (const each of found) {
    expect(each.outcome).toBe('completed')
    expect(each.chunks).toBeGreaterThan(0)
  }
  expect(spooled()).toEqual([])
  await expectWhole()
}, 180_000)
