import { tableFromIPC } from '@uwdata/flechette'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { runFileSchema } from '../../analysis/schema/run.ts'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { summarise } from '../../analysis/summary.ts'
import { RUN_ID, runText, sampleChunks, sealOf } from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, sendRun, served } from './served.ts'

let server: Served
const OTHER = '0198f3a0-1c55-7d2e-9d0b-000000000002'
const OPEN = 'open-run'
beforeAll(async () => {
  server = await served()
  await sendRun(server.api, RUN_ID)
  await sendRun(server.api, OTHER, runText({ run_id: OTHER, name: 'other', model: 'llama-1b' }))
  await register(server.api, runText({ run_id: OPEN, name: 'running', outcome: null }))
  for (const chunk of sampleChunks().slice(0, 2)) await putChunk(server.api, OPEN, chunk)
})
afterAll(() => server.close())

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(server.api + path, { headers })
const json = async <T>(path: string): Promise<T> => {
  const answer = await get(path)
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  return parseJson(await answer.text()) as T
}
interface Page {
  runs: {
    run_id: string
    name: string
    valid: boolean | null
    metrics: Record<string, { value: number }> | null
  }[]
  next_cursor: string | null
}
const ids = async (query: string) => (await json<Page>(`/runs?${query}`)).runs.map((r) => r.run_id)

describe('naming a run', () => {
  it('takes an id, a unique prefix, a name, a tag or last', async () => {
    const named = async (ref: string) =>
      (await json<{ run_id: string }>(`/runs/${encodeURIComponent(ref)}`)).run_id
    expect(await named(RUN_ID)).toBe(RUN_ID)
    expect(await named('open')).toBe(OPEN)
    expect(await named('name:other')).toBe(OTHER)
    expect(await named('tag:team=research')).toBe(OPEN)
    expect(await named('last')).toBe(OPEN)
  })

  it('refuses a prefix of several, naming them, and what names nothing', async () => {
    const several = await problem(await get('/runs/0198f3a0'))
    expect(several).toMatchObject({
      status: 400,
      code: 'ambiguous_run',
      detail: expect.stringContaining(OTHER),
    })
    for (const ref of ['nobody', 'name:nobody', 'tag:team=none', 'tag:team', '%25', '_'])
      expect((await get(`/runs/${encodeURIComponent(ref)}`)).status).toBe(404)
  })
})

