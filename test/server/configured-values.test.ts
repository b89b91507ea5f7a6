import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paretoSchema } from '../../analysis/schema/choosing.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import { openStore } from '../../server/store/open.ts'
import { choosingRun, type RunShape } from './choosing-run.ts'
import { llemServer } from './program.ts'
import { sealOf } from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, served } from './served.ts'

/** A sweep of models and concurrencies, each with options of its engine and a host. */
const RUNS: Record<string, RunShape & { options: Record<string, unknown>; host: string }> = {
  'a-1': { watts: 400, gap_ms: 40, concurrency: 1, model: 'a', options: { x: 1 }, host: 'h1' },
  'a-4': { watts: 350, gap_ms: 60, concurrency: 4, model: 'a', options: { x: 2.5 }, host: 'h1' },
  'b-1': { watts: 300, gap_ms: 80, concurrency: 1, model: 'b', options: { x: 'on' }, host: 'h2' },
  'b-4': { watts: 250, gap_ms: 90, concurrency: 4, model: 'b', options: {}, host: 'h2' },
}

let server: Served
beforeAll(async () => {
  server = await served()
  for (const [run_id, shape] of Object.entries(RUNS)) {
    const { text, chunks } = choosingRun(run_id, shape)
    expect((await register(server.api, withOptions(text, shape))).status).toBe(201)
    for (const chunk of chunks) await putChunk(server.api, run_id, chunk)
    expect((await seal(server.api, run_id, sealOf(chunks))).status).toBe(200)
  }
})
afterAll(() => server.close())

function withOptions(text: string, { options, host }: (typeof RUNS)[string]): string {
  const file = JSON.parse(text) as RunFileInput
  const engine = file.run.experiment['engine'] as Record<string, unknown>
  const experiment = { ...file.run.experiment, engine: { ...engine, options } }
  const environment = { engine: { version: '0.24.0' }, nvml: { driver_version: '580.1' } }
  return toJson({
    ...file,
    environment,
    run: { ...file.run, experiment, host: { hostname: host } },
  })
}

interface Row {
  run_id: string
  label: string
  configured: Record<string, unknown>
  engine_version: string | null
  driver_version: string | null
}
const get = (path: string) => fetch(server.api + path)
async function list(query: string): Promise<Row[]> {
  const response = await get(`/runs?${query}`)
  expect(response.status).toBe(200)
  return ((await response.json()) as { runs: Row[] }).runs
}
const ids = async (query: string) => (await list(query)).map((r) => r.run_id).sort()

