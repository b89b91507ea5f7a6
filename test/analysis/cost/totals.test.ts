import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cost } from '../../../analysis/cost/cost.ts'
import { type TotalsRow, totals } from '../../../analysis/cost/totals.ts'
import { LINES } from '../../../analysis/schema/cost.ts'
import { instantText } from '../../../analysis/schema/instant.ts'
import { SUM_IDS, SUMS, TOTAL_PART_IDS, TOTALS_BY } from '../../../analysis/schema/totals.ts'
import { factor, scenarioOf, timelineOf } from './cost-support.ts'
import { AT_MS, rowOf, UJ_PER_KWH } from './totals-support.ts'

const HOUR = 3_600_000
const ask = (rows: readonly TotalsRow[], more: Partial<Parameters<typeof totals>[1]> = {}) =>
  totals(rows, { by: [], scenario: scenarioOf(), sites: null, ...more })

/** Everything that a scenario can ask of hours. */
const full = scenarioOf({
  intensity: factor(400),
  market: { eac_share: 0.4, residual: { value: 520, source: 'by hand' } },
  pue: 1.2,
  host_share_w: 50,
  wue: { site_l_per_it_kwh: 0.5, grid_l_per_kwh: 2 },
  tariff: {
    tz: 'Europe/Berlin',
    currency: 'EUR',
    default_rate: 0.27,
    periods: [{ from: '22:00', to: '06:00', rate: 0.14 }],
    tax_level: 'ex_tax',
    tax_frac: 0.19,
    as_of: '2026-01-01',
    source: 'by hand',
  },
  currency: 'EUR',
  hardware: {
    kind: 'rent',
    per_gpu_hour: 2,
    includes_electricity: false,
    as_of: '2026-01-01',
    source: 'by hand',
  },
  embodied: { kg_per_gpu: 164, years: 4, util: 0.5, source: 'by hand' },
} as never)

