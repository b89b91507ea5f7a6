import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cost } from '../../../analysis/cost/cost.ts'
import { breakEvenUtil, ownPerGpuHour } from '../../../analysis/cost/cost-hardware.ts'
import { band, relativeU, standardTerm } from '../../../analysis/cost/cost-terms.ts'
import { embodiedShare } from '../../../analysis/cost/embodied.ts'
import type { CostLedger, LineId } from '../../../analysis/schema/cost.ts'
import { LINE_IDS, TOTALS } from '../../../analysis/schema/cost.ts'
import type { Scenario, ScenarioInput } from '../../../analysis/schema/scenario.ts'
import { hardwareSchema } from '../../../analysis/schema/scenario.ts'
import { factor, scenarioOf, timelineOf } from './cost-support.ts'

const H = ['2026-07-14T09:00:00Z', '2026-07-14T10:00:00Z', '2026-07-14T11:00:00Z'] as const
const line = (ledger: CostLedger, id: LineId) => {
  const found = ledger.lines.find((l) => l.id === id)
  if (found === undefined) throw new Error(id)
  return found
}
const amount = (ledger: CostLedger, id: LineId) => line(ledger, id).amount?.value ?? null

describe('energy and carbon worked by hand', () => {
  it('5.4 MJ at PUE 1.15 and 29 g are 1.725 kWh and 50.0 g', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1.5]]),
      scenarioOf({ pue: 1.15, intensity: factor(29) }),
    )
    expect(line(ledger, 'energy_it').exact).toBe(5.4e12)
    expect(ledger.totals['energy']?.amount?.value).toBeCloseTo(1.725, 12)
    expect(amount(ledger, 'energy_overhead')).toBeCloseTo(0.225, 12)
    expect(amount(ledger, 'co2_location')).toBe(50.025)
  })

  it('weights each hour by its own energy: 1 kWh at 400 g and 3 kWh at 80 g are 640 g, not 960', () => {
    const ledger = cost(
      timelineOf([
        [H[0], H[1], 1],
        [H[1], H[2], 3],
      ]),
      scenarioOf({
        pue: 1,
        intensity: {
          series: {
            source: 'by hand',
            rows: [
              { from: H[0], to: H[1], g_per_kwh: 400 },
              { from: H[1], to: H[2], g_per_kwh: 80 },
            ],
          },
        },
      }),
    )
    expect(amount(ledger, 'co2_location')).toBe(640)
    expect(line(ledger, 'co2_location').factor?.value).toBe(160)
  })

  it('500 kWh at 300 g, 40 % certificates at 0 g, residual 520 g: 150 kg by location, 156 kg by market, never added', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 500]]),
      scenarioOf({
        pue: 1,
        intensity: factor(300),
        market: { eac_share: 0.4, residual: { value: 520, source: 'by hand', kind: 'residual' } },
      }),
    )
    expect(amount(ledger, 'co2_location')).toBe(150_000)
    expect(amount(ledger, 'co2_market')).toBe(156_000)
    expect(Object.keys(ledger.totals)).toEqual(Object.keys(TOTALS))
  })

  it('without a residual mix the market-based line is null, not the location again', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]]),
      scenarioOf({ pue: 1, intensity: factor(300), market: { eac_share: 0.4, residual: null } }),
    )
    expect(line(ledger, 'co2_market')).toMatchObject({ amount: null, reason: 'no_data' })
    expect(ledger.totals['carbon_market']).toMatchObject({ amount: null, reason: 'no_data' })
  })

  it('matches load and carbon-free energy hour by hour', () => {
    const ledger = cost(
      timelineOf([
        [H[0], H[1], 2],
        [H[1], H[2], 2],
      ]),
      scenarioOf({
        pue: 1,
        market: { eac_share: 1, residual: null, hourly_cfe_kwh: [1, 5] },
      }),
    )
    expect(ledger.hourly_match).toBe(0.75)
    expect(amount(ledger, 'co2_market')).toBe(0)
  })

  it('water: 10 kWh of IT, PUE 1.2, 0.5 L at the site and 2 L for the grid are 5 L and 24 L', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 10]]),
      scenarioOf({ pue: 1.2, wue: { site_l_per_it_kwh: 0.5, grid_l_per_kwh: 2 } }),
    )
    expect(amount(ledger, 'water_site')).toBe(5)
    expect(amount(ledger, 'water_grid')).toBe(24)
    expect(ledger.totals['water']?.amount?.value).toBe(29)
  })
})