describe('the list of runs', () => {
  it('has the newest first, with validity and headline numbers of sealed runs only', async () => {
    const all = await json<Page>('/runs')
    expect(all.runs.map((r) => r.run_id)).toEqual([OPEN, OTHER, RUN_ID])
    expect(all.runs[0]).toMatchObject({ valid: null, metrics: null, state: 'open' })
  })

  it('filters by field, a comma meaning or, several fields meaning and', async () => {
    expect(await ids('model=llama-1b')).toEqual([OTHER])
    expect(await ids('model=llama-1b,smollm2-135m&state=sealed')).toEqual([OTHER, RUN_ID])
    expect(
      await ids('gpu_model=H100&num_gpus=1&host=node-1&study=study-1&source=local'),
    ).toHaveLength(3)
    expect(await ids('gpu_model=A100')).toEqual([])
    expect(await ids('tag=team=research')).toHaveLength(3)
    expect(await ids('tag=team=other')).toEqual([])
    expect(
      await ids('started_from=2026-01-31T11:00:00Z&started_to=2026-01-31T11:00:00Z'),
    ).toHaveLength(3)
    expect(await ids('started_from=2026-02-01')).toEqual([])
    // A day is meant whole.
    expect(await ids('started_from=2026-01-31&started_to=2026-01-31')).toHaveLength(3)
    expect(await ids('started_to=2026-01-30')).toEqual([])
    expect(await ids('started_from=2026-01-31T13:00:00%2B02:00')).toHaveLength(3)
    expect(await ids('started_from=2026-01-31T13:00:01%2B02:00')).toEqual([])
  })

  // A number, a day that there is not, one in another order and a time of nobody knows where.
  it.each(['5', '2026-02-30', '1.2.2026', '2026-01-31T12:00:00', ''])(
    'refuses %j as a time, never guessing which',
    async (text) => {
      const answer = await get(`/runs?started_from=${text}`)
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain('must be a day such as 2026-01-31, or a time with')
    },
  )

  it('filters and sorts by any metric, computing what is missing first', async () => {
    const valid = (await json<Summary>(`/runs/${RUN_ID}/summary`)).valid
    expect(await ids(`valid=${valid}`)).toEqual([OTHER, RUN_ID])
    expect(await ids(`valid=${!valid}`)).toEqual([])
    const { value } = (await json<Summary>(`/runs/${RUN_ID}/summary`)).metrics[
      'energy_per_output_token_j'
    ] as { value: number }
    expect(value).toBeGreaterThan(0)
    expect(
      await ids(`max_energy_per_output_token_j=${value}&sort=energy_per_output_token_j`),
    ).toEqual([RUN_ID, OTHER])
    expect(await ids(`min_energy_per_output_token_j=${value * 1.01}`)).toEqual([])
    const sorted = await ids('sort=-ttft_ms_p50')
    expect(sorted.at(-1)).toBe(OPEN)
  })

  it('refuses unknown parameters and bad values, each by its name', async () => {
    const { status, code, errors } = await problem(
      await get('/runs?modle=x&min_speed=3&max_ttft_ms_p50=fast&limit=0&sort=colour'),
    )
    expect([status, code]).toEqual([400, 'invalid_query'])
    expect(errors?.map((e) => e.path).sort()).toEqual(['query.limit', 'query.sort'])
    const more = await problem(await get('/runs?modle=x&min_speed=3&max_ttft_ms_p50=fast'))
    expect(more.errors?.map((e) => e.path)).toEqual([
      'query.modle',
      'query.min_speed',
      'query.max_ttft_ms_p50',
    ])
    // What was given stands in the answer, and an empty text is no zero.
    const limits = '; it must be a whole number from 1 to 1000'
    for (const [query, detail] of [
      ['limit=zz', `query.limit is "zz"${limits}`],
      ['limit=', `query.limit is ""${limits}`],
      ['limit=1.5', `query.limit is "1.5"${limits}`],
      ['limit=1&limit=2', 'query.limit is a list; it must be a text'],
      ['max_ttft_ms_p50=', 'query.max_ttft_ms_p50 is ""; it must be a number'],
      ['modle=x', 'query.modle is not known here; did you mean model?'],
      ['max_itl_ms_p5=1', 'query.max_itl_ms_p5 is not known here; did you mean max_itl_ms_p50?'],
      ['colour=x', 'query.colour is not known here; take it out or check its spelling'],
      ['valid=maybe', 'query.valid is "maybe"; it must be one of true, false'],
    ])
      expect((await problem(await get(`/runs?${query}`))).detail).toBe(detail)
    // A distribution is bounded and sorted by one of its statistics, and a scalar has none.
    for (const query of [
      'max_ttft_ms=9',
      'sort=ttft_ms',
      'min_energy_gpu_j_p50=1',
      'sort=itl_ms_p50@x',
    ])
      expect((await get(`/runs?${query}`)).status).toBe(400)
  })

  it('pages through every run once, by any order', async () => {
    for (const sort of [
      'created_at',
      '-created_at',
      'name',
      '-sealed_at',
      'ttft_ms_p50',
      '-energy_gpu_j',
    ]) {
      const seen: string[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const page: Page = await json<Page>(
          `/runs?limit=1&sort=${sort}${cursor && `&cursor=${cursor}`}`,
        )
        seen.push(...page.runs.map((r) => r.run_id))
        cursor = page.next_cursor
      }
      expect(seen.sort()).toEqual([RUN_ID, OTHER, OPEN].sort())
    }
  })

  it('refuses a cursor of another order or of nothing', async () => {
    const { next_cursor } = await json<Page>('/runs?limit=1')
    expect((await get(`/runs?limit=1&sort=name&cursor=${next_cursor}`)).status).toBe(400)
    expect((await get('/runs?cursor=AAAA')).status).toBe(400)
  })
})

