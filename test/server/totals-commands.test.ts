import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../analysis/schema/json.ts'
import { statementSchema, verificationSchema } from '../../analysis/schema/statement.ts'
import { totalsSchema } from '../../analysis/schema/totals.ts'
import { type HttpDouble, httpDouble } from '../support/http-double.ts'
import { llemServer } from './program.ts'
import { RUN_ID } from './sample-run.ts'
import { type Served, sendRun, served } from './served.ts'

let server: Served
let double: HttpDouble
let db: string
beforeAll(async () => {
  server = await served()
  db = join(server.dir, 'llem.db')
  await sendRun(server.api, RUN_ID)
  double = await httpDouble(() => 500)
})
afterAll(async () => {
  await double.close()
  await server.close()
})

const run = (...args: string[]) =>
  llemServer([...args, '--db', db], { cwd: server.dir, env: { LLEM_GB_URL: double.url } })
const file = (name: string, text: string): string => {
  writeFileSync(join(server.dir, name), text)
  return name
}

describe('llem-server totals', () => {
  it('prints the same JSON as the API', async () => {
    const { code, stdout, stderr } = await run(
      'totals',
      '--by',
      'month,model',
      '--zone',
      'DE',
      '--json',
    )
    expect(code, stderr).toBe(0)
    const answer = await fetch(`${server.api}/totals?by=month,model&zone=DE`)
    expect(totalsSchema.parse(parseJson(stdout))).toEqual(await answer.json())
  })

  it('takes a scenario and a table of sites, and says what is not covered', async () => {
    file('s.yaml', 'scenario_version: 1\nid: lab\ncurrency: EUR\n')
    file(
      'sites.yaml',
      'sites:\n  - { site: berlin, hosts: [node-*], from: 2026-01-01, zone: DE, tariff: 0.3, currency: EUR }\n',
    )
    const { code, stdout, stderr } = await run(
      ...['totals', '--by', 'site,host', '--scenario', 's.yaml', '--sites', 'sites.yaml'],
    )
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/SITE +HOST +RUNS +energy_it \(kWh\)/)
    expect(stdout).toContain('money (EUR)')
    expect(stdout).toMatch(/energy: not of [\d.]+ kWh: PUE is not known/)
    expect(stdout).toContain('Data: Electricity Maps (ODbL).')
    expect(stdout).not.toContain('Without a site')
  })

  it('names hosts that no row of the table of sites fits, with runs and kWh', async () => {
    file('typo.yaml', 'sites: [{ site: berlin, hosts: [nod-*], from: 2026-01-01, zone: DE }]\n')
    const { code, stdout } = await run('totals', '--sites', 'typo.yaml')
    expect(code).toBe(0)
    expect(stdout).toMatch(/Without a site: Host node-1: 1 run, [\d.e-]+ kWh\. No row/)
    const { without_site } = totalsSchema.parse(
      parseJson((await run('totals', '--sites', 'typo.yaml', '--json')).stdout),
    )
    expect(without_site).toMatchObject([{ host: 'node-1', site: null, runs: 1 }])
  })

  it.each([
    [['--by', 'moon'], /--by is "moon"; it must be of month/],
    [['--sites', 'nowhere.yaml'], /file of sites .*nowhere.yaml can't be read \(ENOENT\)/],
    [['--sites', 'bad.yaml'], /bad.yaml.*neither YAML nor JSON/],
    [['--sites', 'zone.yaml'], /zone.yaml: sites.0.zone No table has a zone "DEX"/],
    [['--scenario', 'nowhere.yaml'], /nowhere.yaml/],
    [['--series', 'gb:GB'], /llem-server factors fetch --provider gb/],
    [['--moon', '1'], /--moon is not known here/],
  ])('refuses %j with exit 2', async (args, words) => {
    file('bad.yaml', '{ sites: [')
    file('zone.yaml', 'sites: [{ site: a, from: 2026-01-01, zone: DEX }]')
    const { code, stdout, stderr } = await run('totals', ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(words)
  })
})

describe('llem-server statement', () => {
  it('is made, listed, shown and verified, and says when a run is gone', async () => {
    const made = await run('statement', 'create', '--by', 'model', '--title', 'first', '--json')
    expect(made.code, made.stderr).toBe(0)
    const { statement_id } = statementSchema.parse(parseJson(made.stdout))
    expect((await run('statement', 'list')).stdout).toContain(statement_id)
    const shown = await run('statement', 'show', statement_id.slice(0, 8))
    expect(shown.stdout).toContain(`Statement ${statement_id}: first`)
    const good = await run('statement', 'verify', statement_id)
    expect(good.code, good.stderr).toBe(0)
    expect(good.stdout).toContain('Runs: 1 as they were.')
    expect(good.stdout).toContain('the same question has the same answer')
    server.store.raw.exec(`delete from run where run_id = '${RUN_ID}'`)
    const gone = await run('statement', 'verify', statement_id, '--json')
    expect(gone.code).toBe(1)
    expect(verificationSchema.parse(parseJson(gone.stdout)).runs.missing).toEqual([RUN_ID])
    expect(gone.stderr).toMatch(/no longer there as it was/)
    expect((await run('statement', 'show', '00000000')).code).toBe(2)
    await sendRun(server.api, RUN_ID)
  })
})

describe('llem-server factors', () => {
  const fetchDay = (...more: string[]) =>
    run(
      'factors',
      'fetch',
      '--provider',
      'gb',
      '--from',
      '2026-01-31',
      '--to',
      '2026-02-01',
      ...more,
    )

  it('fetches, keeps, does not ask twice, and totals use it', async () => {
    double.answer((path) => {
      const from = Date.parse((path.split('/')[2] ?? '').replace('Z', ':00Z'))
      const minute = (k: number) => `${new Date(from + k * 1_800_000).toISOString().slice(0, 16)}Z`
      return {
        data: Array.from({ length: 48 }, (_, k) => ({
          from: minute(k),
          to: minute(k + 1),
          intensity: { forecast: 1, actual: 200, index: 'moderate' },
        })),
      }
    })
    const first = await fetchDay('--json')
    expect(first.code, first.stderr).toBe(0)
    expect(JSON.parse(first.stdout)).toEqual({
      provider: 'gb',
      zone: 'GB',
      rows: 48,
      asked: true,
      missing_hours: 0,
    })
    const asked = double.asked.length
    expect((await fetchDay()).stdout).toContain('are there already')
    expect(double.asked.length).toBe(asked)
    const list = await run('factors', 'list')
    expect(list.stdout).toMatch(/gb:GB +average +2026-01-31T00:00:00Z +2026-02-01T00:00:00Z +24/)
    expect(list.stdout).toMatch(/entsoe +average +set LLEM_ENTSOE_TOKEN/)
    const { stdout } = await run(
      'totals',
      '--by',
      'month',
      '--series',
      'gb:GB',
      '--pue',
      '1',
      '--json',
    )
    const { total, attribution } = totalsSchema.parse(parseJson(stdout))
    const it_kwh = total.totals['energy_it']?.amount?.value ?? 0
    expect(total.totals['carbon_location']?.amount?.value).toBeCloseTo(200 * it_kwh, 6)
    expect(attribution).toEqual([
      'National Energy System Operator, Carbon Intensity API (CC BY 4.0)',
    ])
    const hours = await run(
      ...['cost', 'last', '--series', 'gb:GB', '--pue', '1', '--best-hours', '--json'],
    )
    expect(hours.code, hours.stderr).toBe(0)
    const { starts, cleanest } = JSON.parse(hours.stdout)
    // The run takes seconds: it fits into the day from each of its 24 hours on, all alike, so the first is the best.
    expect(starts).toHaveLength(24)
    expect(cleanest.from).toBe('2026-01-31T00:00:00Z')
    const shown = await run('factors', 'show', 'gb:GB')
    expect(JSON.parse(shown.stdout).intensity.series.rows).toHaveLength(48)
    const two = await run(
      'factors',
      'show',
      'gb:GB',
      '--from',
      '2026-01-31T10:00:00Z',
      '--to',
      '2026-01-31T11:00:00Z',
    )
    expect(JSON.parse(two.stdout).intensity.series.rows).toHaveLength(2)
  })

  it('says in one sentence why there are none', async () => {
    double.answer(() => 429)
    const again = await fetchDay('--again')
    expect([again.code, again.stdout]).toEqual([1, ''])
    expect(again.stderr).toMatch(/asked too often.*\(rate_limited\)/)
  })

  it.each([
    [
      ['--provider', 'moon', '--from', '2026-01-01', '--to', '2026-01-02'],
      /There is no provider "moon"; there are/,
    ],
    [
      ['--provider', 'gb', '--from', 'today', '--to', '2026-01-02'],
      /--from is "today"; it must be a day/,
    ],
    [['--provider', 'gb', '--from', '2026-01-02', '--to', '2026-01-02'], /not after --from/],
    [['--provider', 'eia', '--from', '2026-01-01', '--to', '2026-01-02'], /--zone must be given/],
    [
      ['--provider', 'eia', '--zone', 'CISO', '--from', '2026-01-01', '--to', '2026-01-02'],
      /set LLEM_EIA_KEY/,
    ],
  ])('refuses %j with exit 2', async (args, words) => {
    const { code, stderr } = await run('factors', 'fetch', ...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(words)
  })
})