describe('totals', () => {
  it('multiply each hour by its own factor, worked out by hand', () => {
    // 1 kWh and 3 kWh of IT at a PUE of 1.2 and 400 g/kWh: 4.8 kWh, 1920 g.
    const { total } = ask([rowOf(), rowOf({ run_id: 'r2', it_uj: 3 * UJ_PER_KWH })], {
      scenario: scenarioOf({ intensity: factor(400), pue: 1.2 }),
    })
    expect(total.runs).toBe(2)
    expect(total.totals['energy_it']?.amount?.value).toBe(4)
    expect(total.totals['energy']?.amount?.value).toBeCloseTo(4.8, 12)
    expect(total.totals['carbon_location']).toMatchObject({
      exact: 1_920_000_000_000,
      unit: 'gCO2e',
      exact_unit: 'ngCO2e',
      covered_pct: 100,
      reason: null,
      missing: [],
    })
    expect(total.totals['water']).toMatchObject({ amount: null, reason: 'not_asked' })
  })

  it('weigh an hourly series by the energy of each hour: 1 kWh at 400 g and 3 kWh at 80 g are 640 g', () => {
    const later = { from_ms: AT_MS + HOUR, to_ms: AT_MS + 2 * HOUR, it_uj: 3 * UJ_PER_KWH }
    const series = {
      source: 'by hand',
      rows: [
        { from: '2026-07-14T10:00:00Z', to: '2026-07-14T11:00:00Z', g_per_kwh: 400 },
        { from: '2026-07-14T11:00:00Z', to: '2026-07-14T12:00:00Z', g_per_kwh: 80 },
      ],
    }
    const scenario = scenarioOf({ intensity: { series }, pue: 1 })
    const { total } = ask([rowOf(), rowOf(later)], { scenario })
    expect(total.totals['carbon_location']?.exact).toBe(640_000_000_000)
    // An hour that nobody published is told, and voids nothing.
    const gap = rowOf({ from_ms: AT_MS + 5 * HOUR, to_ms: AT_MS + 6 * HOUR, run_id: 'r2' })
    expect(
      ask([rowOf(), rowOf(later), gap], { scenario }).total.totals['carbon_location'],
    ).toMatchObject({
      exact: 640_000_000_000,
      covered_pct: 80,
      missing: [{ reason: 'series_gap', kwh: 1 }],
    })
  })

  it('say the known sum with the share of the energy that it covers', () => {
    const sites = {
      sites: [
        site({ site: 'berlin', hosts: ['b*'], pue: 1.3, zone: 'DE' }),
        site({ site: 'nowhere', hosts: ['n*'], pue: 1.1, zone: 'ZZ' }),
      ],
    }
    const tables = { version: 't', electricity_maps: { 2026: { DE: 300 } }, ember: {} }
    const rows = [
      rowOf({ host: 'b1' }),
      rowOf({ run_id: 'r2', host: 'n1', it_uj: 2 * UJ_PER_KWH }),
      rowOf({ run_id: 'r3', host: 'elsewhere' }),
    ]
    const { total, factors } = ask(rows, { sites, tables })
    const carbon = total.totals['carbon_location']
    expect(carbon?.exact).toBe(390_000_000_000)
    expect(carbon?.covered_pct).toBe(25)
    expect(carbon?.missing).toEqual([{ reason: 'no_zone', kwh: 3 }])
    expect(total.totals['energy']).toMatchObject({
      covered_pct: 75,
      missing: [{ reason: 'pue_unknown', kwh: 1 }],
    })
    expect(factors.map((f) => [f.scenario_id, f.factor?.value ?? null, f.kwh])).toEqual([
      ['s', null, 1],
      ['s@berlin', 300, 1],
      ['s@nowhere', null, 2],
    ])
  })

  it('are null with the reason where nothing is known, never zero', () => {
    const { total } = ask([rowOf()], { scenario: scenarioOf({ intensity: { zone: 'ZZ' } }) })
    expect(total.totals['carbon_location']).toMatchObject({
      amount: null,
      exact: null,
      reason: 'no_zone',
      covered_pct: null,
    })
    expect(ask([]).total.totals['energy_it']).toMatchObject({ amount: null, covered_pct: null })
  })

  it('hold idle, invalid and failed energy, each shown apart', () => {
    const rows = TOTAL_PART_IDS.map((part, i) => rowOf({ part, run_id: `r${i}`, it_uj: i + 1 }))
    const { total } = ask(rows)
    expect(total.totals['energy_it']?.exact).toBe(10)
    expect(TOTAL_PART_IDS.map((p) => total.parts[p]?.exact['energy_it'])).toEqual([1, 2, 3, 4])
  })

  it('hold no estimate, and tell how much there is', () => {
    const estimate = rowOf({ run_id: 'r2', it_uj: 0, estimated_uj: 3 * UJ_PER_KWH })
    const { total } = ask([rowOf(), estimate], { scenario: full })
    expect(total.estimates).toEqual({ runs: 1, kwh: 3, share_pct: 75 })
    expect(total.runs).toBe(1)
    expect(total).toMatchObject({ ...ask([rowOf()], { scenario: full }).total, estimates: {} })
  })

  it('change the site where the table says that a host moved', () => {
    const sites = {
      sites: [
        site({ site: 'a', hosts: ['h'], to: '2026-07-15', pue: 1.5 }),
        site({ site: 'b', hosts: ['h'], from: '2026-07-15', pue: 1.1 }),
      ],
    }
    const next = { from_ms: AT_MS + 24 * HOUR, to_ms: AT_MS + 25 * HOUR }
    const { total, groups, without_site } = ask([rowOf(), rowOf(next)], { sites, by: ['site'] })
    expect(without_site).toEqual([])
    expect(total.totals['energy']?.amount?.value).toBeCloseTo(2.6, 9)
    expect(groups.map((g) => [g.key['site'], g.totals['energy']?.amount?.value])).toEqual([
      ['a', 1.5],
      ['b', 1.1],
    ])
  })

  it('name each host that no row of the table of sites fits, with its runs and energy', () => {
    const sites = {
      sites: [site({ site: 'a', hosts: ['h'], to: '2026-07-15', pue: 1.5 })],
    }
    const later = { from_ms: AT_MS + 24 * HOUR, to_ms: AT_MS + 25 * HOUR }
    const rows = [
      rowOf(),
      rowOf(later),
      rowOf({ run_id: 'r2', host: 'typo' }),
      rowOf({ run_id: 'r3', host: 'typo', it_uj: UJ_PER_KWH / 2 }),
      rowOf({ run_id: 'r4', site: 'b' }),
      rowOf({ run_id: 'r5', host: null, it_uj: 0, estimated_uj: 1 }),
    ]
    expect(ask(rows, { sites }).without_site).toEqual([
      { host: 'typo', site: null, runs: 2, kwh: 1.5 },
      // Moved away, as the row tells, and told at another site by the run itself.
      { host: 'h', site: 'b', runs: 1, kwh: 1 },
      { host: 'h', site: null, runs: 1, kwh: 1 },
      // Of estimates no energy is counted.
      { host: null, site: null, runs: 1, kwh: 0 },
    ])
    expect(ask(rows)).not.toHaveProperty('without_site')
  })

  it('widen their range by sensors and factors, as those err alike in all runs', () => {
    const rows = [rowOf(), rowOf({ run_id: 'r2' })]
    const energy = ask(rows).total.totals['energy_it']?.amount
    // 5 % of 2 kWh twice 1.96 / 2: 0.196 kWh.
    expect((energy?.high ?? 0) - (energy?.value ?? 0)).toBeCloseTo(0.196, 9)
    const carbon = ask(rows, {
      scenario: scenarioOf({ intensity: factor(100, { u: 0.12 }), pue: 1 }),
    })
    // sqrt(0.05² + 0.12²) = 0.13.
    const { low, value } = carbon.total.totals['carbon_location']?.amount ?? { low: 0, value: 0 }
    expect((value - low) / value).toBeCloseTo(1.96 * 0.13, 9)
  })

  it('leave charges by the month out and say so', () => {
    const tariff = {
      tz: 'UTC',
      currency: 'USD',
      default_rate: 0.2,
      fixed_per_month: 100,
      as_of: '2026-01-01',
      source: 'by hand',
    }
    const answer = ask([rowOf()], { scenario: scenarioOf({ tariff, pue: 1 }) })
    expect(answer.left_out).toEqual(['electricity_fixed'])
    expect(answer.total.totals['money']?.exact).toBe(200_000_000)
  })
})