describe('uncertainty', () => {
  it('3, 5 and 8 % are 9.9 % together', () => {
    const terms = [0.03, 0.05, 0.08].map((u, i) => standardTerm(`t${i}`, u))
    expect(relativeU(1, terms)).toBeCloseTo(0.099, 3)
    expect(band(1, terms).high).toBeCloseTo(1 + 1.96 * 0.0989949, 5)
  })

  it('never passes the bounds of the only interval', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]], { u: { gpu: 0 } }),
      scenarioOf({ pue: { low: 1.1, value: 1.35, high: 1.6 }, intensity: factor(100, { u: 0 }) }),
    )
    expect(line(ledger, 'co2_location').amount).toEqual({ low: 110, value: 135, high: 160 })
    // (b - a) / (sqrt3 (a + b)) = 0.5 / (1.732 * 2.7)
    expect(line(ledger, 'co2_location').u).toBeCloseTo(0.1069, 4)
    expect(ledger.sensitivity.filter((s) => s.total === 'carbon_location')).toEqual([
      { total: 'carbon_location', term: 'pue', variance_share: 1 },
    ])
  })

  it('an unknown PUE shows IT energy alone, its range up to 1.6, and says so', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]], { u: { gpu: 0 } }),
      scenarioOf({ intensity: factor(100, { u: 0 }) }),
    )
    const co2 = line(ledger, 'co2_location')
    expect(co2).toMatchObject({
      reason: null,
      codes: ['pue_unknown'],
      amount: { low: 100, value: 100, high: 160 },
    })
    expect(line(ledger, 'energy_overhead')).toMatchObject({ amount: null, reason: 'pue_unknown' })
    expect(ledger.totals['energy']).toMatchObject({ amount: null, reason: 'pue_unknown' })
    expect(ledger.warnings).toContain('pue_unknown')
  })

  it('one input moves both lines of a total together', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]], { u: { gpu: 0.1 } }),
      scenarioOf({ pue: 1, wue: { site_l_per_it_kwh: 1, grid_l_per_kwh: 1 } }),
    )
    // 10 % of 2 L, not 10 % / sqrt2.
    expect(ledger.totals['water']?.u).toBeCloseTo(0.1, 12)
  })
})

describe('hardware and embodied emissions worked by hand', () => {
  const own = (more: object) =>
    hardwareSchema.parse({
      kind: 'own',
      capex: 200_000,
      gpus: 8,
      years: 4,
      util: 0.6,
      as_of: '2026-01-01',
      source: 'by hand',
      ...more,
    }) as Extract<NonNullable<Scenario['hardware']>, { kind: 'own' }>

  it('200 k$, 8 GPUs, 4 years, 60 %: 1.07 $/GPU-h straight with 10 % left, 1.50 $ as annuity at 10 %', () => {
    expect(ownPerGpuHour(own({ residual_frac: 0.1 }))).toBeCloseTo(1.0702, 4)
    expect(ownPerGpuHour(own({ wacc: 0.1 }))).toBeCloseTo(1.5005, 4)
  })

  it('an annuity repays the price less what is left at its value of today', () => {
    // 1.1^4 = 1.4641; 20 000 / 1.4641 = 13 660.27; CRF = 0.14641 / 0.4641 = 0.3154708
    // (200 000 - 13 660.27) x 0.3154708 = 58 784.74 a year over 8760 x 0.6 x 8 = 42 048 hours
    expect(ownPerGpuHour(own({ residual_frac: 0.1, wacc: 0.1 }))).toBeCloseTo(1.398039, 6)
    // Four payments and what is left, each at its value of today, are the price.
    const year = ownPerGpuHour(own({ residual_frac: 0.25, wacc: 0.07 })) * 42_048
    const today = [1, 2, 3, 4].reduce((sum, n) => sum + year / 1.07 ** n, 50_000 / 1.07 ** 4)
    expect(today).toBeCloseTo(200_000, 6)
  })

  it('owning breaks even where its year costs the rent of the hours', () => {
    // 50 000 $ a year over 2 $ x 8760 h x 8
    expect(breakEvenUtil(own({}), 2)).toBeCloseTo(50_000 / (2 * 8760 * 8), 12)
  })

  it('4 GPUs at 1.90 $/h and 5000 tokens/s are 0.422 $ per 1M tokens', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]], {
        gpus: 4,
        gpu_hours_reserved: 4,
        tokens: { input: 0, output: 18_000_000, good: null },
      }),
      scenarioOf({
        hardware: {
          kind: 'rent',
          per_gpu_hour: 1.9,
          includes_electricity: true,
          as_of: '2026-07-01',
          source: 'by hand',
        },
      }),
    )
    expect(ledger.per_unit['money_per_mtok_out']?.amount?.value).toBeCloseTo(0.4222, 4)
    expect(ledger.per_unit['money_per_mtok_good']).toMatchObject({
      amount: null,
      reason: 'not_recorded',
    })
    expect(line(ledger, 'electricity_energy')).toMatchObject({
      amount: null,
      reason: 'included_in_rent',
    })
  })

  it('900 kg over 5 years, 3 h on 1 of 8 GPUs are 7.71 g', () => {
    expect(embodiedShare(900, 3, 5, 1, 8)).toBeCloseTo(7.705, 3)
    const ledger = cost(
      timelineOf([[H[0], H[1], 0]], { gpu_hours_reserved: 3 }),
      scenarioOf({ embodied: { kg_per_gpu: 112.5, years: 5, util: 0.5, source: 'by hand' } }),
    )
    expect(amount(ledger, 'embodied')).toBeCloseTo(7.705, 3)
    // Half the hours are nobody's: as much again, outside the SCI.
    expect(amount(ledger, 'embodied_idle')).toBeCloseTo(7.705, 3)
  })

  it('SCI: 100 g and 50 g of making over 2M output tokens are 75 g, without idle hours', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], 1]], { gpu_hours_reserved: 8.76 }),
      scenarioOf({
        pue: 1,
        intensity: factor(100),
        embodied: { kg_per_gpu: 50, years: 1, util: 0.5, source: 'by hand' },
      }),
    )
    expect(ledger.sci).toMatchObject({ operational_g: 100, embodied_g: 50, r: 2 })
    expect(ledger.sci.amount?.value).toBeCloseTo(75, 9)
    expect(ledger.sci.statement).toContain('location-based')
  })
})

