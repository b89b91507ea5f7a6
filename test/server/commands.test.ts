import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tableFromIPC } from '@uwdata/flechette'
import Database from 'better-sqlite3'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson, toJson } from '../../analysis/schema/json.ts'
import { summarySchema } from '../../analysis/schema/summary.ts'
import { SCHEMA_VERSION } from '../../migrations/index.ts'
import { makePipe } from '../support/special-files.ts'
import { llemServer } from './program.ts'
import { RUN_ID, runText, sampleChunks } from './sample-run.ts'
import { tempDir } from './served.ts'

let dir: string
let db: string
const A = RUN_ID
const B = '0198f3a0-1c55-7d2e-9d0b-000000000002'
beforeAll(async () => {
  dir = tempDir()
  db = join(dir, 'lab.db')
  bundle('in/a', { run_id: A })
  bundle('in/b', { run_id: B, name: '=cmd|calc', model: 'llama-1b' })
  const imported = await run('import', join(dir, 'in'), '--json')
  expect(JSON.parse(imported.stdout).runs.map((r: { result: string }) => r.result)).toEqual([
    'imported',
    'imported',
  ])
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function bundle(name: string, change: Parameters<typeof runText>[0]): string {
  const at = join(dir, name)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), runText(change))
  for (const c of sampleChunks()) {
    mkdirSync(join(at, `streams/p0/${c.stream}`), { recursive: true })
    writeFileSync(join(at, `streams/p0/${c.stream}/${c.seq}.arrow`), c.bytes)
  }
  return at
}
const run = (...args: string[]) => llemServer([...args, '--db', db], { cwd: dir })
const answer = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

describe('help', () => {
  const commands = [
    'serve',
    'migrate',
    'check',
    'runs',
    'show',
    'report',
    'export',
    'import',
    'leaderboard',
    'verify',
    'compare',
    'backup',
    'token create',
    'token list',
    'token revoke',
  ]
  it('of each command ends with an example', async () => {
    const all = await Promise.all(commands.map((c) => llemServer([...c.split(' '), '--help'])))
    for (const [i, help] of all.entries()) {
      expect(help.code).toBe(0)
      expect(help.stdout).toContain(`Example:\n  llem-server ${commands[i]}`)
    }
  })

  it('is no error when asked for; an unknown command or option is, in words', async () => {
    expect(await llemServer(['--version'])).toMatchObject({ code: 0 })
    expect(await llemServer(['sereve'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown command 'sereve'"),
    })
    expect(await llemServer(['show', 'last', '--jsn'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--jsn'),
    })
    expect(await llemServer(['show'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("'run'"),
    })
  })
})

describe('runs', () => {
  it('lists with the filters of the API', async () => {
    const ids = async (...args: string[]) =>
      (await answer('runs', ...args)).runs.map((r: { run_id: string }) => r.run_id)
    expect(await ids()).toEqual([B, A])
    expect(await ids('--model', 'llama-1b')).toEqual([B])
    expect(await ids('--model', 'llama-1b,smollm2-135m', '--sort', 'model')).toEqual([B, A])
    expect(await ids('--max_ttft_ms_p50', '499')).toEqual([])
    expect(await ids('--max_ttft_ms_p50=500', '--gpu_model', 'H100')).toHaveLength(2)
  })

  it('prints a table for people', async () => {
    const { stdout } = await run('runs')
    expect(stdout).toMatch(/^RUN +LABEL +NAME +STARTED/)
    expect(stdout).toContain(A)
  })

  it('refuses what it does not know, by its name', async () => {
    expect(await run('runs', '--modle', 'x', '--colour', 'red')).toMatchObject({
      code: 2,
      stderr:
        '--modle is not known here; did you mean --model?\n--colour is not known here\n(--help shows what can be said)\n',
    })
    // Options of the command itself are meant as well as filters.
    expect((await run('statement', 'create', '--titel', 'x')).stderr).toMatch(
      /did you mean --title\?/,
    )
    expect((await run('runs', '--max_itl_ms_p5', '9')).stderr).toMatch(
      /--max_itl_ms_p5 is not known here; did you mean max_itl_ms_p50\?/,
    )
    expect(await run('runs', '--sort', 'colour')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /--sort is "colour"; it must be a field, a configured path or a metric/,
      ),
    })
    expect(await run('runs', 'stray')).toMatchObject({ code: 2 })
  })
})

describe('show', () => {
  it('gives the summary, and the requests', async () => {
    expect(summarySchema.parse(await answer('show', A)).run_id).toBe(A)
    const { requests } = await answer('show', A, '--requests')
    expect(requests).toHaveLength(10)
    expect(requests[0]).toMatchObject({ request_id: 'r0', ttft_ms: 500 })
  })

  it('prints metrics with their ranges, and why others are not known', async () => {
    const { stdout } = await run('show', 'name:sample')
    expect(stdout).toMatch(/ttft_ms_p50 +500 +ms/)
    expect(stdout).toMatch(/^Not known, as /m)
    // A finding is a sentence, with its code behind it.
    expect(stdout).toMatch(/^(CAUTION|INFO) +[A-Z].*[.] \([a-z_]+\)$/m)
    expect((await run('show', A, '--requests')).stdout).toMatch(/^r0 +measure +ok/m)
  })

  it('says that RUN names nothing, with exit 2', async () => {
    expect(await run('show', 'nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^There is no run "nobody"\..*\n$/),
    })
    expect(await run('show', '0198')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('more than one run'),
    })
  })

  it('says that there is no database, with exit 2, and makes none', async () => {
    const { code, stderr } = await llemServer(['show', 'last', '--db', join(dir, 'no.db')])
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^There is no database at .*no\.db\..*\n$/),
    ])
    expect(existsSync(join(dir, 'no.db'))).toBe(false)
  })

  it('takes the database of LLEM_DB', async () => {
    expect(await llemServer(['show', A, '--json'], { env: { LLEM_DB: db } })).toMatchObject({
      code: 0,
    })
  })
})

