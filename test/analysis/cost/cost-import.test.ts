import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cost } from '../../../analysis/cost/cost.ts'
import { bestHours } from '../../../analysis/cost/cost-hours.ts'
import { startedAt } from '../../../analysis/cost/cost-shift.ts'
import { costSteps } from '../../../analysis/cost/cost-steps.ts'
import { seriesRows } from '../../../analysis/cost/intensity-import.ts'
import { withPresets } from '../../../analysis/cost/scenario-presets.ts'
import { energyPrice } from '../../../analysis/cost/tariff.ts'
import { tariffFromUrdb } from '../../../analysis/cost/tariff-urdb.ts'
import { zoneClock } from '../../../analysis/cost/time-zone.ts'
import { EMBODIED, PUE, RENTS, TARIFFS } from '../../../analysis/factors/presets.ts'
import { costSpecs } from '../../../analysis/report/cost.ts'
import { hoursSpec } from '../../../analysis/report/hours.ts'
import { sensitivitySpec } from '../../../analysis/report/sensitivity.ts'
import { instantMs } from '../../../analysis/schema/instant.ts'
import { scenarioSchema } from '../../../analysis/schema/scenario.ts'
import { drawSvg } from '../../../server/web/svg.ts'
import { factor, scenarioOf, timelineOf } from './cost-support.ts'

/** Summer (May to October) afternoons 12 to 18 on weekdays dear, the rest cheap. */
const month = (m: number, weekday: boolean) =>
  Array.from({ length: 24 }, (_, h) => (weekday && m >= 4 && m <= 9 && h >= 12 && h < 18 ? 1 : 0))
const urdb = {
  name: 'TOU-8',
  utility: 'Example Edison',
  uri: 'https://example.org/rate',
  sector: 'Industrial',
  startdate: 1735689600, // 2025-01-01
  energyratestructure: [[{ rate: 0.1, adj: 0.01, unit: 'kWh' }], [{ rate: 0.3, unit: 'kWh' }]],
  energyweekdayschedule: Array.from({ length: 12 }, (_, m) => month(m, true)),
  energyweekendschedule: Array.from({ length: 12 }, (_, m) => month(m, false)),
  flatdemandstructure: [[{ rate: 10 }], [{ rate: 15, adj: 1 }]],
  flatdemandmonths: [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0],
  fixedchargefirstmeter: 300,
  fixedchargeunits: '$/month',
}
const LA = 'America/Los_Angeles'

