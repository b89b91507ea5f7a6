import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../analysis/schema/json.ts'
import { statementSchema, verificationSchema } from '../../analysis/schema/statement.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { type Totals, totalsSchema } from '../../analysis/schema/totals.ts'
import { choosingRun } from './choosing-run.ts'
import { sealOf } from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, served } from './served.ts'

let server: Served
const GPU_H100 = { watts: 300, gap_ms: 100 }
beforeAll(async () => {
  server = await served()
  await send('good-1', { ...GPU_H100, model: 'a' })
  await send('good-2', { watts: 400, gap_ms: 100, model: 'b' })
  await send('bad-1', { ...GPU_H100, model: 'a', failing: true })
  await send('stopped-1', { ...GPU_H100, model: 'b' }, 'interrupted')
  await register(server.api, choosingRun('open-1', GPU_H100).text)
})
afterAll(() => server.close())

async function send(
  run_id: string,
  shape: Parameters<typeof choosingRun>[1],
  outcome = 'completed',
): Promise<void> {
  const { text, chunks } = choosingRun(run_id, shape)
  const own = text.replace('"outcome": "completed"', `"outcome": "${outcome}"`)
  for (const answer of [
    await register(server.api, own),
    ...(await Promise.all(chunks.map((c) => putChunk(server.api, run_id, c)))),
    await seal(server.api, run_id, sealOf(chunks, outcome)),
  ])
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}

const ask = (query: string, body?: object) =>
  fetch(`${server.api}/totals?${query}`, {
    ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
  })
async function totals(query: string, body?: object): Promise<Totals> {
  const answer = await ask(query, body)
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
  return totalsSchema.parse(parseJson(text))
}
const kwh = (answer: Totals, id = 'energy_it') => answer.total.totals[id]?.amount?.value ?? null