describe('report and compare', () => {
  it('writes one HTML file', async () => {
    const { path } = await answer('report', A, '--out', 'x/report.html')
    expect(path).toBe(join(dir, 'x/report.html'))
    expect(readFileSync(path, 'utf8')).toContain('<!doctype html>')
  })

  it('says why a place can take no file', async () => {
    expect(await run('report', A, '--out', 'x')).toMatchObject({
      code: 1,
      stderr: `${join(dir, 'x')} is a folder. Give the name of a file (EISDIR).\n`,
    })
    expect((await run('report', A, '--out', 'x/report.html/r.html')).stderr).toMatch(
      /report.html is there already, and no folder|leads through something that is no folder/,
    )
    makePipe(join(dir, 'unread'))
    expect(await run('report', A, '--out', 'unread')).toMatchObject({
      code: 1,
      stderr: `${join(dir, 'unread')} is a pipe that nobody reads. Give another place (ENXIO).\n`,
    })
    expect(await run('backup', 'nowhere/copy.db')).toMatchObject({
      code: 1,
      stderr: `${join(dir, 'nowhere')} is not there. Check the path (ENOENT).\n`,
    })
  })

  it.runIf(process.platform === 'linux')('does not wait for a place below /proc', async () => {
    for (const args of [
      ['report', A, '--out', '/proc/x/report.html'],
      ['export', A, '--out', '/proc/x'],
      ['export', A, '--format', 'submission', '--out', '/proc/x'],
      ['export', A, '--format', 'csv', '--out', '/proc/x'],
      ['export', A, '--out', '/proc/x/run.tar.gz'],
      ['leaderboard', '--out', '/proc/x/board.json'],
    ]) {
      const ended = await run(...args)
      expect(ended.stderr).toBe('/proc/x is not there. Check the path (ENOENT).\n')
      expect(ended.code).toBe(1)
    }
  })

  it('compares two, and ranks more', async () => {
    expect(await answer('compare', A, B)).toHaveProperty('sentence')
    const table = (await run('compare', A, B)).stdout.split('\n')
    expect(table[0]).toMatch(/^METRIC +UNIT +A: .* +B: .* +BETTER +BY$/)
    const rows = table.slice(
      1,
      table.findIndex((line) => /^(No better side|$)/.test(line)),
    )
    expect(rows.join('\n')).toContain('energy_per_output_token_j')
    // The last two columns hold a side and per cent alone; why there is none stands below.
    for (const row of rows) expect(row).toMatch(/ (A|B|within noise|-) +([\d.e-]+ %|-)$/)
    expect(table.join('\n')).toMatch(
      /^No better side, as [a-z].*: goodput_req_s, gpu_memory_peak_mib[.]$/m,
    )
    expect(await answer('compare', A, B, 'last')).toHaveProperty('ranking')
    expect(await run('compare', A)).toMatchObject({ code: 2 })
    expect(await run('compare', A, A)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`are one run, ${A}. Name two`),
    })
  })
})

