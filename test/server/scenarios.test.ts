import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLedgerSchema } from '../../analysis/schema/cost.ts'
import { canonicalJson } from '../../analysis/schema/key.ts'
import { scenarioSchema } from '../../analysis/schema/scenario.ts'
import { statementSchema, verificationSchema } from '../../analysis/schema/statement.ts'
import {
  scenarioListSchema,
  sitesListSchema,
  storedScenarioSchema,
  storedSitesSchema,
} from '../../analysis/schema/stored.ts'
import { totalsSchema } from '../../analysis/schema/totals.ts'
import { checkStore } from '../../server/store/check.ts'
import { openStore } from '../../server/store/open.ts'
import { sha256 } from '../../server/store/sha256.ts'
import { RUN_ID } from './sample-run.ts'
import { problem, type Served, sendRun, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
  await sendRun(server.api, RUN_ID)
})
afterAll(() => server.close())

const get = (path: string) => fetch(server.api + path)
const send = (method: string, path: string, body: unknown) =>
  fetch(server.api + path, { method, body: JSON.stringify(body) })
const put = (name: string, body: unknown) =>
  send('PUT', `/scenarios/${encodeURIComponent(name)}`, body)
const stored = async (answer: Response) => storedScenarioSchema.parse(await answer.json())
const putSites = async (body: unknown) =>
  storedSitesSchema.parse(await (await send('PUT', '/sites', body)).json())
const list = async () => scenarioListSchema.parse(await (await get('/scenarios')).json()).scenarios
const audited = () =>
  server.store.db.selectFrom('audit').selectAll().where('action', 'like', 'put_%').execute()

const AT_400 = {
  scenario_version: 1,
  intensity: { factor: { value: 400, source: 'mine' } },
  pue: 1.5,
}
const ROW = { site: 'berlin', hosts: ['node-*'], from: '2026-01-01' }