describe('one run', () => {
  it('gives the summary that analysis makes of the bytes', async () => {
    const file = runFileSchema.parse(parseJson(runText()))
    const expected = summarise(decodeRun(file, sampleChunks()))
    const summary = await json<Summary>(`/runs/${RUN_ID}/summary`)
    expect(summarySchema.parse(summary)).toEqual(
      summarySchema.parse(JSON.parse(JSON.stringify(expected))),
    )
    // Each request's first token comes 0.5 s after it was sent.
    expect(summary.metrics['ttft_ms_p50']?.value).toBe(500)
  })

  it('computes the summary of a sealed run once, of an open one anew', async () => {
    await json(`/runs/${OPEN}/summary`)
    const rows = await server.store.db.selectFrom('summary').select('run_id').execute()
    expect(rows.map((r) => r.run_id)).toContain(RUN_ID)
    expect(rows.map((r) => r.run_id)).not.toContain(OPEN)
  })

  it('gives findings with the verdict', async () => {
    const findings = await json<{ valid: boolean; findings: unknown[] }>(`/runs/${RUN_ID}/findings`)
    const summary = await json<Summary>(`/runs/${RUN_ID}/summary`)
    expect(findings).toEqual({ run_id: RUN_ID, valid: summary.valid, findings: summary.findings })
  })

  it('gives requests with their latencies, page by page, and reasons for what is null', async () => {
    const page = await json<{ requests: Record<string, unknown>[]; next_cursor: string }>(
      `/runs/${RUN_ID}/requests?limit=4`,
    )
    expect(page.requests).toHaveLength(4)
    // First token 0.5 s after sent; last 1.0 s later, (1.5 - 0.5) / 10 = 0.1 s a token.
    expect(page.requests[0]).toMatchObject({
      request_id: 'r0',
      sent_t_ns: 5e9,
      ttft_ms: 500,
      tpot_ms: 100,
      e2e_ms: 1500,
      send_lag_ms: null,
      reasons: { send_lag_ms: 'not_recorded' },
    })
    const rest = await json<{ requests: unknown[]; next_cursor: null }>(
      `/runs/${RUN_ID}/requests?cursor=${page.next_cursor}`,
    )
    expect([rest.requests.length, rest.next_cursor]).toEqual([6, null])
  })

  it('gives the joules of each request, of one that is still recorded none', async () => {
    const of = async (run: string) =>
      (await json<{ requests: Record<string, unknown>[] }>(`/runs/${run}/requests`)).requests
    const rows = await of(RUN_ID)
    const known = rows.filter((r) => r['energy_j'] !== null)
    expect(known.length).toBeGreaterThan(0)
    // One at a time: 1.5 s of 300 W
    for (const row of known)
      expect(row).toMatchObject({
        energy_j: expect.closeTo(450, 6),
        energy_method: 'exclusive',
        energy_reason: null,
      })
    expect(known[0]?.['energy_low_j']).toBeLessThan(450)
    for (const row of rows.filter((r) => r['energy_j'] === null))
      expect(row).toMatchObject({ energy_reason: 'outside_window', energy_method: null })
    // The same again, from what is kept at hand
    expect(await of(RUN_ID)).toEqual(rows)
    for (const chunk of sampleChunks().filter((c) => c.stream === 'request'))
      await putChunk(server.api, OPEN, chunk)
    const open = await of(OPEN)
    expect(open.length).toBeGreaterThan(0)
    for (const row of open)
      expect(row).toMatchObject({ energy_j: null, energy_reason: 'no_window' })
  })

  it('gives a timeline of so many columns', async () => {
    expect((await get(`/runs/${RUN_ID}/timeline?columns=100`)).status).toBe(200)
    expect((await get(`/runs/${RUN_ID}/timeline?columns=1`)).status).toBe(400)
  })

  it('gives a report as one page, and its bare charts', async () => {
    const html = await get(`/reports/${RUN_ID}`)
    expect(html.headers.get('content-type')).toContain('text/html')
    expect(await html.text()).toContain('<!doctype html>')
    const specs = await json<Record<string, { $schema: string }>>(`/reports/${RUN_ID}?format=vega`)
    expect(Object.values(specs)[0]?.$schema).toContain('vega-lite')
  })
})