describe('export', () => {
  it('of bundles: one run into the folder, several into one each', async () => {
    await answer('export', A, '--out', 'one')
    expect(existsSync(join(dir, 'one/run.json'))).toBe(true)
    const { path, run_ids } = await answer('export', '--out', 'all')
    expect([path, run_ids]).toEqual([join(dir, 'all'), [A, B]])
    expect(readFileSync(join(dir, 'all', B, 'run.json'), 'utf8')).toBe(
      readFileSync(join(dir, 'in/b/run.json'), 'utf8'),
    )
    expect(await run('export', A, '--out', 'one')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not empty'),
    })
  })

  it('as CSV has one row a run, escapes formulas and explains each column', async () => {
    await answer('export', '--format', 'csv', '--out', 'csv')
    const rows = readFileSync(join(dir, 'csv/runs.csv'), 'utf8').trimEnd().split('\r\n')
    expect(rows).toHaveLength(3)
    const head = (rows[0] as string).split(',')
    const second = (rows[2] as string).split(',')
    expect(second[head.indexOf('name')]).toBe("'=cmd|calc")
    expect(second[head.indexOf('started_at')]).toBe('2026-01-31T11:00:00.000Z')
    expect(second[head.indexOf('ttft_ms_p50')]).toBe('500')
    expect(second[head.indexOf('energy_host_j')]).toBe('')
    expect(second[head.indexOf('energy_host_j_reason')]).not.toBe('')
    const columns = readFileSync(join(dir, 'csv/columns.csv'), 'utf8')
      .trimEnd()
      .split('\r\n')
      .slice(1)
    expect(columns.map((line) => line.split(',')[0])).toEqual(head)
    await answer('export', '--format', 'csv', '--out', 'named/all.csv')
    expect(readFileSync(join(dir, 'named/all.csv'), 'utf8').trimEnd().split('\r\n')).toEqual(rows)
    expect(existsSync(join(dir, 'named/columns.csv'))).toBe(true)
    expect(await run('export', '--format', 'csv', '--out', 'columns.csv')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Give another name'),
    })
  })

  it('as Parquet and Arrow has a file a stream', async () => {
    await answer('export', A, '--format', 'parquet', '--out', 'pq')
    const bytes = readFileSync(join(dir, 'pq/sample.parquet'))
    const file = bytes.buffer.slice(
      bytes.byteOffset,
      bytes.byteOffset + bytes.byteLength,
    ) as ArrayBuffer
    expect(await parquetReadObjects({ file })).toHaveLength(300)
    await answer('export', '--format', 'arrow', '--out', 'ar')
    expect(
      tableFromIPC(readFileSync(join(dir, 'ar', A, 'request.arrow')), { useBigInt: true }).numRows,
    ).toBe(10)
  })

  it('as JSON prints the summaries', async () => {
    const { runs } = await answer('export', '--format', 'json')
    expect(runs.map((r: { run_id: string }) => r.run_id)).toEqual([A, B])
    await answer('export', '--format', 'json', '--out', 'summaries.json')
    const text = readFileSync(join(dir, 'summaries.json'), 'utf8')
    expect(text).toBe(toJson(parseJson(text), 2))
  })
})

