import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