const row = fc
  .record({
    run: fc.integer({ min: 0, max: 8 }),
    part: fc.constantFrom(...TOTAL_PART_IDS),
    hour: fc.option(fc.integer({ min: 0, max: 2000 }), { nil: null }),
    it_uj: fc.oneof(
      fc.integer({ min: 0, max: 10 ** 13 }),
      fc.maxSafeInteger().map((n) => Math.abs(n) % 2 ** 51),
    ),
    estimated_uj: fc.constantFrom(0, 0, 0, 7_000_000),
    duration_ms: fc.integer({ min: 0, max: HOUR }),
    gpus: fc.integer({ min: 0, max: 8 }),
    model: fc.constantFrom('a', 'b', null),
    team: fc.constantFrom('x', 'y', null),
    host: fc.constantFrom('h1', 'h2', null),
  })
  .map(
    ({ run, hour, model, team, host, ...rest }): TotalsRow =>
      rowOf({
        ...rest,
        run_id: `r${run}`,
        from_ms: hour === null ? null : AT_MS + hour * HOUR,
        to_ms: hour === null ? null : AT_MS + hour * HOUR + rest.duration_ms,
        keys: { model, team, host },
        host,
      }),
  )
const sites = {
  sites: [site({ site: 'one', hosts: ['h1'], pue: 1.5, from: '2026-08-01' })],
}