describe('a rate of the Utility Rate Database', () => {
  it('becomes periods by month, weekday and local hour, rate and adj together', () => {
    const { tariff, notes } = tariffFromUrdb(urdb, { tz: LA })
    expect(tariff).toMatchObject({
      currency: 'USD',
      sector: 'industrial',
      default_rate: null,
      fixed_per_month: 300,
      as_of: '2025-01-01',
    })
    const price = (from: string, to: string) => {
      const [from_ms, to_ms] = [instantMs(from), instantMs(to)]
      return energyPrice([{ from_ms, to_ms, kwh: 10 }], tariff, zoneClock(LA))?.money
    }
    // Tuesday 14 July, 12:00 to 13:00 in Los Angeles: 19:00 UTC.
    expect(price('2026-07-14T19:00:00Z', '2026-07-14T20:00:00Z')).toBeCloseTo(3, 9)
    // Half an hour before noon and half after.
    expect(price('2026-07-14T18:30:00Z', '2026-07-14T19:30:00Z')).toBeCloseTo(0.55 + 1.5, 9)
    // Saturday, and January.
    expect(price('2026-07-18T19:00:00Z', '2026-07-18T20:00:00Z')).toBeCloseTo(1.1, 9)
    expect(price('2026-01-13T21:00:00Z', '2026-01-13T22:00:00Z')).toBeCloseTo(1.1, 9)
    expect(notes).toEqual(['Its flat charge for demand was not taken: allocate is none.'])
  })

  it('with its demand by month where that is asked for', () => {
    const { tariff } = tariffFromUrdb(urdb, { tz: LA, allocate: 'time_share' })
    expect(tariff.demand?.rate_per_kw_month).toEqual([
      10, 10, 10, 10, 16, 16, 16, 16, 16, 16, 10, 10,
    ])
    const ledger = cost(
      timelineOf([['2026-07-14T00:00:00Z', '2026-07-14T12:00:00Z', 60]]),
      scenarioOf({ pue: 1, tariff }),
    )
    // 5 kW x 16 $ x 12 of 744 h
    expect(ledger.lines.find((l) => l.id === 'electricity_demand')?.amount?.value).toBeCloseTo(
      (5 * 16 * 12) / 744,
      6,
    )
  })

  it('says what it can not hold', () => {
    const tiers = {
      ...urdb,
      energyratestructure: [[{ rate: 0.1, max: 500 }, { rate: 0.2 }], [{ rate: 0.3 }]],
    }
    const more = { ...tiers, demandratestructure: [[{ rate: 3 }]], fixedchargeunits: '$/year' }
    expect(tariffFromUrdb({ items: [more, more] }, { tz: LA }).notes).toEqual([
      'Of 2 rates in the file the first was taken.',
      expect.stringContaining('tiers'),
      expect.stringContaining('by the time of day'),
      expect.stringContaining('allocate is none'),
      'Its fixed charge in $/year was not taken.',
    ])
  })

  it.each([
    [{ ...urdb, energyratestructure: [] }, /energyratestructure/],
    [{ ...urdb, energyweekdayschedule: [[0]] }, /energyweekdayschedule/],
    [
      { ...urdb, energyratestructure: [[{ rate: 1 }]] },
      /energyweekdayschedule.4.12 is period 1, and energyratestructure has 1/,
    ],
    [{ ...urdb, startdate: null }, /as_of/],
    [[], /can't be read/],
  ])('that is broken is refused with its place', (json, words) => {
    expect(() => tariffFromUrdb(json, { tz: LA })).toThrow(words)
  })

  it("gives Zeus's own figure under Zeus's rules: UTC hours, no adj", () => {
    // Zeus: J / 3.6e6 * energyratestructure[schedule[month - 1][hour]][0].rate, its clock in UTC.
    const joules = 7.2e6
    const [m, hour] = [7, 13]
    const zeus =
      (joules / 3.6e6) *
      (urdb.energyratestructure[urdb.energyweekdayschedule[m - 1]?.[hour] ?? 0]?.[0]?.rate ?? 0)
    expect(zeus).toBeCloseTo(0.6, 12)
    const plain = {
      ...urdb,
      energyratestructure: urdb.energyratestructure.map((t) => t.map(({ rate }) => ({ rate }))),
    }
    const money = (tz: string) =>
      cost(
        timelineOf([['2026-07-14T13:00:00Z', '2026-07-14T14:00:00Z', joules / 3.6e6]]),
        scenarioOf({ pue: 1, tariff: tariffFromUrdb(plain, { tz }).tariff }),
      ).lines.find((l) => l.id === 'electricity_energy')?.amount?.value
    expect(money('UTC')).toBeCloseTo(zeus, 12)
    // 06:00 in Los Angeles is no afternoon.
    expect(money(LA)).toBeCloseTo(0.2, 12)
  })
})

describe("CodeCarbon's arithmetic", () => {
  it('kWh by 2.77778e-7 a joule, PUE in the energy, g at the end: equal to a part in a million', () => {
    const [joules, pue, g, wue] = [5.4e6, 1.15, 29, 0.5]
    const energy_consumed = joules * 2.77778e-7 * pue
    const emissions_kg = (energy_consumed * g) / 1000
    const ledger = cost(
      timelineOf([['2026-07-14T09:00:00Z', '2026-07-14T10:00:00Z', joules / 3.6e6]]),
      scenarioOf({ pue, intensity: factor(g), wue: { site_l_per_it_kwh: wue } }),
    )
    const at = (id: string) => ledger.lines.find((l) => l.id === id)?.amount?.value ?? Number.NaN
    expect(
      Math.abs((ledger.totals['energy']?.amount?.value ?? 0) / energy_consumed - 1),
    ).toBeLessThan(1e-6)
    expect(Math.abs(at('co2_location') / 1000 / emissions_kg - 1)).toBeLessThan(1e-6)
    // Its water is site WUE x energy after PUE: too high by the PUE.
    expect((wue * energy_consumed) / at('water_site')).toBeCloseTo(pue, 5)
  })
})

describe('rows by name', () => {
  const parsed = (raw: object) =>
    scenarioSchema.safeParse(withPresets({ scenario_version: 1, id: 'x', ...raw }))

  it('are all rows that the schema takes, dated and sourced', () => {
    for (const pue of Object.keys(PUE)) expect(parsed({ pue }).success, pue).toBe(true)
    for (const embodied of Object.keys(EMBODIED))
      expect(parsed({ embodied }).success, embodied).toBe(true)
    for (const hardware of Object.keys(RENTS))
      expect(parsed({ hardware }).success, hardware).toBe(true)
    for (const tariff of Object.keys(TARIFFS)) expect(parsed({ tariff }).success, tariff).toBe(true)
    for (const row of [PUE, EMBODIED, RENTS, TARIFFS].flatMap(
      (r) => Object.values(r) as { as_of: string; source: string }[],
    ))
      expect(row.as_of).toMatch(/^\d{4}-\d\d-\d\d$/)
  })

  it('an H100 is between its GPU alone and an eighth of its host', () => {
    expect(parsed({ embodied: 'h100-sxm' }).data?.embodied?.kg_per_gpu).toEqual({
      low: 164,
      value: 520.25,
      high: 876.5,
    })
  })

  it('water by name and number', () => {
    const { data } = parsed({ wue: { site_l_per_it_kwh: 'aws', grid_l_per_kwh: 2 } })
    expect(data?.wue).toMatchObject({
      site_l_per_it_kwh: { value: 0.13 },
      grid_l_per_kwh: { value: 2 },
    })
  })

  it.each([
    ['pue', 'gogle'],
    ['hardware', 'constructor'],
    ['tariff', 'jp'],
    ['embodied', ''],
  ])('%s: %s is refused with the rows there are', (key, name) => {
    expect(() => withPresets({ [key]: name })).toThrow(
      new RegExp(`${key} is "${name}"; the rows there are`),
    )
  })
})

describe('an imported series', () => {
  it('is read from CSV in any order of columns, quoted or not, holes as null', () => {
    expect(
      seriesRows('\uFEFFg_per_kwh,"from",to,zone\r\n12.5,a,b,DE\r\n,b,c,DE\r\n', 'g_per_kwh'),
    ).toEqual([
      { from: 'a', to: 'b', value: 12.5 },
      { from: 'b', to: 'c', value: null },
    ])
  })

  it('is read from JSON', () => {
    expect(
      seriesRows(
        '[{"from":"a","to":"b","per_mwh":-3},{"from":"b","to":"c","per_mwh":null}]',
        'per_mwh',
      ),
    ).toEqual([
      { from: 'a', to: 'b', value: -3 },
      { from: 'b', to: 'c', value: null },
    ])
  })

  it.each([
    ['from,to\n', /line 1: has no column g_per_kwh/],
    ['from,to,g_per_kwh\na,b\n', /line 2: has 2 fields, the header 3/],
    ['from,to,g_per_kwh\na,b,x\n', /line 2: g_per_kwh is "x", not a number/],
    ['[{"from":1}]', /row 1: needs from and to/],
    ['[{"from":"a","to":"b"}]', /row 1: g_per_kwh must be a number, or null/],
    ['[', /is not JSON/],
    ['', /line 1/],
  ])('%j is refused in words', (text, words) => {
    expect(() => seriesRows(text, 'g_per_kwh')).toThrow(words)
  })
})

const day = (h: number) => `2026-07-14T${String(h).padStart(2, '0')}:00:00Z`
const rows = (values: readonly (number | null)[]) =>
  values.map((g_per_kwh, h) => ({ from: day(h), to: day(h + 1), g_per_kwh }))

describe('the best hours', () => {
  const series = (values: readonly (number | null)[]) => ({
    series: { source: 's', rows: rows(values) },
  })
  const run = timelineOf([
    [day(1), day(2), 3],
    [day(2), day(3), 1],
  ])

  it('are where the whole run fits and no hour is missing', () => {
    const hours = bestHours(
      run,
      scenarioOf({ pue: 1, intensity: series([500, 400, 100, 300, null, 10]) }),
    )
    if ('why' in hours) throw new Error(hours.why)
    expect(hours.starts.map((s) => s.carbon_g)).toEqual([1900, 1300, 600, null, null])
    expect(hours.cleanest).toMatchObject({ from: day(2), carbon_g: 600 })
    expect(hours.as_run).toMatchObject({ from: day(1), carbon_g: 1300 })
    expect(hours.cheapest).toBeNull()
  })

  it('equal the ledger of the run put there', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 4, maxLength: 12 }),
        (values) => {
          const scenario = scenarioOf({ pue: 1.3, intensity: series(values) })
          const hours = bestHours(run, scenario)
          if ('why' in hours) throw new Error(hours.why)
          for (const { from, carbon_g } of hours.starts) {
            const there = startedAt(run, instantMs(from))
            if (there === null) throw new Error(from)
            const total = cost(there, scenario).totals['carbon_location']
            expect(carbon_g).toBeCloseTo(total?.amount?.value ?? Number.NaN, 6)
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  it('of a tariff by the hour are those of a week; of a flat one there are none', () => {
    const tariff = {
      tz: 'UTC',
      currency: 'USD',
      default_rate: 0.3,
      periods: [{ from: '03:00', to: '05:00', rate: 0.1 }],
      as_of: '2026-01-01',
      source: 's',
    }
    const hours = bestHours(run, scenarioOf({ pue: 1, tariff }))
    if ('why' in hours) throw new Error(hours.why)
    expect(hours.starts).toHaveLength(168)
    expect(hours.cheapest).toMatchObject({ from: day(3) })
    expect(hours.cheapest?.money).toBeCloseTo(0.4, 12)
    expect(
      bestHours(run, scenarioOf({ pue: 1, tariff: { ...tariff, periods: [] } })),
    ).toHaveProperty('why')
    expect(bestHours(timelineOf([[null, null, 1]]), scenarioOf({ pue: 1, tariff }))).toMatchObject({
      why: expect.stringContaining('wall time'),
    })
  })
})

describe('from one scenario to another', () => {
  const a = scenarioOf({
    pue: 1.5,
    intensity: factor(400),
    tariff: { tz: 'UTC', currency: 'USD', default_rate: 0.2, as_of: '2026-01-01', source: 's' },
  })
  const b = scenarioOf({
    pue: 1.1,
    intensity: factor(50),
    tariff: { tz: 'UTC', currency: 'USD', default_rate: 0.4, as_of: '2026-01-01', source: 's' },
    hardware: {
      kind: 'rent',
      per_gpu_hour: 2,
      includes_electricity: false,
      as_of: '2026-01-01',
      source: 's',
    },
  })
  const run = timelineOf([[day(1), day(2), 10]])

  it('PUE, intensity, price, hardware, worked by hand', () => {
    expect(costSteps(run, a, b)).toEqual([
      { step: 'pue', carbon_location_g: -1600, money: -0.8 },
      { step: 'intensity', carbon_location_g: -3850, money: 0 },
      { step: 'price', carbon_location_g: 0, money: 2.2 },
      { step: 'hardware', carbon_location_g: 0, money: 2 },
    ])
  })

  it('the steps add up to the difference', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 3, noNaN: true }),
        fc.double({ min: 1, max: 900, noNaN: true }),
        (pue, g) => {
          const to = {
            ...b,
            pue: { low: pue, value: pue, high: pue },
            intensity: scenarioOf({ intensity: factor(g) }).intensity,
          }
          const steps = costSteps(run, a, to)
          const exact = (s: typeof a) => Number(cost(run, s).totals['carbon_location']?.exact) / 1e9
          expect(steps.reduce((n, s) => n + (s.carbon_location_g ?? Number.NaN), 0)).toBeCloseTo(
            exact(to) - exact(a),
            6,
          )
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('numbers at the edge of what a scenario takes', () => {
  const most = (max: number) =>
    fc.oneof(fc.constant(max), fc.constant(0), fc.double({ min: 0, max, noNaN: true }))
  it('never make a ledger fail or hold what is not a number', () => {
    fc.assert(
      fc.property(most(1e12), most(1e5), most(1e6), most(9e15), (q, g, price, uj) => {
        const s = scenarioOf({
          pue: 10,
          intensity: factor(Math.max(g, 1e-9)),
          wue: { site_l_per_it_kwh: q, grid_l_per_kwh: { low: 0, value: q / 2, high: q } },
          host_share_w: q,
          tariff: {
            tz: 'UTC',
            currency: 'USD',
            default_rate: -price,
            fixed_per_month: 1e9,
            tax_level: 'ex_tax',
            tax_frac: 5,
            as_of: '2026-01-01',
            source: 's',
          },
          hardware: {
            kind: 'own',
            capex: q,
            gpus: 1,
            years: 0.01,
            util: 1e-6,
            wacc: 1e-4,
            as_of: '2026-01-01',
            source: 's',
          },
          embodied: { kg_per_gpu: q, years: 0.01, util: 1e-6, source: 's' },
          carbon_price_per_t: q,
        })
        const ledger = cost(timelineOf([[day(1), day(2), uj / 3.6e12]], { requests: 1 }), s)
        for (const l of [
          ...ledger.lines,
          ...Object.values(ledger.totals),
          ...Object.values(ledger.per_unit),
        ]) {
          if (l.amount === null) continue
          for (const n of Object.values(l.amount)) expect(Number.isFinite(n)).toBe(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    [{ pue: 11 }, /above 10/],
    [{ pue: Number.POSITIVE_INFINITY }, /./],
    [{ embodied: { kg_per_gpu: 1e13, years: 5, source: 's' } }, /above/],
    [{ embodied: { kg_per_gpu: 1, years: 1e-300, source: 's' } }, /./],
  ])('%j is refused', (raw, words) => {
    const parsed = scenarioSchema.safeParse({ scenario_version: 1, id: 'x', ...raw })
    expect(parsed.success).toBe(false)
    expect(JSON.stringify(parsed.error?.issues)).toMatch(words)
  })
})

describe('charts', () => {
  const scenario = scenarioOf({
    pue: { low: 1.1, value: 1.2, high: 1.4 },
    intensity: { series: { source: 's', rows: rows([400, 300, 200, 100]) } },
    wue: { site_l_per_it_kwh: 1, grid_l_per_kwh: 2 },
    tariff: {
      tz: 'UTC',
      currency: 'USD',
      default_rate: 0.3,
      periods: [{ from: '03:00', to: '05:00', rate: -0.1 }],
      as_of: '2026-01-01',
      source: 's',
    },
    embodied: { kg_per_gpu: { low: 100, value: 200, high: 900 }, years: 5, source: 's' },
  })
  it('are drawn without a complaint', async () => {
    const run = timelineOf([[day(1), day(2), 2]])
    const ledger = cost(run, scenario)
    const hours = bestHours(run, scenario)
    const specs = {
      ...costSpecs(ledger),
      sensitivity: sensitivitySpec(ledger),
      hours: 'why' in hours ? null : hoursSpec(hours),
    }
    expect(Object.keys(specs)).toEqual(['money', 'carbon', 'water', 'sensitivity', 'hours'])
    const complaints: string[] = []
    for (const [name, spec] of Object.entries(specs)) {
      if (spec === null) throw new Error(name)
      const svg = await drawSvg(spec, name, (m) => complaints.push(`${name}: ${m}`))
      expect(svg).toContain('<svg')
      expect(svg).not.toContain('NaN')
    }
    expect(complaints).toEqual([])
  })
})