describe('a stored scenario', () => {
  it('is put under its name, and the same again is the same version', async () => {
    const first = await put('lab', { ...AT_400, title: 'a lab' })
    expect([first.status, first.headers.get('location')]).toEqual([
      201,
      '/api/v1/scenarios/lab?version=1',
    ])
    const it = await stored(first)
    expect(it).toMatchObject({ name: 'lab', version: 1, title: 'a lab', actor: 'local' })
    // Its hash is that of the canonical JSON of all that it says, so anybody can recompute it.
    expect(it.sha256).toBe(sha256(canonicalJson(it.scenario)))
    const before = (await audited()).length
    const again = await put('lab', { title: 'a lab', ...AT_400, id: 'lab', currency: 'USD' })
    expect([again.status, await stored(again)]).toEqual([200, it])
    expect(await audited()).toHaveLength(before)
  })

  it('that differs is the next version, and the one before stays as it was', async () => {
    const one = await (await get('/scenarios/lab?version=1')).text()
    const second = await put('lab', { ...AT_400, pue: 1.2 })
    expect([second.status, (await stored(second)).version]).toEqual([201, 2])
    expect(await (await get('/scenarios/lab?version=1')).text()).toBe(one)
    expect((await stored(await get('/scenarios/lab'))).version).toBe(2)
    const last = (await audited()).at(-1)
    expect(JSON.parse(last?.detail ?? '')).toMatchObject({ name: 'lab', version: 2 })
    // What was put last is the newest, also where an older version said the same.
    const back = await stored(await put('lab', { ...AT_400, title: 'a lab' }))
    expect([back.version, back.sha256]).toEqual([3, JSON.parse(one).sha256])
    expect((await list()).map((s) => [s.name, s.version, s.title])).toEqual([
      ['lab', 3, 'a lab'],
      ['lab', 2, ''],
      ['lab', 1, 'a lab'],
    ])
  })

  it('that many put at once gets a version each, in order', async () => {
    const pues = Array.from({ length: 12 }, (_, i) => 1 + i / 10)
    const answers = await Promise.all(pues.map((pue) => put('many', { ...AT_400, pue })))
    expect(answers.map((a) => a.status)).toEqual(pues.map(() => 201))
    const many = (await list()).filter((s) => s.name === 'many').reverse()
    expect(many.map((s) => s.version)).toEqual(pues.map((_, i) => i + 1))
    expect(many.map((s) => s.at)).toEqual(many.map((s) => s.at).sort())
  })

  it.each([
    ['lab', { pue: 1 }, 422, 'scenario_version'],
    ['lab', { ...AT_400, puee: 1 }, 422, 'puee is not known here; did you mean pue?'],
    ['lab', { ...AT_400, id: 'other' }, 422, 'id is "other"; it must be lab, as in the address'],
    ['lab', { ...AT_400, pue: 'atlantis' }, 422, 'atlantis'],
    ['lab', [], 422, 'the body'],
    ['lab.yaml', AT_400, 422, 'must not end in .yaml, .yml or .json'],
    ['a b', AT_400, 400, 'path.name is "a b"; it must be a name of A-Z'],
    ['lab@2', AT_400, 400, 'path.name is "lab@2"'],
  ])('put as %s of %j is refused in words', async (name, body, status, words) => {
    const before = await list()
    const answer = await put(name, body)
    expect(answer.status).toBe(status)
    expect((await problem(answer)).detail).toContain(words)
    expect(await list()).toEqual(before)
  })

  it.each([
    ['/scenarios/labb', 'no stored scenario "labb"; did you mean lab?'],
    ['/scenarios/lab?version=9', 'lab has no version 9; its newest is 3'],
    ['/runs/last/cost?scenario=nix', 'no stored scenario "nix". llem-server scenario list'],
    ['/totals?scenario=lab@9', 'lab has no version 9'],
    ['/pareto?scenario=nix', 'no stored scenario "nix"'],
    ['/recommend?scenario=nix', 'no stored scenario "nix"'],
    ['/reports/last?scenario=nix', 'no stored scenario "nix"'],
  ])('%s is not there, and says what is', async (path, words) => {
    const said = await problem(await get(path))
    expect([said.status, said.code]).toEqual([404, 'unknown_scenario'])
    expect(said.detail).toContain(words)
  })

  it.each(['lab@0', 'lab@-1', 'lab@', 'lab@1.5', '@1', 'a b', '', 'lab@9999999999'])(
    'is not named by "%s"',
    async (ref) => {
      const said = await problem(await get(`/totals?scenario=${encodeURIComponent(ref)}`))
      expect([said.status, said.code]).toEqual([400, 'invalid_query'])
      expect(said.detail).toContain('NAME or NAME@VERSION of a stored scenario')
    },
  )

  it('beside one in the body is refused', async () => {
    const body = { ...AT_400, id: 'x' }
    for (const [path, whole] of [
      ['/runs/last/cost?scenario=lab', body],
      ['/totals?scenario=lab', { scenario: body }],
      ['/recommend?scenario=lab', body],
    ] as const) {
      const said = await problem(await send('POST', path, whole))
      expect([400, 422]).toContain(said.status)
      expect(said.detail).toContain('names the stored lab beside the scenario of the body')
    }
  })
})