describe('configured values', () => {
  it('filter lists under their own path, with a comma for or', async () => {
    expect(await ids('load.concurrency=4')).toEqual(['a-4', 'b-4'])
    expect(await ids('load.concurrency=1,4')).toEqual(['a-1', 'a-4', 'b-1', 'b-4'])
    expect(await ids('load.concurrency=4&model=a')).toEqual(['a-4'])
    expect(await ids('load.concurrency=4.0')).toEqual(['a-4', 'b-4'])
    expect(await ids('load.concurrency=9')).toEqual([])
    // Options of whatever engine: numbers, texts, and where they are unset.
    expect(await ids('engine.options.x=2.5')).toEqual(['a-4'])
    expect(await ids('engine.options.x=on')).toEqual(['b-1'])
    // A default that nobody wrote is configured all the same.
    expect(await ids('phases.drain_s=30')).toHaveLength(4)
  })

  it('sort lists, numbers before texts and what is unset last, page by page', async () => {
    const all = await list('sort=engine.options.x')
    expect(all.map((r) => r.run_id)).toEqual(['a-1', 'a-4', 'b-1', 'b-4'])
    const down = await list('sort=-engine.options.x')
    expect(down.map((r) => r.run_id)).toEqual(['b-1', 'a-4', 'a-1', 'b-4'])
    const paged: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = (await (
        await get(`/runs?sort=load.concurrency&limit=1${cursor && `&cursor=${cursor}`}`)
      ).json()) as { runs: Row[]; next_cursor: string | null }
      paged.push(...page.runs.map((r) => r.run_id))
      cursor = page.next_cursor
    }
    expect(paged).toEqual(['a-1', 'b-1', 'a-4', 'b-4'])
  })

  it('are shown in lists where they differ, and make the labels', async () => {
    const [first] = await list('model=a&sort=load.concurrency')
    expect(first).toMatchObject({
      label: 'concurrency 1, x 1',
      configured: { 'load.concurrency': 1, 'engine.options.x': 1 },
    })
    expect(Object.keys(first?.configured ?? {})).toEqual(['engine.options.x', 'load.concurrency'])
  })

  it('are refused where they are misspelt, with what was meant', async () => {
    const misspelt = await problem(await get('/runs?load.concurency=4'))
    expect(misspelt).toMatchObject({ status: 400, code: 'invalid_query' })
    expect(misspelt.detail).toContain('did you mean load.concurrency?')
    expect((await problem(await get('/runs?concurrency=4'))).detail).toContain('load.concurrency?')
    expect((await problem(await get('/runs?sort=load.nonsense'))).detail).toContain(
      'must be a field, a configured path or a metric',
    )
    expect((await problem(await get('/pareto?group_by=load.concurency'))).detail).toContain(
      'did you mean load.concurrency?',
    )
    expect((await problem(await get('/totals?by=concurrency'))).detail).toContain(
      'did you mean load.concurrency?',
    )
  })

  it('group candidates and totals', async () => {
    const pareto = paretoSchema.parse(
      await (await get('/pareto?group_by=load.concurrency&cautions=include')).json(),
    )
    expect(pareto.groups.map((g) => g.group['load.concurrency'])).toEqual([1, 4])
    expect(pareto.points.map((p) => p.label).sort()).toEqual([
      'concurrency 1, x 1, model a',
      'concurrency 1, x on, model b',
      'concurrency 4, x 2.5, model a',
      'concurrency 4, x unset, model b',
    ])
    const totals = (await (await get('/totals?by=model,load.concurrency')).json()) as {
      groups: { key: Record<string, string>; runs: number }[]
    }
    expect(totals.groups.map((g) => [g.key['model'], g.key['load.concurrency'], g.runs])).toEqual([
      ['a', '1', 1],
      ['a', '4', 1],
      ['b', '1', 1],
      ['b', '4', 1],
    ])
  })

  it('are columns of every table that leaves', async () => {
    const out = join(server.dir, 'csv')
    const db = join(server.dir, 'llem.db')
    const done = await llemServer(['export', '--format', 'csv', '--out', out, '--db', db])
    expect(done).toMatchObject({ code: 0 })
    const [head = '', ...lines] = readFileSync(join(out, 'runs.csv'), 'utf8').split('\r\n')
    const names = head.split(',')
    for (const name of [
      'label',
      'load.concurrency',
      'data.input_tokens',
      'engine.options.x',
      'engine_version',
    ])
      expect(names).toContain(name)
    const at = (line: string, name: string) => line.split(',')[names.indexOf(name)]
    const a4 = lines.find((l) => l.startsWith('a-4')) as string
    expect(at(a4, 'load.concurrency')).toBe('4')
    expect(at(a4, 'engine_version')).toBe('0.24.0')
    const meanings = readFileSync(join(out, 'columns.csv'), 'utf8')
    expect(meanings).toContain('load.concurrency,,configured: load.concurrency')
  })

  it('are options of the commands, by the same names', async () => {
    const db = ['--db', join(server.dir, 'llem.db')]
    const runs = await llemServer(['runs', '--load.concurrency', '4', '--json', ...db])
    expect(runs).toMatchObject({ code: 0, stderr: '' })
    expect((JSON.parse(runs.stdout) as { runs: Row[] }).runs.map((r) => r.run_id).sort()).toEqual([
      'a-4',
      'b-4',
    ])
    const table = await llemServer(['runs', '--load.concurrency=4', ...db])
    expect(table.stdout).toMatch(/^RUN +LABEL +NAME +STARTED +OUTCOME +VALID +J\/TOKEN/)
    const wrong = await llemServer(['runs', '--load.concurency', '4', ...db])
    expect(wrong).toMatchObject({ code: 2 })
    expect(wrong.stderr).toContain('did you mean --load.concurrency?')
    const totals = await llemServer(['totals', '--by', 'model.id,load.concurrency', ...db])
    expect(totals.stdout).toMatch(/^MODEL\.ID +LOAD\.CONCURRENCY +RUNS/)
  })
})

describe('facts without a column', () => {
  it('are shown, filtered and sorted by like any other', async () => {
    expect((await list(''))[0]).toMatchObject({ engine_version: '0.24.0', driver_version: '580.1' })
    expect(await ids('engine_version=0.24.0')).toHaveLength(4)
    expect(await ids('driver_version=1')).toEqual([])
    expect(await list('sort=engine_version')).toHaveLength(4)
  })
})

describe('a database of an earlier version', () => {
  it('gets its values as it is opened, runs that nobody can read included', async () => {
    const path = join(server.dir, 'old.db')
    await server.store.raw.backup(path)
    const raw = new Database(path)
    // As version 6 left it: no values, and one run.json of a later program.
    raw.exec(`update run set value_set_id = null; delete from value_set`)
    raw.exec(`update run set run_json = '{"bundle_version": 99}' where run_id = 'b-4'`)
    raw.close()
    const store = await openStore(path, { create: false })
    const rows = await store.db
      .selectFrom('run')
      .leftJoin('value_set_value as v', (j) =>
        j.onRef('v.value_set_id', '=', 'run.value_set_id').on('v.path', '=', 'load.concurrency'),
      )
      .select(['run.run_id', 'v.number'])
      .orderBy('run.run_id')
      .execute()
    expect(rows.map((r) => [r.run_id, r.number])).toEqual([
      ['a-1', 1],
      ['a-4', 4],
      ['b-1', 1],
      ['b-4', null],
    ])
    // Runs of one configuration share a set, whatever host they ran on.
    const sets = await store.db.selectFrom('value_set').selectAll().execute()
    expect(sets).toHaveLength(4)
    await store.close()
  })
})