describe('a run without a number', () => {
  it('a counter that fell back is null, never negative', () => {
    const ledger = cost(
      timelineOf([[H[0], H[1], -1]]),
      scenarioOf({ pue: 1, intensity: factor(100) }),
    )
    expect(line(ledger, 'energy_it')).toMatchObject({ amount: null, reason: 'counter_reset' })
    expect(line(ledger, 'co2_location')).toMatchObject({ amount: null, reason: 'counter_reset' })
    expect(ledger.totals['carbon_location']?.amount).toBeNull()
  })

  it('passes on why its energy is null', () => {
    const timeline = timelineOf([[H[0], H[1], 1]])
    const intervals = [
      {
        ...timeline.intervals[0],
        energies: { gpu: { energy_uj: null, reason: 'uncovered', method: null } },
      },
    ] as never
    const ledger = cost({ ...timeline, intervals }, scenarioOf({ pue: 1, intensity: factor(1) }))
    expect(line(ledger, 'co2_location').reason).toBe('uncovered')
  })

  it('knows factors without wall time, and no hours', () => {
    const timeline = timelineOf([[null, null, 2]])
    expect(
      amount(cost(timeline, scenarioOf({ pue: 1, intensity: factor(100) })), 'co2_location'),
    ).toBe(200)
    const series = { source: 's', rows: [{ from: H[0], to: H[1], g_per_kwh: 1 }] }
    expect(
      line(cost(timeline, scenarioOf({ pue: 1, intensity: { series } })), 'co2_location').reason,
    ).toBe('tz_missing')
  })

  it('has every line, in order', () => {
    const ledger = cost(timelineOf([[H[0], H[1], 1]]), scenarioOf())
    expect(ledger.lines.map((l) => l.id)).toEqual(LINE_IDS)
    expect(ledger.totals['money']).toMatchObject({ amount: null, reason: 'not_asked' })
  })
})

