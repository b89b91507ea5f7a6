import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { parquetReadObjects } from 'hyparquet'
import { Kysely, SqliteDialect } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toJson } from '../../analysis/schema/json.ts'
import { boardComparisonSchema, boardRowSchema } from '../../analysis/schema/leaderboard.ts'
import { resultSchema } from '../../analysis/schema/result.ts'
import { initial } from '../../migrations/0001-initial.ts'
import { givenFiles } from '../../server/results/files.ts'
import { readResults, storeResults } from '../../server/results/import-results.ts'
import { checkStore } from '../../server/store/check.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { resultCandidates } from '../../server/store/result-candidates.ts'
import { findResult } from '../../server/store/results.ts'
import { BOARD, tokenRow } from '../analysis/importers/mlenergy-files.ts'
import { ROOT } from '../support/root.ts'
import { sampleRunFile } from './sample-run.ts'
import { problem, type Served, sendRun, served, tempDir } from './served.ts'

const NOW = '2026-03-01T00:00:00.000Z'
const ALL = 187 + 328 + 638
const any = { format: null, revision: null }
const CODECARBON = join(ROOT, 'test/fixtures/importers/codecarbon')
const GPQA = readFileSync(join(BOARD, 'tasks/gpqa.json'))

/** A run of ours of task gpqa on an H100 that the driver names in full. */
const ours = (run_id: string, tags: Record<string, string>) => {
  const file = sampleRunFile({ run_id, name: `ours ${run_id}` })
  file.devices = file.devices.map((d) => ({ ...d, model: 'NVIDIA H100 80GB HBM3' }))
  file.run.experiment = { ...(file.run.experiment as object), tags } as never
  return toJson(file)
}

let server: Served
beforeAll(async () => {
  server = await served()
  await storeResults(server.store, readResults(givenFiles(BOARD), any), NOW)
  await sendRun(server.api, 'run-1', ours('run-1', { task: 'gpqa', precision: 'bf16' }))
  await sendRun(server.api, 'run-2', ours('run-2', { precision: 'bf16' }))
})
afterAll(() => server.close())

const get = (path: string) => fetch(server.api + path)
const json = async (path: string) => {
  const answer = await get(path)
  expect([path, answer.status]).toEqual([path, 200])
  return answer.json() as Promise<Record<string, never>>
}
interface Row {
  id: string
  source: string
  placement: {
    placed: { rank: number; of: number; percentile: number } | null
    reason: string | null
  } | null
  metrics: Record<string, { value: number; window: string }>
  [fact: string]: unknown
}
const rows = async (query: string): Promise<Row[]> =>
  (await json(`/leaderboard?${query}`))['rows'] as never