describe('GET /totals', () => {
  it('counts windows, idle, invalid and failed energy, each once', async () => {
    const answer = await totals('by=')
    // Each run: 10 s of 100 W around 20 s of 300 or 400 W, of which the window counts 15 s. A reading is 0.1 s.
    const { parts } = answer.total
    const joules = (part: string) => (parts[part]?.energy_it_kwh ?? 0) * 3.6e6
    expect(joules('measured')).toBeCloseTo(15 * 300 + 15 * 400, -2)
    expect(joules('idle')).toBeCloseTo(5 * 300 + 5 * 400 + 2 * 10 * 100, -2)
    expect(joules('invalid')).toBeCloseTo(20 * 300 + 10 * 100, -2)
    expect(joules('failed')).toBeCloseTo(20 * 300 + 10 * 100, -2)
    expect(answer.runs).toEqual({ counted: 4, unmeasured: [], open: 1, unreadable: 0 })
    expect(answer.total.estimates).toEqual({ runs: 0, kwh: 0, share_pct: 0 })
  })

  it('has in its windows exactly the joules of the summaries', async () => {
    const summary = (await (await fetch(`${server.api}/runs/good-1/summary`)).json()) as Summary
    const answer = await totals('by=model&model=a&valid=true')
    const window = answer.total.parts['measured']?.exact['energy_it']
    expect(window).toBe(Math.round((summary.metrics['energy_gpu_j']?.value ?? 0) * 1e6))
    expect(answer.total.runs).toBe(1)
  })

  it('groups by month, team and model, and the groups add up', async () => {
    const answer = await totals('by=month,team,model')
    expect(answer.groups.map((g) => [g.key, g.runs])).toEqual([
      [{ month: '2026-01', team: 'research', model: 'a' }, 2],
      [{ month: '2026-01', team: 'research', model: 'b' }, 2],
    ])
    const sum = answer.groups.reduce((n, g) => n + Number(g.lines['energy_it']), 0)
    expect(sum).toBe(answer.total.lines['energy_it'])
  })

  it('takes the parameters of cost', async () => {
    const plain = kwh(await totals('by=month')) ?? 0
    const answer = await totals('by=month&g_per_kwh=400&pue=1.2&price_per_kwh=0.25&wue_site=0.5')
    expect(kwh(answer, 'energy')).toBeCloseTo(1.2 * plain, 9)
    expect(kwh(answer, 'carbon_location')).toBeCloseTo(1.2 * 400 * plain, 6)
    expect(kwh(answer, 'money')).toBeCloseTo(1.2 * 0.25 * plain, 6)
    expect(kwh(answer, 'water')).toBeCloseTo(0.5 * plain, 6)
    const germany = await totals('zone=DE&year=2025&pue=1')
    expect(germany.factors[0]?.factor?.zone).toBe('DE')
    expect(germany.attribution).toEqual(['Electricity Maps (ODbL)'])
  })

  it('counts archived runs, unless they are excluded', async () => {
    const patch = (archived: boolean) =>
      fetch(`${server.api}/runs/good-2`, { method: 'PATCH', body: JSON.stringify({ archived }) })
    await patch(true)
    expect((await totals('by=')).total.runs).toBe(4)
    expect((await totals('by=&archived=exclude')).total.runs).toBe(3)
    await patch(false)
  })

  it('answers an empty question with nulls, not zeros', async () => {
    const { groups, total } = await totals('model=nobody')
    expect(groups).toEqual([])
    expect(total.totals['energy_it']).toMatchObject({ amount: null, covered_pct: null })
  })

  it('keeps what it computed, and adds runs that come later', async () => {
    const before = await totals('by=')
    await send('late-1', { ...GPU_H100, model: 'c' })
    const after = await totals('by=')
    expect(after.total.runs).toBe(before.total.runs + 1)
  })

  it.each([
    ['by=month,moon', /by is "moon"; it must be of month, team/],
    ['by=model,model', /twice/],
    ['colour=red', /colour is not known here/],
    ['sort=model', /sort is not known here/],
    ['limit=5', /limit is not known here/],
    ['series=gb', /PROVIDER:ZONE/],
    ['series=gb:GB', /No factor of gb:GB is kept. Fetch some: llem-server factors fetch/],
    ['series=moon:X', /There is no provider "moon"/],
    ['series=gb:GB&zone=DE', /series is given beside zone/],
    ['zone=DE&g_per_kwh=5', /g_per_kwh/],
    ['pue=0.5', /pue/],
    ['hour=3', /hour is not known here/],
    ['max_moon=3', /max_moon is not known here/],
  ])('refuses %s in words', async (query, words) => {
    const answer = await ask(query)
    expect(answer.status).toBe(400)
    expect((await problem(answer)).detail).toMatch(words)
  })

  it('tells an unknown zone as what is missing, with its energy', async () => {
    const carbon = (await totals('zone=ZZ')).total.totals['carbon_location']
    expect(carbon).toMatchObject({ amount: null, reason: 'no_zone' })
  })
})

describe('POST /totals', () => {
  const scenario = { scenario_version: 1, id: 'lab', currency: 'EUR' }
  const row = { site: 'berlin', hosts: ['node-*'], from: '2026-01-01' }

  it('gives each host the scenario of its site', async () => {
    const sites = [{ ...row, zone: 'DE', pue: 1.5, wue: 0.4, tariff: 0.3, currency: 'EUR' }]
    const answer = await totals('by=month', { scenario, sites })
    const it_kwh = kwh(answer) ?? 0
    expect(kwh(answer, 'energy')).toBeCloseTo(1.5 * it_kwh, 9)
    expect(kwh(answer, 'money')).toBeCloseTo(1.5 * 0.3 * it_kwh, 8)
    expect(kwh(answer, 'water')).toBeCloseTo(0.4 * it_kwh, 8)
    expect(answer.factors.map((f) => f.scenario_id)).toEqual(['lab@berlin'])
    expect(answer.currency).toBe('EUR')
  })

  it.each([
    [[row, { ...row, site: 'b' }], /overlaps row 0 .*hosts node-\* and node-\*/],
    [[row, { ...row, hosts: ['x'] }], /site berlin would have two rows on one day/],
    [[{ ...row, zone: 'XX-YY' }], /sites\.0\.zone No table has a zone "XX-YY"/],
    [[{ ...row, tariff: 0.3 }], /currency is not given; give one such as EUR/],
    [[{ ...row, to: '2025-01-01' }], /sites\.0\.to is not a day after from/],
    [[{ ...row, pue: 0.9 }], /pue/],
    [[{ ...row, pue: 'atlantis' }], /atlantis/],
    [[{ ...row, moon: 1 }], /moon is not known here/],
    [[], /sites/],
  ])('refuses a table of sites in words: %j', async (sites, words) => {
    const answer = await ask('by=month', { scenario, sites })
    expect(answer.status).toBe(422)
    expect((await problem(answer)).detail).toMatch(words)
  })

  it('takes two rows of one host one after the other', async () => {
    const sites = [
      { ...row, to: '2026-02-01', pue: 1.5 },
      { ...row, site: 'cellar', from: '2026-02-01', pue: 1.1 },
    ]
    const answer = await totals('by=month', { scenario, sites })
    expect(kwh(answer, 'energy')).toBeCloseTo(1.5 * (kwh(answer) ?? 0), 9)
  })
})