describe('an answer under a stored scenario', () => {
  beforeAll(async () => {
    for (const pue of [1.5, 1.2]) await put('here', { ...AT_400, pue })
  })
  const ledger = async (query: string) =>
    runLedgerSchema.parse(await (await get(`/runs/last/cost?${query}`)).json())

  it('is that under the same scenario in the body, and names version and hash', async () => {
    const one = await ledger('scenario=here@1')
    const { scenario_stored, ...rest } = one
    const whole = await send('POST', '/runs/last/cost', { ...AT_400, id: 'here' })
    expect(rest).toEqual(await whole.json())
    // 4.5 kJ in the window: 1.25 Wh at PUE 1.5 and 400 g/kWh.
    expect(one.totals['carbon_location']?.amount?.value).toBeCloseTo(0.00125 * 1.5 * 400, 9)
    const { sha256 } = await stored(await get('/scenarios/here?version=1'))
    expect(scenario_stored).toEqual({ name: 'here', version: 1, sha256, over: [] })
  })

  it('without a version is under the newest', async () => {
    expect((await ledger('scenario=here')).scenario_stored?.version).toBe(2)
    expect(await ledger('scenario=here')).toEqual(await ledger('scenario=here@2'))
  })

  it('takes parameters over it, and names them', async () => {
    const it = await ledger('pue=2&scenario=here&g_per_kwh=100&span=window')
    expect(it.totals['carbon_location']?.amount?.value).toBeCloseTo(0.00125 * 2 * 100, 9)
    expect(it.scenario_stored?.over).toEqual(['g_per_kwh', 'pue'])
  })

  it('names it in totals, choices, charts and reports too', async () => {
    const totals = totalsSchema.parse(await (await get('/totals?scenario=here@1')).json())
    expect(totals.scenario_stored).toMatchObject({ name: 'here', version: 1 })
    for (const path of ['/pareto?y=carbon_location_per_mtok_out&', '/recommend?']) {
      const answer = await get(`${path}scenario=here@1&cautions=include`)
      const { pricing } = (await answer.json()) as { pricing: Record<string, unknown> }
      expect(pricing['scenario_stored']).toMatchObject({ name: 'here', version: 1, over: [] })
    }
    const report = await (await get('/reports/last?scenario=here@1&pue=1.3')).text()
    expect(report).toMatch(/here@1 \(sha256 [0-9a-f]{12}\), with pue as given/)
    expect((await get('/runs/last/cost?scenario=here&format=vega')).status).toBe(200)
  })

  it('by version is the same to the byte after any newer ones came', async () => {
    const questions = [
      '/scenarios/here?version=2',
      '/runs/last/cost?scenario=here@2',
      '/runs/last/cost?scenario=here@2&pue=1.9&span=recorded',
      '/totals?by=host&scenario=here@2',
      '/recommend?scenario=here@2&cautions=include&minimize=carbon_location_per_mtok_out',
    ]
    const answers = () => Promise.all(questions.map(async (q) => (await get(q)).text()))
    const before = await answers()
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 100, max: 900 }), async (hundredth) => {
        const newest = (await list()).find((s) => s.name === 'here')?.version ?? 0
        const body = { ...AT_400, pue: hundredth / 100 }
        const first = await put('here', body)
        const { version } = await stored(first)
        // Versions only grow, by one where something is new; what is put again is there.
        expect(version).toBe(first.status === 201 ? newest + 1 : newest)
        const again = await put('here', body)
        expect([again.status, (await stored(again)).version]).toEqual([200, version])
        expect(await answers()).toEqual(before)
      }),
      { numRuns: 10 },
    )
  })
})