describe('the leaderboard over HTTP', () => {
  it('lists runs and results together, each as its schema says', async () => {
    const page = await rows('limit=1000&sort=num_gpus')
    for (const row of page) boardRowSchema.parse(row)
    const local = await rows('source=local')
    expect(local.map((r) => r.id).sort()).toEqual(['run-1', 'run-2'])
    expect((await rows('source=mlenergy&limit=1')).map((r) => r.source)).toEqual(['mlenergy'])
  })

  it('filters by facts, bounds any metric and sorts by any', async () => {
    const found = await rows(
      'task=gpqa&gpu_model=B200&precision=mxfp4&num_gpus=1&max_itl_ms_p50=50&source=mlenergy&limit=1000',
    )
    const file = JSON.parse(GPQA.toString()) as {
      configurations: Record<string, number | string>[]
    }
    const expected = file.configurations
      .filter(
        (r) =>
          r['gpu_model'] === 'B200' &&
          r['weight_precision'] === 'mxfp4' &&
          r['num_gpus'] === 1 &&
          (r['median_itl_ms'] as number) <= 50,
      )
      .map((r) => r['energy_per_token_joules'] as number)
      .sort((a, b) => a - b)
    expect(found.map((r) => r.metrics['energy_per_output_token_j']?.value)).toEqual(expected)
    const images = await rows('task=text-to-image&sort=-energy_per_image_j&limit=5')
    const joules = images.map((r) => r.metrics['energy_per_image_j']?.value as number)
    expect(joules).toEqual([...joules].sort((a, b) => b - a))
    expect(joules).toHaveLength(5)
  })

  it('pages through all of it once, in order', async () => {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const page = await json(`/leaderboard?limit=400${cursor === null ? '' : `&cursor=${cursor}`}`)
      ids.push(...(page['rows'] as unknown as Row[]).map((r) => r.id))
      cursor = (page['next_cursor'] ?? null) as string | null
    } while (cursor !== null)
    expect(ids).toHaveLength(ALL + 2)
    expect(new Set(ids).size).toBe(ALL + 2)
  })

  it("places a run of ours among its like, by the board's short names", async () => {
    const [row] = await rows('source=local&gpu_model=H100&task=gpqa')
    expect(row?.id).toBe('run-1')
    const like = (JSON.parse(GPQA.toString()).configurations as Record<string, string>[]).filter(
      (r) => r['gpu_model'] === 'H100' && r['weight_precision'] === 'bfloat16',
    )
    expect(row?.placement?.placed?.of).toBe(like.length + 1)
    const own = row?.metrics['energy_per_output_token_j']?.value as number
    const better = like.filter((r) => Number(r['energy_per_token_joules']) < own).length
    expect(row?.placement?.placed?.rank).toBe(better + 1)
  })

  it('places among the latest revision of each source', async () => {
    const of = async () => (await rows('source=local&task=gpqa'))[0]?.placement?.placed?.of
    const before = await of()
    const earlier = readResults(givenFiles(BOARD), { format: null, revision: '2025-06-01' })
    await storeResults(server.store, earlier, NOW)
    expect(await of()).toBe(before)
    expect(await rows('revision=2025-06-01&limit=1000')).toHaveLength(1000)
    await server.store.db.deleteFrom('result').where('revision', '=', '2025-06-01').execute()
  })

  it('says why a run is not placed', async () => {
    const [row] = await rows('source=local&name=ours run-2')
    expect(row?.placement).toMatchObject({ placed: null, reason: 'task_unknown' })
    const [other] = await rows('source=local&task=gpqa&metric=itl_ms_p50')
    // The board counts gaps over the whole run, so ours are taken over it too.
    expect(other?.placement).toMatchObject({ placed: { value: 100, window: 'run' }, reason: null })
    const [watts] = await rows('source=local&task=gpqa&metric=power_mean_w')
    expect(watts?.placement).toMatchObject({ placed: null, reason: 'metric_not_ranked' })
  })

  it('leaves measured runs alone in the list of runs', async () => {
    expect(await json('/runs')).toMatchObject({ runs: [{ source: 'local' }, { source: 'local' }] })
    expect(await json('/runs?source=mlenergy')).toMatchObject({ runs: [] })
  })

  it.each([
    ['sort=nonsense', /sort.*must be a field, a configured path or a metric/],
    ['colour=red', /colour.*not known/],
    ['max_nonsense=1', /max_nonsense.*not known/],
    ['max_itl_ms_p50=fast', /must be a number/],
    ['metric=nonsense', /must be a metric/],
    ['format=xml', /format/],
    ['cursor=abc', /next_cursor/],
  ])('refuses %s', async (query, message) => {
    const answer = await get(`/leaderboard?${query}`)
    expect(answer.status).toBe(400)
    expect((await problem(answer)).detail).toMatch(message)
  })

  it('leaves as CSV, Markdown, Parquet, chart and task file', async () => {
    const query = 'task=gpqa&source=mlenergy&limit=3'
    const text = async (format: string) =>
      (await get(`/leaderboard?${query}&format=${format}`)).text()
    const csv = await text('csv')
    expect(csv.split('\r\n')).toHaveLength(5)
    expect(csv).toContain('energy_per_output_token_j_window')
    expect(await text('markdown')).toMatch(/^\| Model \| GPUs .*\n\|---/)
    expect(JSON.parse(await text('vega'))).toMatchObject({ data: { name: 'board' } })
    const chart = (q: string) => get(`/leaderboard?${q}&format=vega&chart=neighbours`)
    expect(await (await chart('source=local&task=gpqa')).json()).toMatchObject({
      data: { name: 'neighbours' },
    })
    expect((await problem(await chart('source=local&name=ours run-2'))).detail).toMatch(
      /No run of this page is placed \(the configuration names no task\)/,
    )
    expect(JSON.parse(await text('mlenergy')).configurations).toHaveLength(3)
    const bytes = await (await get(`/leaderboard?${query}&format=parquet`)).arrayBuffer()
    const table = await parquetReadObjects({ file: bytes })
    const page = await rows(query)
    expect(table.map((r) => [r['id'], r['energy_per_output_token_j'], r['valid']])).toEqual(
      page.map((r) => [r.id, r.metrics['energy_per_output_token_j']?.value, true]),
    )
  })

  it('gives a whole task back as the file that came, and refuses two tasks in one', async () => {
    const back = await get('/leaderboard?task=gpqa&source=mlenergy&limit=1000&format=mlenergy')
    expect(Buffer.from(await back.arrayBuffer()).equals(GPQA)).toBe(true)
    const two = await get('/leaderboard?task=gpqa,lm-arena-chat&format=mlenergy&limit=1000')
    expect(two.status).toBe(422)
    expect((await problem(two)).detail).toMatch(/rows of one task/)
  })

  it('compares GPUs, and says so of sides that it can not read', async () => {
    const found = await json('/leaderboard/compare?task=gpqa&a=gpu_model:H100&b=gpu_model:B200')
    boardComparisonSchema.parse(found)
    expect(found).toMatchObject({ a: { label: 'H100', rows: 82 }, b: { label: 'B200', rows: 106 } })
    for (const query of [
      'a=H100&b=gpu_model:B200',
      'a=colour:red&b=gpu_model:B200',
      'a=gpu_model:H100',
    ])
      expect((await get(`/leaderboard/compare?${query}`)).status).toBe(400)
  })

  it('tells all of one result, and gives its file as it came', async () => {
    const [row] = await rows('task=gpqa&source=mlenergy&limit=1')
    const result = resultSchema.parse(await json(`/results/${row?.id}`))
    const file = await get(`/result-files/${result.provenance.file_sha256}`)
    expect(Buffer.from(await file.arrayBuffer()).equals(GPQA)).toBe(true)
    expect((await get('/results/mlenergy:none')).status).toBe(404)
    expect((await get(`/result-files/${'0'.repeat(64)}`)).status).toBe(404)
  })
})