describe('laws', () => {
  const kwh = fc.integer({ min: 0, max: 200_000 }).map((n) => n / 1000)
  const full = (pue: number): Partial<ScenarioInput> => ({
    pue: { low: 1, value: pue, high: pue + 0.2 },
    intensity: factor(321),
    market: { eac_share: 0.3, residual: { value: 480, source: 'r' } },
    wue: { site_l_per_it_kwh: 0.3, grid_l_per_kwh: 1.7 },
    tariff: {
      tz: 'Europe/Berlin',
      currency: 'USD',
      default_rate: 0.27,
      periods: [{ from: '22:00', to: '06:00', rate: 0.14 }],
      as_of: '2026-01-01',
      source: 't',
    },
    embodied: { kg_per_gpu: { low: 100, value: 164, high: 800 }, years: 5, util: 0.6, source: 'e' },
    carbon_price_per_t: 80,
  })
  const LINEAR: LineId[] = [
    'energy_it',
    'energy_overhead',
    'co2_location',
    'co2_market',
    'water_site',
    'water_grid',
    'electricity_energy',
    'carbon_shadow',
  ]
  const two = (a: number, b: number) =>
    timelineOf([
      [H[0], H[1], a],
      [H[1], H[2], b],
    ])

  it('linear in energy, to a thousand millionth', () => {
    fc.assert(
      fc.property(kwh, kwh, fc.integer({ min: 2, max: 9 }), (a, b, k) => {
        const s = scenarioOf(full(1.25))
        const [one, many] = [cost(two(a, b), s), cost(two(a * k, b * k), s)]
        for (const id of LINEAR)
          expect(
            Math.abs(Number(line(many, id).exact) - k * Number(line(one, id).exact)),
          ).toBeLessThan(k + 1e-9 * Number(line(many, id).exact) + 2 * k)
      }),
      { numRuns: 50 },
    )
  })

  it('additive over intervals and components', () => {
    fc.assert(
      fc.property(kwh, kwh, (a, b) => {
        const s = scenarioOf(full(1.5))
        const [both, first, second] = [two(a, b), two(a, 0), two(0, b)].map((t) => cost(t, s))
        const t = timelineOf([[H[0], H[1], a]])
        const split = cost(
          {
            ...t,
            intervals: t.intervals.map((i) => ({
              ...i,
              energies: {
                gpu: {
                  energy_uj: Math.floor(Number(i.energies.gpu?.energy_uj) / 3),
                  reason: null,
                  method: 'counter' as const,
                },
                cpu: {
                  energy_uj:
                    Number(i.energies.gpu?.energy_uj) -
                    Math.floor(Number(i.energies.gpu?.energy_uj) / 3),
                  reason: null,
                  method: 'rapl' as const,
                },
              },
            })),
          },
          s,
        )
        const whole = cost(t, s)
        for (const id of LINEAR) {
          const sum =
            Number(line(first as CostLedger, id).exact) +
            Number(line(second as CostLedger, id).exact)
          expect(Math.abs(Number(line(both as CostLedger, id).exact) - sum)).toBeLessThan(
            3 + 1e-9 * sum,
          )
          expect(line(split, id).exact).toEqual(line(whole, id).exact)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('unchanged by splitting an interval at constant power', () => {
    fc.assert(
      fc.property(kwh, fc.integer({ min: 1, max: 59 }), (a, minute) => {
        const s = scenarioOf(full(1.3))
        const cut = `2026-07-14T09:${String(minute).padStart(2, '0')}:00Z`
        const one = cost(timelineOf([[H[0], H[1], a]]), s)
        const parts = cost(
          timelineOf([
            [H[0], cut, (a * minute) / 60],
            [cut, H[1], (a * (60 - minute)) / 60],
          ]),
          s,
        )
        for (const id of LINEAR) {
          const [x, y] = [Number(line(one, id).exact), Number(line(parts, id).exact)]
          expect(Math.abs(x - y)).toBeLessThan(3 + 1e-9 * x)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('same input, same bits; the hash knows another scenario', () => {
    const t = two(1, 2)
    const [a, b] = [cost(t, scenarioOf(full(1.2))), cost(t, scenarioOf(full(1.2)))]
    expect(a).toEqual(b)
    expect(a.inputs_hash).not.toBe(cost(t, scenarioOf(full(1.3))).inputs_hash)
  })

  it('location-based does not know certificates', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
        const s = {
          ...full(1.2),
          market: { eac_share: share, residual: { value: 480, source: 'r' } },
        }
        expect(line(cost(two(1, 2), scenarioOf(s)), 'co2_location')).toEqual(
          line(cost(two(1, 2), scenarioOf(full(1.2))), 'co2_location'),
        )
      }),
      { numRuns: 20 },
    )
  })

  it('no energy, no operation; making stays', () => {
    const ledger = cost(two(0, 0), scenarioOf(full(1.2)))
    for (const id of LINEAR) expect(line(ledger, id).exact).toBe(0)
    expect(amount(ledger, 'embodied')).toBeGreaterThan(0)
  })

  it('low <= value <= high, and each total is the sum of its lines to the last part', () => {
    fc.assert(
      fc.property(kwh, kwh, fc.double({ min: 1, max: 2, noNaN: true }), (a, b, pue) => {
        const ledger = cost(two(a, b), scenarioOf(full(pue)))
        for (const { amount: q } of [...ledger.lines, ...Object.values(ledger.totals)]) {
          if (q === null) continue
          expect(q.low).toBeLessThanOrEqual(q.value)
          expect(q.value).toBeLessThanOrEqual(q.high)
          expect(q.low).toBeGreaterThanOrEqual(0)
        }
        for (const total of Object.values(ledger.totals)) {
          const sum = (total.of ?? []).reduce(
            (n, id) => n + BigInt(line(ledger, id as LineId).exact ?? 0),
            0n,
          )
          expect(BigInt(total.exact ?? -1)).toBe(sum)
        }
        const shares = ledger.sensitivity.filter((s) => s.total === 'money')
        if (shares.length > 0)
          expect(shares.reduce((n, s) => n + s.variance_share, 0)).toBeCloseTo(1, 9)
      }),
      { numRuns: 60 },
    )
  })
})