describe('the stored table of sites', () => {
  it('is none at first', async () => {
    for (const path of ['/sites', '/totals?sites=stored']) {
      const said = await problem(await get(path))
      expect([said.status, said.code]).toEqual([404, 'unknown_sites'])
      expect(said.detail).toContain('llem-server sites put')
    }
  })

  it('is put in versions, and totals use it where they are asked to', async () => {
    const first = await putSites({ sites: [{ ...ROW, zone: 'DE', pue: 1.5 }] })
    expect(first).toMatchObject({ version: 1, rows: 1, actor: 'local' })
    expect(first.sha256).toBe(sha256(canonicalJson({ sites: first.sites })))
    expect(await putSites({ sites: [{ pue: 1.5, zone: 'DE', ...ROW }] })).toEqual(first)
    const second = await putSites({ sites: [{ ...ROW, zone: 'DE', pue: 1.1 }] })
    expect(second.version).toBe(2)
    const versions = sitesListSchema.parse(await (await get('/sites/versions')).json()).versions
    expect(versions.map((v) => [v.version, v.rows])).toEqual([
      [2, 1],
      [1, 1],
    ])
    expect(storedSitesSchema.parse(await (await get('/sites?version=1')).json())).toEqual(first)
    const ask = async (query: string) =>
      totalsSchema.parse(await (await get(`/totals?${query}`)).json())
    const one = await ask('by=site&sites=stored@1')
    expect(one.sites_stored).toEqual({ version: 1, sha256: first.sha256 })
    const kwh = (t: typeof one, id: string) => t.total.totals[id]?.amount?.value ?? Number.NaN
    expect(kwh(one, 'energy')).toBeCloseTo(1.5 * kwh(one, 'energy_it'), 9)
    const newest = await ask('by=site&sites=stored')
    expect(newest.sites_stored?.version).toBe(2)
    expect(kwh(newest, 'energy')).toBeCloseTo(1.1 * kwh(newest, 'energy_it'), 9)
    // Not unasked: an answer must not change on the day that somebody stores a table.
    const without = await ask('by=site')
    expect([without.sites_stored, without.groups[0]?.key]).toEqual([undefined, { site: null }])
  })

  it.each([
    [{ sites: [] }, 'sites'],
    [{ sites: [{ ...ROW, zone: 'XX-YY' }] }, 'sites.0.zone No table has a zone "XX-YY"'],
    [{ sites: [ROW], more: 1 }, 'more is not known here'],
    [{ sites: [ROW, ROW] }, 'overlaps row 0'],
  ])('put as %j is refused in words', async (body, words) => {
    const answer = await send('PUT', '/sites', body)
    expect(answer.status).toBe(422)
    expect((await problem(answer)).detail).toContain(words)
  })

  it('is named as stored or stored@VERSION, and not beside a table in the body', async () => {
    for (const ref of ['store', 'stored@0', 'examples/sites.yaml']) {
      const said = await problem(await get(`/totals?sites=${encodeURIComponent(ref)}`))
      expect([said.status, said.code]).toEqual([400, 'invalid_query'])
    }
    expect((await problem(await get('/totals?sites=stored@9'))).detail).toContain(
      'has no version 9; its newest is 2',
    )
    const both = await problem(await send('POST', '/totals?sites=stored', { sites: [ROW] }))
    expect(both.detail).toContain('names the stored table beside the one in the body')
  })
})

describe('a statement of stored ones', () => {
  it('names their versions and hashes, and does not move when newer ones come', async () => {
    await put('fixed', AT_400)
    const { version } = await putSites({ sites: [{ ...ROW, pue: 1.3 }] })
    const answer = await send('POST', '/statements?by=site&scenario=fixed&sites=stored', {})
    const made = statementSchema.parse(await answer.json())
    const { query, totals, scenario, sites } = made.document
    expect(query).toEqual({ by: 'site', scenario: 'fixed@1', sites: `stored@${version}` })
    expect(totals.scenario_stored?.sha256).toBe(sha256(canonicalJson(scenario)))
    expect(totals.sites_stored?.sha256).toBe(sha256(canonicalJson(sites)))
    await put('fixed', { ...AT_400, pue: 3 })
    await putSites({ sites: [{ ...ROW, pue: 2 }] })
    const still = await get(`/statements/${made.statement_id}`)
    expect(statementSchema.parse(await still.json())).toEqual(made)
    const verified = await get(`/statements/${made.statement_id}/verification`)
    expect(verificationSchema.parse(await verified.json())).toMatchObject({
      document: 'intact',
      figures: 'same',
      differences: [],
    })
    const now = totalsSchema.parse(
      await (await get('/totals?by=site&scenario=fixed&sites=stored')).json(),
    )
    expect(now.total.lines).not.toEqual(totals.total.lines)
    const asked = totalsSchema.parse(
      await (await get(`/totals?${new URLSearchParams(query)}`)).json(),
    )
    expect(asked).toEqual(totals)
  })
})