describe('import over HTTP', () => {
  const post = (body: string | Uint8Array, query = '') =>
    fetch(`${server.api}/import${query}`, { method: 'POST', body: body as Uint8Array<ArrayBuffer> })
  const file = (rows: unknown[]) =>
    JSON.stringify({ task: 'http', task_display_name: 'HTTP', configurations: rows })

  it('says in a dry run what would become of each row, and stores nothing', async () => {
    const body = file([tokenRow(), { nickname: 'x' }, tokenRow({ avg_power_watts: '8' })])
    const told = (await (await post(body, '?dry_run=1&name=a.json')).json()) as never
    expect(told).toMatchObject({
      dry_run: true,
      rows: { mapped: 2, lost: 1, ignored: 0 },
      files: [{ file: 'a.json', format: 'mlenergy' }],
    })
    expect(await rows('task=http')).toEqual([])
  })

  it('stores all of it once', async () => {
    const body = file([tokenRow(), tokenRow({ p99_itl_ms: 21 })])
    expect(await (await post(body)).json()).toMatchObject({ inserted: 2, same: 0 })
    expect(await (await post(body)).json()).toMatchObject({ inserted: 0, same: 2 })
    expect(await rows('task=http')).toHaveLength(2)
  })

  it('keeps invalid rows, and leaves them out where valid ones are asked for', async () => {
    await post(file([tokenRow({ energy_per_request_joules: 1, nickname: 'bad' })]))
    const all = await rows('task=http&valid=false')
    expect(all).toMatchObject([{ name: 'bad', valid: false, findings: ['identity_broken'] }])
    expect((await rows('task=http')).map((r) => r['name'])).not.toContain('bad')
    expect(await json('/leaderboard?task=http')).toMatchObject({ invalid: 1 })
    expect(
      (await json('/leaderboard/compare?task=http&a=num_gpus:2&b=num_gpus:4'))['a'],
    ).toMatchObject({
      invalid: 1,
    })
  })

  it.each<[string | Uint8Array, string, number, RegExp]>([
    ['{"a":', '', 422, /is not JSON/],
    ['{"a":1}', '', 422, /is of no tool that is known here/],
    ['', '', 422, /is empty/],
    [JSON.stringify({ task: 't', configurations: [{}] }), '', 422, /model_id is missing/],
    ['{}', '?format=nonsense', 400, /format/],
    ['{}', '?name=a/b', 400, /without folders/],
    [
      `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      '?format=mlenergy',
      422,
      /nested more than 1000 deep/,
    ],
    [new Uint8Array([0x50, 0x4b, 3, 4]), '', 422, /zip archive/],
    [gzipSync(Buffer.alloc(300_000_000, 0x20)), '', 422, /unpacks to more than/],
    [gzipSync('{"a":1}').subarray(0, 12), '', 422, /cut short or damaged/],
    [new Uint8Array([0x7b, 0xff, 0xfe]), '', 422, /is not UTF-8/],
  ])('refuses in words: %#', async (body, query, status, message) => {
    const answer = await post(body, query)
    expect(answer.status).toBe(status)
    expect((await problem(answer)).detail).toMatch(message)
  })

  it('gives a verdict on each of more rows than one call takes arguments', () => {
    const [head, row] = readFileSync(join(CODECARBON, 'emissions.csv'), 'utf8').split('\n')
    const text = `${head}\n${row}\n${'1,2\n'.repeat(150_000)}`
    const { read } = readResults([{ path: 'e.csv', read: () => Buffer.from(text) }], any)
    expect(read.rows).toEqual({ mapped: 1, ignored: 0, lost: 150_000 })
  })

  it('does not follow what is nested without end', async () => {
    const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
    const body = `{"task":"t","configurations":[${JSON.stringify(tokenRow()).slice(0, -1)},"x":${deep}}]}`
    const answer = await post(body)
    expect(answer.status).toBe(422)
    expect((await problem(answer)).detail).toMatch(/nested more than 1000 deep/)
    expect(await rows('task=t')).toEqual([])
  })
})

describe('the store of results', () => {
  let store: Store
  let dir: string
  beforeAll(async () => {
    dir = tempDir()
    store = await openStore(join(dir, 'r.db'), { create: true })
  })
  afterAll(() => store.close())
  const count = async (table: 'result' | 'result_metric' | 'result_file') =>
    Number(
      (
        await store.db
          .selectFrom(table)
          .select((eb) => eb.fn.countAll().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
    )

  it('half of an import is none', async () => {
    const read = readResults(givenFiles(BOARD), any)
    const broken = {
      ...read,
      results: [...read.results, { ...read.results[0], result_id: 'x', source: 'local' }],
    }
    await expect(storeResults(store, broken as never, NOW)).rejects.toThrow(/result_not_measured/)
    expect([await count('result'), await count('result_file')]).toEqual([0, 0])
  })

  it('keeps each result whole, its numbers indexed, its file beside it', async () => {
    const read = readResults(givenFiles(BOARD), any)
    expect(await storeResults(store, read, NOW)).toEqual({ inserted: ALL, same: 0 })
    expect(await storeResults(store, read, NOW)).toEqual({ inserted: 0, same: ALL })
    expect(await count('result')).toBe(ALL)
    expect(await count('result_metric')).toBe((187 + 328) * 10 + 638 * 4)
    expect(await count('result_file')).toBe(7)
    for (const result of read.results.slice(0, 5))
      expect(await findResult(store.db, result.result_id)).toEqual(result)
    const query = {
      facts: { task: ['gpqa'], num_gpus: [1] },
      configured: {},
      valid: true,
      exclude_cautions: true,
      archived: 'exclude',
      tags: [],
      started_from: null,
      started_to: null,
      metrics: [{ metric: 'itl_ms_p50', bound: 'max', limit: 20 }],
      sort: 'created_at',
      descending: true,
      limit: 1,
      after: null,
    } as const
    const found = await resultCandidates(store.db, query)
    expect(found.length).toBeGreaterThan(1)
    for (const c of found) expect(c.metrics['itl_ms_p50']?.value).toBeLessThanOrEqual(20)
    const hosts = await resultCandidates(store.db, { ...query, facts: { host: ['a'] } })
    expect(hosts).toEqual([])
  })

  it('is checked with its files', async () => {
    expect((await checkStore(store)).problems).toEqual([])
    await store.db
      .updateTable('result_file')
      .set({ gzip: gzipSync('other') })
      .where('name', '=', 'tasks/gpqa.json')
      .execute()
    expect((await checkStore(store)).problems).toEqual([
      'file tasks/gpqa.json of results: the bytes are not what their SHA-256 says',
    ])
  })

  it('refuses a file of 500 MB by its size, without reading it', () => {
    mkdirSync(join(dir, 'big'))
    writeFileSync(join(dir, 'big/x.json'), '')
    truncateSync(join(dir, 'big/x.json'), 500_000_000)
    const before = process.memoryUsage().rss
    expect(() => givenFiles(join(dir, 'big'))).toThrow(/has 500000000 bytes; .* at most 256000000/)
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000)
  })

  it('a database of version 1 gets the tables and keeps what it has', async () => {
    const path = join(dir, 'old.db')
    const raw = new Database(path)
    await initial.up(new Kysely({ dialect: new SqliteDialect({ database: raw }) }) as never)
    raw.exec(`create table kysely_migration (name varchar(255) primary key not null, timestamp varchar(255) not null);
      create table kysely_migration_lock (id varchar(255) primary key not null, is_locked integer default 0 not null);
      insert into kysely_migration_lock values ('migration_lock', 0);
      insert into kysely_migration values ('0001-initial', '2026-01-01T00:00:00Z');
      insert into result values ('r', 'x', 'board', null, null, null, null, null, null, null, 'now', '{}', '{}')`)
    raw.pragma(`application_id = ${0x4c4c454d}`)
    raw.pragma('user_version = 1')
    raw.close()
    const old = await openStore(path, { create: false })
    expect(old.version_before).toBe(1)
    expect(await old.db.selectFrom('result').select(['result_id', 'valid']).execute()).toEqual([
      { result_id: 'r', valid: 0 },
    ])
    expect(await storeResults(old, readResults(givenFiles(BOARD), any), NOW)).toMatchObject({
      inserted: ALL,
    })
    await old.close()
  })
})