describe('raw rows', () => {
  const stream = (query: string, headers = {}) => get(`/runs/${RUN_ID}/streams/${query}`, headers)
  const bytes = async (query: string) => new Uint8Array(await (await stream(query)).arrayBuffer())

  it('leave as one Arrow stream, every row of every chunk, times exact', async () => {
    const table = tableFromIPC(await bytes('sample?format=arrow'), { useBigInt: true })
    expect(table.numRows).toBe(300)
    expect(table.schema.fields.map((f) => f.name)).toEqual([
      'process_id',
      't_ns',
      'device_id',
      'sensor_id',
      'metric',
      'value',
      'reason',
    ])
    expect(table.get(299)).toEqual({
      process_id: 'p0',
      t_ns: 29_900_000_000n,
      device_id: 'GPU-aaaa',
      sensor_id: 's0',
      metric: 'gpu_power_mw',
      value: 100_000,
      reason: null,
    })
  })

  it('leave as Parquet with lists of whole numbers', async () => {
    const file = await (await stream('request?format=parquet')).arrayBuffer()
    const rows = await parquetReadObjects({ file })
    expect(rows).toHaveLength(10)
    expect(rows[3]).toMatchObject({
      request_id: 'r3',
      sent_t_ns: 11_000_000_000n,
      output_tokens: 11n,
      outcome: 'ok',
    })
    expect(rows[3]?.['chunk_t_ns'].slice(0, 2)).toEqual([11_500_000_000n, 11_600_000_000n])
    expect(rows[3]?.['chunk_kind'][0]).toBe('content')
  })

  it('leave as CSV and as NDJSON', async () => {
    const csv = new TextDecoder().decode(await bytes('sample?format=csv')).split('\r\n')
    expect(csv.slice(0, 2)).toEqual([
      'process_id,t_ns,device_id,sensor_id,metric,value,reason',
      'p0,0,GPU-aaaa,s0,gpu_power_mw,100000,',
    ])
    expect(csv).toHaveLength(302)
    const lines = new TextDecoder()
      .decode(await bytes('request?format=ndjson'))
      .trimEnd()
      .split('\n')
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      request_id: 'r0',
      chunk_tokens: new Array(11).fill(1),
    })
  })

  it('go by Accept where no format is named, and answer 406 to what they are not', async () => {
    const type = async (accept: string) =>
      (await stream('sample', { accept })).headers.get('content-type')
    expect(await type('text/csv')).toBe('text/csv')
    expect(await type('text/html, application/x-ndjson;q=0.5, */*;q=0.1')).toBe(
      'application/x-ndjson',
    )
    expect(await type('*/*')).toBe('application/vnd.apache.arrow.stream')
    expect((await stream('sample', { accept: 'image/png' })).status).toBe(406)
  })

  it('of a stream without rows are an empty file of that form', async () => {
    expect(tableFromIPC(await bytes('step?format=arrow')).numRows).toBe(0)
    const file = (await bytes('step?format=parquet')).buffer
    expect(await parquetReadObjects({ file })).toEqual([])
    expect((await stream('steps')).status).toBe(400)
  })
})

describe('what may be noted', () => {
  it('changes tags, note and archived, writes each change down and nothing else', async () => {
    const patch = (body: unknown) =>
      fetch(`${server.api}/runs/${OTHER}`, { method: 'PATCH', body: JSON.stringify(body) })
    const answer = await patch({
      tags: { team: null, keep: 'yes' },
      note: 'look at this',
      archived: true,
    })
    expect(await answer.json()).toMatchObject({
      tags: { keep: 'yes' },
      note: 'look at this',
      archived: true,
    })
    expect((await patch({ note: 'look at this' })).status).toBe(200)
    const audit = await server.store.db
      .selectFrom('audit')
      .selectAll()
      .where('run_id', '=', OTHER)
      .execute()
    expect(audit).toHaveLength(1)
    expect(JSON.parse(audit[0]?.detail as string)).toEqual({
      'tags.team': { from: 'research', to: null },
      'tags.keep': { from: null, to: 'yes' },
      note: { from: null, to: 'look at this' },
      archived: { from: false, to: true },
    })
    expect(await ids('')).not.toContain(OTHER)
    expect(await ids('archived=only')).toEqual([OTHER])
    expect((await patch({ outcome: 'failed' })).status).toBe(422)
    await patch({ archived: false })
  })
})

describe('several runs', () => {
  it('are grouped by study and by experiment', async () => {
    const { studies } = await json<{ studies: Record<string, unknown>[] }>('/studies')
    expect(studies).toMatchObject([
      { study_id: 'study-1', runs: 3, experiments: 2, model: null, engine: 'openai' },
    ])
    const { experiments } = await json<{ experiments: Record<string, unknown>[] }>(
      '/experiments?state=sealed&model=llama-1b',
    )
    expect(experiments).toMatchObject([{ runs: 1, model: 'llama-1b' }])
    expect((await get('/studies?sort=name')).status).toBe(400)
    const page = await json<{ experiments: unknown[]; next_cursor: string }>('/experiments?limit=1')
    const next = await json<{ experiments: unknown[]; next_cursor: null }>(
      `/experiments?limit=1&cursor=${page.next_cursor}`,
    )
    expect([page.experiments.length, next.experiments.length, next.next_cursor]).toEqual([
      1,
      1,
      null,
    ])
    expect(page.experiments).not.toEqual(next.experiments)
  })

  it('are aggregated by experiment', async () => {
    const { experiment_key } = await json<{ experiment_key: string }>(`/runs/${RUN_ID}`)
    expect(await json(`/experiments/${experiment_key}/summary`)).toMatchObject({
      cycles: 1,
      run_ids: [RUN_ID],
    })
    expect((await get('/experiments/none/summary')).status).toBe(404)
  })

  it('are compared, two side by side, more as a ranking', async () => {
    const two = await json<{ sentence: string }>(`/compare?run=${RUN_ID}&run=name:other`)
    expect(two).toMatchObject({
      a: { run_ids: [RUN_ID] },
      b: { run_ids: [OTHER] },
      sentence: expect.any(String),
    })
    const three = await json(`/compare?run=${RUN_ID}&run=${OTHER}&run=${OPEN}`)
    expect(three).toHaveProperty('ranking')
    expect((await problem(await get(`/compare?run=${RUN_ID}`))).errors?.[0]?.path).toBe('query.run')
    expect((await get('/compare')).status).toBe(400)
  })
})