describe('what is stored', () => {
  it('is never changed, deleted, replaced or skipped in the database', async () => {
    const { raw } = server.store
    const row = (version: number) =>
      `values ('scenario', 'lab', ${version}, '', '{}', '2026-01-01', 'me')`
    for (const sql of [
      "update document_version set document = '{}'",
      'delete from document_version',
      `insert or replace into document_version ${row(1)}`,
      `insert into document_version ${row(99)}`,
    ])
      expect(() => raw.exec(sql)).toThrow('versions are added one after the other')
    expect((await checkStore(server.store)).problems).toEqual([])
  })

  it('goes with a backup, and check finds what was damaged past the triggers', async () => {
    const path = join(server.dir, 'copy.db')
    server.store.raw.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(server.store.path, path)
    const copy = await openStore(path, { create: false })
    expect((await checkStore(copy)).problems).toEqual([])
    copy.raw.exec(`drop trigger document_version_no_update; drop trigger document_version_no_delete;
      update document_version set document = '{}' where name = 'lab' and version = 3;
      delete from document_version where name = 'lab' and version = 1`)
    expect((await checkStore(copy)).problems).toEqual([
      'scenario lab, version 2: the version before it is missing',
      'scenario lab, version 3: the document is not what its SHA-256 says',
    ])
    await copy.close()
  })

  it('of any name and body is a whole version more or nothing, and canonical JSON reads back as it was', async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(
        1,
        1.5,
        -0,
        1e-300,
        1e300,
        'aws',
        'h100-sxm',
        'EUR',
        '\u0000',
        '\ud800',
        '__proto__',
      ),
    )
    const body = fc.oneof(
      fc.jsonValue(),
      fc
        .record(
          {
            title: value,
            pue: value,
            host_share_w: value,
            embodied: value,
            hardware: value,
            currency: value,
            carbon_price_per_t: value,
            id: value,
            wue: value,
          },
          { requiredKeys: [] },
        )
        .map((said) => ({ scenario_version: 1, ...said })),
    )
    const name = fc.oneof(
      fc.constantFrom('lab', 'x', '..', '.', '%', '__proto__', 'a.json', 'constructor'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 130 }),
    )
    await fc.assert(
      fc.asyncProperty(name, body, async (raw, given) => {
        const before = await list()
        const answer = await put(Buffer.from(raw).toString(), given)
        expect([200, 201, 400, 404, 405, 422]).toContain(answer.status)
        const after = await list()
        expect(after.length).toBe(before.length + (answer.status === 201 ? 1 : 0))
        if (answer.status > 201) return
        const it = await stored(answer)
        expect(scenarioSchema.parse(it.scenario)).toEqual(it.scenario)
        expect(it.sha256).toBe(sha256(canonicalJson(it.scenario)))
        expect((await stored(await get(`/scenarios/${it.name}`))).scenario).toEqual(it.scenario)
      }),
      { numRuns: 150 },
    )
    expect(server.log).toEqual([])
    expect((await checkStore(server.store)).problems).toEqual([])
  })
})

it('needs a token to be put, where the server wants one, and keeps its name', async () => {
  const guarded = await served({ token: 'secret' })
  const at = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(guarded.api + path, { method: 'PUT', body: JSON.stringify(body), headers })
  const authorization = 'Bearer secret'
  for (const [path, body] of [
    ['/scenarios/lab', AT_400],
    ['/sites', { sites: [ROW] }],
  ] as const) {
    expect((await at(path, body)).status).toBe(401)
    const answer = await at(path, body, { authorization })
    expect([answer.status, ((await answer.json()) as { actor: string }).actor]).toEqual([
      201,
      'session',
    ])
  }
  await guarded.close()
})
