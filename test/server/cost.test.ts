import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runLedgerSchema } from '../../analysis/schema/cost.ts'
import { ROOT } from '../support/root.ts'
import { llemServer } from './program.ts'
import { RUN_ID, runText, sampleChunks } from './sample-run.ts'
import { problem, type Served, sendRun, served, tempDir } from './served.ts'

let server: Served
let dir: string
let db: string
beforeAll(async () => {
  server = await served()
  await sendRun(server.api, RUN_ID)
  dir = tempDir()
  db = join(dir, 'lab.db')
  const at = join(dir, 'run')
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), runText())
  for (const c of sampleChunks()) {
    mkdirSync(join(at, `streams/p0/${c.stream}`), { recursive: true })
    writeFileSync(join(at, `streams/p0/${c.stream}/${c.seq}.arrow`), c.bytes)
  }
  expect((await llemServer(['import', at, '--db', db])).code).toBe(0)
})
afterAll(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

const get = (query: string) => fetch(`${server.api}/runs/last/cost${query}`)
const ledger = async (query: string) => {
  const answer = await get(query)
  expect(answer.status, await answer.clone().text()).toBe(200)
  return runLedgerSchema.parse(await answer.json())
}
const cli = (...args: string[]) => llemServer(['cost', ...args, '--db', db], { cwd: dir })
const line = (l: Awaited<ReturnType<typeof ledger>>, id: string) => l.lines.find((x) => x.id === id)

describe('GET /runs/{run_id}/cost', () => {
  it('300 W over the 15 s of the window are 4.5 kJ; at PUE 1.2 in Germany in 2025 that many grams', async () => {
    const it = await ledger('?zone=DE&year=2025&pue=1.2')
    expect(line(it, 'energy_it')?.exact).toBe(4500 * 1e6)
    const co2 = line(it, 'co2_location')
    const g = co2?.factor?.value ?? 0
    expect(g).toBeGreaterThan(200)
    expect(co2?.amount?.value).toBeCloseTo((4500 / 3.6e6) * 1.2 * g, 8)
    expect(co2).toMatchObject({ year: 2025, reason: null, licence: 'ODbL-1.0' })
    expect(it.from).toBe('2026-01-31T11:00:05.623Z')
    expect(it.attribution).toEqual(['Electricity Maps (ODbL), @tgwf/co2 0.19.0'])
    expect(it.totals['carbon_location']?.exact).toBe(co2?.exact)
    expect(it.per_unit['carbon_location_per_request']?.amount?.value).toBeCloseTo(
      (co2?.amount?.value ?? 0) / 8,
      9,
    )
  })

  it('a zone that nobody knows is null and why, never another place', async () => {
    const it = await ledger('?zone=QQ&pue=1.2')
    expect(line(it, 'co2_location')).toMatchObject({ amount: null, reason: 'no_zone' })
    expect(it.warnings).toContain('no_zone')
  })

  it('all that was recorded is more than the window', async () => {
    const all = await ledger('?zone=DE&span=recorded')
    expect(Number(line(all, 'energy_it')?.exact)).toBeGreaterThan(6.5e9)
  })

  it('at another hour it says so', async () => {
    const it = await ledger('?price_per_kwh=0.3&hour=2026-07-14T02:00:00Z')
    expect(it.from).toBe('2026-07-14T02:00:00Z')
    expect(it.notes.join(' ')).toContain('Counterfactual')
    expect((await ledger('?zone=DE&hour=3')).from).toBe('2026-01-31T03:00:00Z')
  })

  it('rows by name: rent, embodied, PUE', async () => {
    const it = await ledger('?zone=WORLD&pue=google&hardware=h100-2026-07&embodied=h100-sxm')
    expect(line(it, 'hw_rent')?.amount?.value).toBeCloseTo((1.475 * 15) / 3600, 8)
    expect(line(it, 'electricity_energy')?.reason).toBe('included_in_rent')
    expect(line(it, 'co2_location')?.source).toMatch(/^Ember \(CC BY-SA 4.0\)/)
    expect(it.sci.amount).not.toBeNull()
  })

  it('gives its charts as Vega-Lite', async () => {
    const specs = (await (
      await get('?zone=DE&pue=1.2&price_per_kwh=0.3&format=vega')
    ).json()) as object
    expect(Object.keys(specs)).toEqual(['money', 'carbon', 'sensitivity'])
  })

  it.each([
    ['?zone=DE&pue=0.5', 400, /pue .*must not be below 1/],
    ['?zone=DE&pue=goggle', 400, /pue is "goggle"; the rows there are: .*google/],
    ['?zone=DE&cloud_region=aws:eu-central-1', 400, /cloud_region is given beside zone/],
    ['?cloud_region=frankfurt', 400, /aws:eu-central-1/],
    ['?year=2025', 400, /year needs zone or cloud_region/],
    ['?zone=DE&currency=XYZ', 400, /ISO 4217/],
    ['?zone=DE&hour=tomorrow', 400, /hour is "tomorrow"; it must be an hour of the day, 0 to 23/],
    ['?g_per_kwh=', 400, /g_per_kwh is ""; it must be a number above 0/],
    ['?zone=DE&year=', 400, /year is ""; it must be a whole number from 1990 to 2100/],
    ['?zone=DE&price_per_kwh=', 400, /price_per_kwh is ""; it must be a number/],
    ['?zone=DE&host_share_w=-1', 400, /host_share_w is "-1"; it must be a number from 0 up/],
    ['?series=gb:GB', 400, /No factor of gb:GB is kept/],
    ['?zone=DE&series=gb:GB', 400, /series is given beside zone/],
    ['?zonne=DE', 400, /zonne/],
    ['?zone=DE&hardware=h900', 400, /h100-2026-07/],
  ])('%s is refused in words', async (query, status, words) => {
    const said = await problem(await get(query))
    expect(said.status).toBe(status)
    expect(said.detail).toMatch(words)
    expect(server.log).toEqual([])
  })

  it('takes a whole scenario as its body', async () => {
    const post = (body: object, query = '') =>
      fetch(`${server.api}/runs/last/cost${query}`, { method: 'POST', body: JSON.stringify(body) })
    const answer = await post(
      {
        scenario_version: 1,
        id: 'mine',
        pue: 1.1,
        currency: 'EUR',
        tariff: {
          tz: 'UTC',
          currency: 'EUR',
          default_rate: 0.3,
          as_of: '2026-01-01',
          source: 'me',
        },
      },
      '?zone=FR',
    )
    expect(answer.status).toBe(200)
    const it = runLedgerSchema.parse(await answer.json())
    expect(it.scenario_id).toBe('mine')
    expect(line(it, 'electricity_energy')?.amount?.value).toBeCloseTo(0.00125 * 1.1 * 0.3, 9)
    expect(line(it, 'co2_location')?.amount).not.toBeNull()
    const bad = await problem(
      await post({ scenario_version: 2, id: 'x', tariff: { currency: 'EUR' } }),
    )
    expect(bad.status).toBe(422)
    expect(bad.errors?.map((e) => e.path)).toEqual(
      expect.arrayContaining(['scenario_version', 'tariff.tz']),
    )
  })
})

describe('GET /reports/{run_id}', () => {
  const report = async (query: string) => {
    const answer = await fetch(`${server.api}/reports/last${query}`)
    return { status: answer.status, text: await answer.text() }
  }

  it('has a section of carbon and money where a place is given, with whose data it is', async () => {
    const { status, text } = await report('?zone=DE&pue=1.2&price_per_kwh=0.3')
    expect(status).toBe(200)
    expect(text).toContain('<h2 id="cost">')
    expect(text).toContain('<a href="#cost">')
    expect(text).toContain('Electricity Maps (ODbL)')
    expect(text).toContain('id="chart-carbon"')
    expect(text).not.toContain('NaN')
  })

  it('has none where none is given, and refuses a bad one in words', async () => {
    expect((await report('')).text).not.toContain('id="cost"')
    expect((await report('?zone=DE&pue=0.1')).status).toBe(400)
  })
})

describe('llem-server cost', () => {
  it('prints the same ledger as the API', async () => {
    const { code, stdout } = await cli(
      'last',
      '--zone',
      'DE',
      '--year',
      '2025',
      '--pue',
      '1.2',
      '--json',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(await (await get('?zone=DE&year=2025&pue=1.2')).json())
  })

  it('every example scenario costs a run', async () => {
    const paths = ['berlin', 'cloud-us-west'].map((n) => join(ROOT, `examples/scenarios/${n}.yaml`))
    const { code, stdout, stderr } = await cli(
      'last',
      ...paths.flatMap((p) => ['--scenario', p]),
      '--json',
    )
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const { ledgers, steps } = JSON.parse(stdout)
    expect(ledgers.map((l: { scenario_id: string }) => l.scenario_id)).toEqual([
      'berlin',
      'cloud-us-west',
    ])
    for (const l of ledgers) expect(l.totals.money.amount).not.toBeNull()
    const sum = steps[0].steps.reduce((n: number, s: { money: number }) => n + s.money, 0)
    expect(sum).toBeCloseTo(
      ledgers[1].totals.money.amount.value - ledgers[0].totals.money.amount.value,
      12,
    )
  })

  it('finds the best hours of a series', async () => {
    const path = join(ROOT, 'examples/scenarios/hourly.yaml')
    const { code, stdout } = await cli('last', '--scenario', path, '--best-hours', '--json')
    expect(code).toBe(0)
    const hours = JSON.parse(stdout)
    expect(hours.starts).toHaveLength(72)
    // 88 g/kWh less 4 % at 13:00 on the first day; -30 EUR/MWh more 4 % on the last.
    expect(hours.cleanest.from).toBe('2026-07-13T13:00:00Z')
    expect(hours.cleanest.carbon_g).toBeCloseTo(0.0015 * 84.5, 6)
    expect(hours.cheapest.from).toBe('2026-07-15T13:00:00Z')
    expect(hours.cheapest.money).toBeCloseTo(0.0015 * (-0.0312 + 0.12), 6)
    expect(hours.as_run.carbon_g).toBeNull()
  })

  const file = (name: string, text: string) => {
    const path = join(dir, name)
    writeFileSync(path, text)
    return path
  }
  const head = 'scenario_version: 1\nid: x\n'

  it('takes a rate of the Utility Rate Database from a file beside the scenario, and says what it leaves out', async () => {
    const always = (period: number) => Array.from({ length: 12 }, () => Array(24).fill(period))
    file(
      'rate.json',
      JSON.stringify({
        name: 'flat',
        startdate: 1735689600,
        energyratestructure: [[{ rate: 0.09, adj: 0.01 }, { rate: 0.5 }]],
        energyweekdayschedule: always(0),
        energyweekendschedule: always(0),
      }),
    )
    const path = file(
      'urdb.yaml',
      `${head}pue: 1\ntariff: { urdb_file: rate.json, tz: America/New_York }\n`,
    )
    const { code, stdout, stderr } = await cli('last', '--scenario', path, '--json')
    expect(code).toBe(0)
    expect(stderr).toContain('tiers')
    const it = runLedgerSchema.parse(JSON.parse(stdout))
    expect(line(it, 'electricity_energy')?.amount?.value).toBeCloseTo(0.00125 * 0.1, 9)
    const bad = file('bad.yaml', `${head}tariff: { urdb_file: rate.json }\n`)
    expect((await cli('last', '--scenario', bad)).stderr).toMatch(
      /tariff.tz is missing: the hours of the rate are local/,
    )
  })

  it.each([
    ['none', [], /No scenario is given/],
    ['no-file', ['--scenario', 'nowhere.yaml'], /nowhere.yaml: can't be read \(ENOENT\)/],
    [
      'no-hours',
      ['--zone', 'DE', '--best-hours'],
      /There are no best hours: .*all hours are alike.*factors fetch .*--series gb:GB/,
    ],
    [
      'no-series',
      ['--best-hours'],
      /No scenario is given, so no hour is better.*factors fetch .*--series gb:GB.*hourly.yaml/,
    ],
    ['no-factors', ['--series', 'gb:GB', '--best-hours'], /No factor of gb:GB is kept/],
    ['typo', ['--zone', 'DE', '--span', 'all'], /--span/],
  ])('%s is refused in words', async (_, args, words) => {
    const { code, stdout, stderr } = await cli('last', ...args)
    expect(code === 1 || code === 2).toBe(true)
    expect(stdout).toBe('')
    expect(stderr).toMatch(words)
  })

  it.each([
    [
      'tz.yaml',
      `${head}tariff: { currency: EUR, default_rate: 1, as_of: 2026-01-01, source: s }\n`,
      /tz.yaml: tariff.tz is missing/,
    ],
    ['yaml.yaml', 'a: [', /yaml.yaml: is neither YAML nor JSON/],
    ['list.yaml', '- 1\n', /list.yaml: must be a mapping/],
    ['version.yaml', 'id: x\nscenario_version: 7\n', /scenario_version is 7; it must be 1/],
    ['spelt.yaml', `${head}puee: 1\n`, /puee is not known here/],
    [
      'gap.yaml',
      `${head}intensity: { series: { source: s, rows: [{ from: 2026-07-14T01:00:00Z, to: 2026-07-14T02:00:00Z, g_per_kwh: 1 }] }, gap: annual }\n`,
      /intensity.zone must name a zone where gap is annual|zone/,
    ],
    [
      'rows.yaml',
      `${head}intensity: { series: { source: s, rows_file: rows.csv } }\n`,
      /rows.csv: line 3: has 2 fields, the header 3/,
    ],
  ])('%s is refused with its place', async (name, text, words) => {
    file(
      'rows.csv',
      'from,to,g_per_kwh\n2026-07-14T01:00Z,2026-07-14T02:00Z,5\n2026-07-14T02:00Z,5\n',
    )
    const { code, stderr } = await cli('last', '--scenario', file(name, text))
    expect(stderr).toMatch(words)
    expect(code).toBe(2)
  })
})