describe('watching a run', () => {
  it('tells its state, then chunks, updates and the seal, and ends', async () => {
    const run_id = 'watched'
    await register(server.api, runText({ run_id, outcome: null }))
    const [first] = sampleChunks()
    const answer = await get(`/runs/${run_id}/events`)
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const text = answer.text()
    await putChunk(server.api, run_id, first as never)
    await fetch(`${server.api}/runs/${run_id}`, { method: 'PUT', body: runText({ run_id }) })
    await seal(server.api, run_id, sealOf([first as never]))
    const events = [...(await text).matchAll(/^event: (\w+)$/gm)].map((m) => m[1])
    expect(events).toEqual(['state', 'chunk', 'update', 'sealed'])
  })
})

describe('outside the API', () => {
  it('answers health, readiness and counters', async () => {
    expect(await (await fetch(`${server.url}/healthz`)).json()).toMatchObject({
      status: 'ok',
      pid: process.pid,
    })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    const text = await (await fetch(`${server.url}/metrics`)).text()
    expect(text).toMatch(/^llem_chunks_stored_total \d+$/m)
    expect(text).toMatch(/^llem_runs\{state="sealed"\} \d+$/m)
  })

  it('describes every address in OpenAPI 3.1, from the schemas that check them', async () => {
    const openapi = await json<{
      openapi: string
      paths: Record<
        string,
        Record<
          string,
          { parameters?: { name: string }[]; requestBody?: unknown; responses: object }
        >
      >
      components: { schemas: Record<string, unknown> }
    }>('/openapi.json')
    expect(openapi.openapi).toBe('3.1.0')
    expect(Object.keys(openapi.paths).sort()).toEqual(
      [
        '/compare',
        '/experiments',
        '/experiments/{experiment_key}/summary',
        '/import',
        '/leaderboard',
        '/leaderboard/compare',
        '/pairs',
        '/pairs/next',
        '/pareto',
        '/ratings',
        '/recommend',
        '/reports/{run_id}',
        '/result-files/{sha256}',
        '/results/{result_id}',
        '/runs',
        '/runs/{run_id}',
        '/runs/{run_id}/chunks',
        '/runs/{run_id}/cost',
        '/runs/{run_id}/events',
        '/runs/{run_id}/findings',
        '/runs/{run_id}/requests',
        '/runs/{run_id}/scores',
        '/runs/{run_id}/scores/{dataset}',
        '/runs/{run_id}/seal',
        '/runs/{run_id}/streams/{stream}',
        '/runs/{run_id}/summary',
        '/runs/{run_id}/timeline',
        '/runs/{run_id}/windows',
        '/scenarios',
        '/scenarios/{name}',
        '/sites',
        '/sites/versions',
        '/statements',
        '/statements/{statement_id}',
        '/statements/{statement_id}/verification',
        '/studies',
        '/totals',
        '/votes',
        '/votes/{vote_id}/worth_it',
      ].map((p) => `/api/v1${p}`),
    )
    const chunks = openapi.paths['/api/v1/runs/{run_id}/chunks']?.['post']
    expect(chunks?.parameters?.map((p) => p.name)).toEqual([
      'run_id',
      'process_id',
      'stream',
      'seq',
    ])
    expect(openapi.paths['/api/v1/runs']?.['get']?.parameters?.map((p) => p.name)).toContain(
      'gpu_model',
    )
    expect(openapi.components.schemas).toHaveProperty('RunFile')
    const page = await fetch(`${server.url}/docs`)
    expect(await page.text()).toContain('/api/v1/runs')
  })

  it('answers an unknown address with a problem', async () => {
    expect(await problem(await fetch(`${server.url}/nowhere`))).toMatchObject({
      status: 404,
      code: 'unknown_address',
    })
  })

  it('did all of the above without an internal error', () => {
    expect(server.log).toEqual([])
  })
})