describe('import', () => {
  it('says that the same is there already, and refuses other bytes with exit 1', async () => {
    expect(await run('import', 'in/a')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing has changed'),
    })
    bundle('other/a', { run_id: A, name: 'changed' })
    const { code, stderr } = await run('import', 'other/a')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^Run \S+ is there with other bytes: run\.json .* SHA-256 [0-9a-f]{64}, the stored one [0-9a-f]{64}.*\n$/,
      ),
    ])
    expect(await run('import', 'nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nowhere'),
    })
  })
})

describe('looking after the database', () => {
  it('is made once by several programs at the same time', async () => {
    const path = join(dir, 'new.db')
    const all = await Promise.all(
      [1, 2, 3].map(() => llemServer(['migrate', '--db', path, '--json'])),
    )
    expect(all.map((a) => [a.code, a.stderr])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ])
    expect(await llemServer(['runs', '--db', path])).toMatchObject({
      code: 0,
      stdout: 'No runs.\n',
    })
  })

  it('migrate says from what to what', async () => {
    expect(await answer('migrate')).toEqual({
      db,
      from: SCHEMA_VERSION,
      to: SCHEMA_VERSION,
    })
  })

  it('check finds a changed byte and names the chunk', async () => {
    expect(await answer('check')).toMatchObject({ ok: true, runs: 2, chunks: 8, problems: [] })
    const { path } = await answer('backup', join(dir, 'copy.db'))
    const raw = new Database(path)
    raw
      .prepare(
        "update chunk set bytes = zeroblob(10) where run_id = ? and stream = 'sample' and seq = 1",
      )
      .run(A)
    raw.close()
    const { code, stdout, stderr } = await llemServer(['check', '--db', path, '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(stdout).problems).toEqual([
      expect.stringContaining(`run ${A}, chunk p0/sample/1`),
    ])
    expect(stderr).toContain('has a problem')
  })

  it('backup overwrites nothing', async () => {
    writeFileSync(join(dir, 'there.db'), 'x')
    expect(await run('backup', 'there.db')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('overwrites nothing'),
    })
  })

  it('token makes, lists without secret, and revokes', async () => {
    const { token } = await answer('token', 'create', 'gpu-1')
    expect(token).toMatch(/^llem_\S{43}$/)
    expect(await run('token', 'create', 'gpu-1')).toMatchObject({ code: 2 })
    const listed = await run('token', 'list', '--json')
    expect(listed.stdout).not.toContain(token)
    expect(JSON.parse(listed.stdout).tokens).toMatchObject([{ name: 'gpu-1', revoked_at: null }])
    expect(await answer('token', 'revoke', 'gpu-1')).toEqual({ name: 'gpu-1', result: 'revoked' })
    expect(await run('token', 'revoke', 'nobody')).toMatchObject({ code: 2 })
  })

  it('each fault of the file has its own sentence and exit code', async () => {
    const text = join(dir, 'text.db')
    writeFileSync(text, 'name,value\n'.repeat(100))
    expect(await llemServer(['runs', '--db', text])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not a SQLite database'),
    })
    const song = join(dir, 'song.db')
    const raw = new Database(song)
    raw.exec('create table song (title text)')
    raw.close()
    expect(await llemServer(['serve', '--db', song])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('another program'),
    })
    const newer = join(dir, 'newer.db')
    await llemServer(['migrate', '--db', newer])
    const later = new Database(newer)
    later.pragma('user_version = 9')
    later.close()
    expect(await llemServer(['runs', '--db', newer])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`database version 9, this program knows ${SCHEMA_VERSION}`),
    })
  })
})