describe('laws of totals', () => {
  it('each is its lines, and its parts, to the last digit', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        const { groups, total } = ask(rows, { by: ['month', 'model'], scenario: full, sites })
        for (const group of [...groups, total])
          for (const id of SUM_IDS) {
            const { exact } = group.totals[id] as { exact: number | bigint | null }
            if (exact === null) continue
            const lines = (SUMS[id] as readonly string[]).map((l) => BigInt(group.lines[l] ?? 0))
            expect(BigInt(exact)).toBe(lines.reduce((a, b) => a + b, 0n))
            const parts = TOTAL_PART_IDS.map((p) => BigInt(group.parts[p]?.exact[id] ?? 0))
            expect(BigInt(exact)).toBe(parts.reduce((a, b) => a + b, 0n))
          }
      }),
    )
  })

  it('groups add up to the whole, whatever they are grouped by', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 40 }),
        fc.subarray([...TOTALS_BY], { minLength: 1 }),
        (rows, by) => {
          const whole = ask(rows, { scenario: full, sites }).total
          const { groups, total } = ask(rows, { by, scenario: full, sites })
          expect(total.lines).toEqual(whole.lines)
          for (const id of Object.keys(LINES)) {
            const sum = groups.reduce((a, g) => a + BigInt(g.lines[id] ?? 0), 0n)
            expect(sum).toBe(BigInt(whole.lines[id] ?? 0))
          }
        },
      ),
    )
  })

  it('the order of the runs changes nothing', () => {
    fc.assert(
      fc.property(
        fc
          .array(row, { maxLength: 30 })
          .chain((rows) =>
            fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })),
          ),
        ([rows, shuffled]) => {
          const exact = (of: readonly TotalsRow[]) => {
            const { groups, total } = ask(of, { by: ['model'], scenario: full, sites })
            return [...groups, total].map((g) => [g.key, g.runs, g.lines, g.parts, g.estimates])
          }
          expect(exact(shuffled)).toEqual(exact(rows))
        },
      ),
    )
  })

  it('of one hour are what cost says of it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 13 }),
        fc.integer({ min: 1, max: 3600 }),
        fc.integer({ min: 0, max: 8 }),
        (it_uj, seconds, gpus) => {
          const to_ms = AT_MS + seconds * 1000
          const timeline = timelineOf(
            [[instantText(AT_MS), instantText(to_ms), it_uj / UJ_PER_KWH]],
            { seconds, gpus, gpu_hours_reserved: (gpus * seconds) / 3600 },
          )
          const ledger = cost(timeline, full)
          const { total } = ask([rowOf({ it_uj, to_ms, duration_ms: seconds * 1000, gpus })], {
            scenario: full,
          })
          for (const line of ledger.lines)
            if (line.exact !== null && line.id !== 'carbon_shadow')
              // The tax of a ledger is of a sum that was divided and multiplied again: its last digits.
              expect(
                Math.abs(Number(total.lines[line.id]) - Number(line.exact)),
              ).toBeLessThanOrEqual(line.id === 'tax' ? 4 : 0)
        },
      ),
    )
  })

  it('a kilowatt hour more under constant factors is so much more, never less', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), row, (rows, more) => {
        const of = (all: readonly TotalsRow[]) =>
          Number(ask(all, { scenario: full }).total.lines['co2_location'] ?? 0)
        expect(of([...rows, more])).toBeGreaterThanOrEqual(of(rows))
      }),
    )
  })
})

function site(more: object) {
  return {
    site: 's',
    hosts: [] as string[],
    from: '2026-01-01',
    to: null as string | null,
    zone: null,
    pue: null,
    wue: null,
    tariff: null,
    currency: null,
    ...more,
    ...('pue' in more && typeof more.pue === 'number'
      ? { pue: { low: more.pue, value: more.pue, high: more.pue } }
      : {}),
  } as never
}