describe('/statements', () => {
  const create = async (query: string, body: object = {}) => {
    const answer = await fetch(`${server.api}/statements?${query}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    expect(answer.status, text).toBe(201)
    return { ...statementSchema.parse(parseJson(text)), location: answer.headers.get('location') }
  }
  const verify = async (id: string) =>
    verificationSchema.parse(
      await (await fetch(`${server.api}/statements/${id}/verification`)).json(),
    )

  it('freezes figures, factors, scenario, filters and run hashes under the hash of it all', async () => {
    const made = await create('by=model&model=a&zone=DE&year=2025', { title: 'of a' })
    expect(made.location).toBe(`/api/v1/statements/${made.statement_id}`)
    const { document } = made
    expect(document.query).toEqual({ by: 'model', model: 'a', zone: 'DE', year: '2025' })
    expect(document.runs.map((r) => r.run_id)).toEqual(['bad-1', 'good-1'])
    expect(document.totals.factors[0]?.factor?.zone).toBe('DE')
    const again = await fetch(`${server.url}${made.location}`)
    expect(statementSchema.parse(await again.json())).toEqual({
      statement_id: made.statement_id,
      document,
    })
    const list = (await (await fetch(`${server.api}/statements`)).json()) as {
      statements: { title: string }[]
    }
    expect(list.statements[0]?.title).toBe('of a')
    expect(await verify(made.statement_id.slice(0, 12))).toMatchObject({
      document: 'intact',
      runs: { intact: 2, missing: [], changed: [], added: [], gone: [] },
      figures: 'same',
      differences: [],
    })
  })

  it('says which runs came, went and changed, and stays as it was', async () => {
    await send('d-1', { ...GPU_H100, model: 'd' })
    const made = await create('by=model&model=d,e,f')
    expect(made.document.runs.map((r) => r.run_id)).toEqual(['d-1'])
    await send('e-1', { ...GPU_H100, model: 'e' })
    const two = await create('by=model&model=d,e,f')
    expect(await verify(made.statement_id)).toMatchObject({
      runs: { added: ['e-1'] },
      figures: 'differ',
      differences: [{ total: 'energy_it', stated: expect.any(Number) }],
    })
    server.store.raw.exec(
      "update chunk set bytes = x'00' where run_id = 'd-1' and stream = 'sample'",
    )
    server.store.raw.exec("delete from run where run_id = 'e-1'")
    expect(await verify(two.statement_id)).toMatchObject({
      document: 'intact',
      runs: { intact: 0, missing: ['e-1'], changed: ['d-1'] },
      figures: 'differ',
    })
    const still = await fetch(`${server.api}/statements/${two.statement_id}`)
    expect(statementSchema.parse(await still.json()).document).toEqual(two.document)
    server.store.raw.exec("delete from run where run_id = 'd-1'")
  })

  it('is never changed, deleted or replaced in the database', async () => {
    const { statement_id } = await create('by=')
    const { raw } = server.store
    for (const sql of [
      "update statement set document = '{}'",
      'delete from statement',
      `insert or replace into statement values ('${statement_id}', '', '', '{}')`,
    ])
      expect(() => raw.exec(sql)).toThrow('a statement is never changed or deleted')
    expect((await verify(statement_id)).document).toBe('intact')
  })

  it.each(['0'.repeat(64), 'short', '../runs'])('knows no statement %s', async (id) => {
    const answer = await fetch(`${server.api}/statements/${encodeURIComponent(id)}`)
    expect(answer.status).toBe(404)
    expect((await problem(answer)).code).toBe('unknown_statement')
  })
})
