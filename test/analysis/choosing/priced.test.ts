import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../analysis/choosing/candidate.ts'
import { PRICED_IDS } from '../../../analysis/choosing/choice-metric.ts'
import { frontierOf } from '../../../analysis/choosing/frontier.ts'
import { pricedCandidate } from '../../../analysis/choosing/priced-candidate.ts'
import { type AskedMetric, pricerOf } from '../../../analysis/choosing/pricing.ts'
import { type RecommendRequest, recommend } from '../../../analysis/choosing/recommend.ts'
import { cost } from '../../../analysis/cost/cost.ts'
import { NO_TABLES } from '../../../analysis/cost/intensity.ts'
import { ratesOf } from '../../../analysis/cost/total-rates.ts'
import { frontierSpec } from '../../../analysis/report/frontier.ts'
import { paretoSchema, recommendationSchema } from '../../../analysis/schema/choosing.ts'
import type { Scenario, ScenarioInput } from '../../../analysis/schema/scenario.ts'
import { factor, scenarioOf, timelineOf } from '../cost/cost-support.ts'
import { candidate, number } from './candidate-of.ts'

const DATED = { as_of: '2026-01-01', source: 'by hand' }
const flat = (rate: number, more: object = {}) =>
  ({ ...DATED, tz: 'UTC', currency: 'USD', default_rate: rate, u: 0, ...more }) as const
const rent = (per_gpu_hour: number, includes_electricity = false) =>
  ({ ...DATED, kind: 'rent', per_gpu_hour, includes_electricity }) as const

interface Shape {
  readonly joules: number | null
  readonly tokens_s?: number | null
  readonly gpus?: number | null
  readonly half?: number
  readonly repeat_half?: number
  readonly rate_half?: number
  readonly itl?: number
  readonly more?: Partial<Candidate>
}
const configuration = (id: string, shape: Shape): Candidate => {
  const { joules, tokens_s = 1000, gpus = 1, half, repeat_half, rate_half, itl = 40 } = shape
  return candidate(id, joules, itl, {
    ...(half === undefined ? {} : { half }),
    ...(repeat_half === undefined ? {} : { repeat_half }),
    ...shape.more,
    num_gpus: gpus,
    metrics: {
      output_throughput_tok_s: number('output_throughput_tok_s', tokens_s, rate_half ?? null),
    },
  })
}
const priced = (c: Candidate, scenario: Scenario) =>
  pricedCandidate(c, ratesOf(scenario, 2026, NO_TABLES)).metrics
const amountOf = (shape: Shape, more: Partial<ScenarioInput>, id: string) =>
  priced(configuration('c', shape), scenarioOf(more))[id]?.value

describe('a priced candidate', () => {
  it('is what a million output tokens take', () => {
    // 3.6 J a token are 1 kWh a million; at PUE 1.2 and 400 g/kWh 480 g.
    const carbon = { intensity: factor(400, { u: 0 }), pue: 1.2 }
    expect(amountOf({ joules: 3.6 }, carbon, 'carbon_location_per_mtok_out')).toBe(480)
    expect(amountOf({ joules: 3.6 }, carbon, 'energy_per_mtok_out')).toBe(1.2)
    // 1.2 kWh at 0.25.
    const paid = { pue: 1.2, tariff: flat(0.25) }
    expect(amountOf({ joules: 3.6 }, paid, 'money_per_mtok_out')).toBe(0.3)
    // Four GPUs at 1.90 and 5000 tokens/s: 200 s × 4 GPUs are 0.2222 GPU hours.
    const rented = { hardware: rent(1.9, true) }
    const four = { joules: 1, tokens_s: 5000, gpus: 4 }
    expect(amountOf(four, rented, 'money_per_mtok_out')).toBeCloseTo(0.422222, 6)
    // Both: 1.2 kWh at 0.25 and 1000 s of one GPU at 3.60 an hour.
    const both = { pue: 1.2, tariff: flat(0.25), hardware: rent(3.6) }
    expect(amountOf({ joules: 3.6 }, both, 'money_per_mtok_out')).toBeCloseTo(1.3, 9)
    // 1 kWh at 0.5 L, and 1.2 kWh at 2 L of the electricity.
    const water = { pue: 1.2, wue: { site_l_per_it_kwh: 0.5, grid_l_per_kwh: 2 } }
    expect(amountOf({ joules: 3.6 }, water, 'water_per_mtok_out')).toBeCloseTo(2.9, 9)
    // 438 kg over 5 years of 8760 h are 10 g an hour; 0.2222 GPU hours, half of them reserved: 2.222 g and as much idle.
    const made = { embodied: { kg_per_gpu: 438, years: 5, util: 0.5, source: 'by hand' } }
    expect(amountOf(four, made, 'embodied_per_mtok_out')).toBeCloseTo(4.444444, 6)
    // 40 % at 0 g and 60 % at 500 g.
    const market = {
      pue: 1,
      market: { eac_share: 0.4, residual: { value: 500, source: 'by hand', kind: 'residual' } },
    } as const
    expect(amountOf({ joules: 3.6 }, market, 'carbon_market_per_mtok_out')).toBeCloseTo(300, 9)
    // 1000 s at 360 W are 0.1 kWh beside the 1 kWh.
    const host = { ...carbon, host_share_w: 360 }
    expect(amountOf({ joules: 3.6 }, host, 'carbon_location_per_mtok_out')).toBeCloseTo(528, 9)
  })

  it('lacks a total that lacks a line, with the reason, and never has the sum of the others', () => {
    const both = { pue: 1.2, tariff: flat(0.25), hardware: rent(3.6), intensity: factor(400) }
    const lacking = (shape: Shape, id: string, more: Partial<ScenarioInput> = both) => {
      const row = priced(configuration('c', shape), scenarioOf(more))[id]
      expect(row?.value).toBeNull()
      return row?.reason
    }
    expect(lacking({ joules: 3.6, gpus: null }, 'money_per_mtok_out')).toBe('no_data')
    expect(lacking({ joules: 3.6, tokens_s: null }, 'money_per_mtok_out')).toBe('not_recorded')
    expect(lacking({ joules: 3.6, tokens_s: 0 }, 'money_per_mtok_out')).toBe('zero_denominator')
    expect(lacking({ joules: null }, 'money_per_mtok_out')).toBe('not_recorded')
    expect(lacking({ joules: null }, 'carbon_location_per_mtok_out')).toBe('not_recorded')
    expect(lacking({ joules: -1 }, 'carbon_location_per_mtok_out')).toBe('implausible')
    expect(lacking({ joules: 3.6 }, 'carbon_market_per_mtok_out')).toBe('not_asked')
    expect(
      lacking({ joules: 1 }, 'carbon_location_per_mtok_out', {
        intensity: { zone: 'QQ' },
      }),
    ).toBe('no_zone')
    expect(
      lacking({ joules: 1 }, 'money_per_mtok_out', { tariff: flat(1, { currency: 'EUR' }) }),
    ).toBe('fx_missing')
    expect(
      lacking({ joules: 1, tokens_s: null }, 'carbon_location_per_mtok_out', {
        ...both,
        host_share_w: 100,
      }),
    ).toBe('not_recorded')
    // What the rent holds already needs no joules, and carbon needs neither GPUs nor seconds.
    const rented = { hardware: rent(3.6, true) }
    expect(amountOf({ joules: null }, rented, 'money_per_mtok_out')).toBeCloseTo(1, 9)
    const nothing = { joules: 3.6, gpus: null, tokens_s: null }
    expect(amountOf(nothing, both, 'carbon_location_per_mtok_out')).toBe(480)
    // Numbers that no scenario can take are none either.
    expect(lacking({ joules: 1, tokens_s: 1e-320 }, 'money_per_mtok_out')).toBe('implausible')
  })

  it('equals the per-unit value of a ledger under the same scenario and boundary', () => {
    // A run of 2 M output tokens: 2 kWh on two GPUs over 30 min. A token takes 3.6 J; 1111.1 tokens/s.
    const scenario = scenarioOf({
      intensity: factor(321, { u: 0.07 }),
      market: { eac_share: 0.3, residual: { value: 500, source: 'by hand', kind: 'residual' } },
      pue: { low: 1.1, value: 1.25, high: 1.4 },
      wue: { site_l_per_it_kwh: 0.3, grid_l_per_kwh: { low: 1, value: 2, high: 4 } },
      host_share_w: { low: 200, value: 300, high: 500 },
      tariff: flat(0.2, { tax_level: 'ex_tax', tax_frac: 0.1, u: 0.03 }),
      hardware: {
        ...DATED,
        kind: 'own',
        capex: { low: 150_000, value: 200_000, high: 260_000 },
        gpus: 8,
        years: 4,
        util: 0.6,
        opex_per_year: 9000,
      },
      embodied: {
        kg_per_gpu: { low: 150, value: 400, high: 900 },
        years: 5,
        util: 0.7,
        source: 'x',
      },
    })
    const timeline = timelineOf([['2026-01-01T00:00:00Z', '2026-01-01T00:30:00Z', 2]], {
      seconds: 1800,
      gpus: 2,
      gpu_hours_reserved: 1,
      u: { gpu: 0.05 },
    })
    const { per_unit } = cost(timeline, scenario)
    // 1.96 u as a ledger counts it: ± 0.3528 J a token.
    const c = configuration('c', {
      joules: 3.6,
      tokens_s: 2e6 / 1800,
      gpus: 2,
      half: 3.6 * 1.96 * 0.05,
      rate_half: 0,
    })
    const metrics = priced(c, scenario)
    for (const id of PRICED_IDS) {
      const theirs = per_unit[id]
      expect(theirs?.amount, id).not.toBeNull()
      expect(metrics[id]?.value).toBeCloseTo(theirs?.amount?.value ?? 0, 6)
      expect(metrics[id]?.low).toBeCloseTo(theirs?.amount?.low ?? 0, 5)
      expect(metrics[id]?.high).toBeCloseTo(theirs?.amount?.high ?? 0, 5)
      expect(metrics[id]?.unit).toBe(theirs?.unit)
    }
  })

  it('keeps apart what repeats, what a device shares, and what all candidates share', () => {
    // 1 kWh ± 10 %, of which 6 % repeat; 400 g/kWh with u = 10 %: 400 ± √(40² + (1.96 × 40)²) = ± 88.01.
    const c = configuration('c', { joules: 3.6, half: 0.36, repeat_half: 0.216 })
    const carbon = priced(c, scenarioOf({ pue: 1, intensity: factor(400, { u: 0.1 }) }))
    expect(carbon['carbon_location_per_mtok_out']).toMatchObject({
      value: 400,
      repeat_low: expect.closeTo(376, 9),
      repeat_high: expect.closeTo(424, 9),
      low: expect.closeTo(311.99, 2),
      high: expect.closeTo(488.01, 2),
      scope: 'gpu',
      common: {
        low: expect.closeTo(360, 9),
        high: expect.closeTo(440, 9),
        terms: [{ name: 'intensity', down: expect.closeTo(0.1, 12), up: expect.closeTo(0.1, 12) }],
      },
    })
    // Time moves with the tokens: 1 ± 5 % of rent beside 0.25 ± 6 % of electricity are 1.25 ± 0.065.
    const slow = configuration('c', { joules: 3.6, half: 0.216, rate_half: 50 })
    const money = priced(slow, scenarioOf({ pue: 1, tariff: flat(0.25), hardware: rent(3.6) }))
    expect(money['money_per_mtok_out']).toMatchObject({
      value: expect.closeTo(1.25, 9),
      repeat_low: expect.closeTo(1.185, 9),
      repeat_high: expect.closeTo(1.315, 9),
    })
    // Rent alone follows no energy, so it has no scope and can be compared across them; without a range none is known.
    const rented = priced(
      configuration('c', { joules: 1 }),
      scenarioOf({ hardware: rent(1, true) }),
    )
    expect(rented['money_per_mtok_out']).toMatchObject({ scope: null, low: null, repeat_low: null })
  })
})

const CARBON = 'carbon_location_per_mtok_out'
const MONEY = 'money_per_mtok_out'
const pricer = (more: Partial<ScenarioInput>, asked: readonly AskedMetric[] = []) => {
  const made = pricerOf(scenarioOf(more), 2026, NO_TABLES, asked)
  if (!('price' in made)) throw new Error(made.map((f) => `${f.path} ${f.message}`).join('; '))
  return made
}
const ask = (
  candidates: readonly Candidate[],
  scenario: Partial<ScenarioInput>,
  more: Partial<RecommendRequest> = {},
) => {
  const { pricing, price } = pricer(scenario)
  return recommend(candidates.map(price), {
    pricing: pricing(candidates),
    quality_dataset: null,
    minimize: CARBON,
    latency: 'itl_ms_p50',
    bounds: [],
    baseline: 'fastest_feasible',
    current: null,
    no_current: null,
    group_by: [],
    hardware: null,
    resamples: 400,
    seed: 1,
    ...more,
  })
}

describe('choosing by carbon and money', () => {
  const two = [
    configuration('fast', { joules: 2, itl: 30, half: 0.1, repeat_half: 0.02, tokens_s: 2000 }),
    configuration('slow', { joules: 1.5, itl: 45, half: 0.075, repeat_half: 0.015 }),
  ]
  const berlin = { pue: 1.2, intensity: factor(360, { u: 0.15 }) }

  it('speaks in their units, and what all share cancels in the saving', () => {
    const answer = ask(two, berlin)
    expect(recommendationSchema.parse(answer)).toEqual(answer)
    // 2 J are 0.5556 kWh a million, at 1.2 × 360 g/kWh 240 g; 1.5 J 180 g.
    expect(answer.recommended).toMatchObject({ id: 'slow', value: 180 })
    expect(answer.baseline?.value).toBe(240)
    expect(answer.reason).toMatch(
      /^batch slow takes 25 % \(24 to 26 %\) less carbon per output token than batch fast, the fastest within the bounds: 180 gCO2e \/ 1M output tokens at 45 ms inter-token latency p50, against 240 gCO2e \/ 1M output tokens; the least of 2\.$/,
    )
    // The number itself is known to the factor: 180 ± √(9² + (1.96 × 27)²) = ± 53.7.
    expect(answer.recommended?.low).toBeCloseTo(126.3, 1)
    const exact = ask(two, { ...berlin, intensity: factor(360, { u: 0 }) })
    expect(answer.saving_pct?.low).toBeCloseTo(exact.saving_pct?.low ?? 0, 0)
    expect(answer.saving_pct?.high).toBeCloseTo(exact.saving_pct?.high ?? 0, 0)
    expect(answer.pricing).toMatchObject({
      statement: 'Priced by electricity of 360 g/kWh (by hand); PUE 1.2.',
      factor: { value: 360, source: 'by hand' },
      currency: 'USD',
      year: 2026,
    })
    // The energy is a number of its own; under the scenario the chosen one tells it all.
    expect(answer.recommended?.values['energy_per_mtok_out']?.value).toBeCloseTo(0.5, 9)
  })

  it('costs, in the currency, within bounds', () => {
    const rented = { currency: 'EUR', hardware: rent(3.6, true) } as const
    const limit = { metric: MONEY, bound: 'max', limit: 0.6 } as const
    // 500 s and 1000 s of a GPU at 3.60 an hour.
    const answer = ask(two, rented, {
      minimize: MONEY,
      bounds: [limit],
      baseline: 'worst_feasible',
    })
    expect(answer.recommended).toMatchObject({ id: 'fast', value: 0.5 })
    expect(answer.reason).toBe(
      'batch fast costs 0.5 EUR / 1M output tokens at 30 ms inter-token latency p50: the only configuration with cost per output token at most 0.6 EUR / 1M output tokens; it is itself the worst within the bounds, so there is nothing to save.',
    )
    const dear = ask(two, rented, { minimize: MONEY, baseline: 'worst_feasible' })
    expect(dear.reason).toMatch(/^batch fast costs 50 % less per output token than batch slow, /)
    const much = [...two, configuration('all', { joules: 1, tokens_s: 4, itl: 500 })]
    // 500 s against 250,000.
    expect(ask(much, rented, { minimize: MONEY, baseline: 'worst_feasible' }).reason).toMatch(
      /^batch fast costs 99\.8 % less per output token than batch all, /,
    )
    const none = ask(two, rented, { minimize: MONEY, bounds: [{ ...limit, limit: 0.4 }] })
    expect(none.reason).toContain('has 0.5 EUR / 1M output tokens cost per output token, 0.1 EUR')
  })

  it('leaves out what lacks a number, with why', () => {
    const unknown = configuration('who', { joules: 1, gpus: null })
    const answer = ask([...two, unknown], { hardware: rent(1, true) }, { minimize: MONEY })
    expect(answer.excluded).toEqual([
      { id: 'who', reason: 'no_value', codes: [], metric: MONEY, why: 'no_data' },
    ])
    expect(ask(two, { intensity: { zone: 'QQ' } }).reason).toBe(
      'No configuration that the filters let through can be ranked: left out are 2 without carbon per output token (no table knows the zone or region, and no other place is taken for it).',
    )
  })

  it('says that one price was put to GPUs of several models', () => {
    const other = configuration('b200', { joules: 1, more: { gpu_model: 'B200' } })
    const rented = { hardware: rent(1, true) }
    expect(ask([...two, other], rented, { minimize: MONEY }).pricing?.assumptions).toEqual([
      'One price of a GPU hour was put to GPUs of 2 models (B200, H100); choose within one (gpu_model) where they differ.',
    ])
    expect(ask(two, rented, { minimize: MONEY }).pricing?.assumptions).toEqual([])
    expect(ask([...two, other], berlin).pricing?.assumptions).toEqual([])
  })

  it('does not call two the same because a price that only one feels is uncertain', () => {
    // Rent alone is exact; half of the other's money is electricity at ± 1.96 × 20 %.
    const power = { pue: 1, tariff: flat(1, { u: 0.2 }), hardware: rent(1.8) }
    const alike = (joules: number) =>
      ask(
        [
          configuration('a', { joules, half: 0.001, tokens_s: 1000 }),
          configuration('b', { joules: joules * 1.02, half: 0.001, tokens_s: 980 }),
        ],
        power,
        { minimize: MONEY },
      )
    // The same mix: the price cancels, and 2 % are told apart.
    expect(alike(1.8)).toMatchObject({ recommended: { id: 'a' }, equivalent: [] })
    // Little electricity against much: the price decides which is cheaper.
    const unlike = ask(
      [
        configuration('a', { joules: 0.18, half: 0.001, tokens_s: 526 }),
        configuration('b', { joules: 1.8, half: 0.001, tokens_s: 980 }),
      ],
      power,
      { minimize: MONEY },
    )
    expect(unlike).toMatchObject({ recommended: { id: 'a' }, equivalent: ['b'] })
    expect(unlike.chosen_share).toBeLessThan(0.7)
  })

  it('is plotted with its unit on the axis', () => {
    const { pricing, price } = pricer({ ...berlin, hardware: rent(2, true), currency: 'EUR' })
    const answer = frontierOf(two.map(price), {
      objectives: [
        { metric: MONEY, direction: 'min' },
        { metric: CARBON, direction: 'min' },
      ],
      bounds: [],
      group_by: [],
      rule: 'textbook',
      pricing: pricing(two),
      quality_dataset: null,
      resamples: 200,
      seed: 1,
    })
    expect(paretoSchema.parse(answer)).toEqual(answer)
    expect(answer.points.map((p) => [p.id, p.frontier, p.certainty])).toEqual([
      ['fast', true, 'certain'],
      ['slow', true, 'certain'],
    ])
    const text = JSON.stringify(frontierSpec(answer))
    expect(text).toContain('cost per output token, EUR / 1M output tokens')
    expect(text).toContain('carbon per output token, gCO2e / 1M output tokens')
  })
})

describe('a scenario for all candidates', () => {
  const faults = (more: Partial<ScenarioInput>, metric = CARBON) => {
    const made = pricerOf(scenarioOf(more), 2026, NO_TABLES, [{ path: 'minimize', metric }])
    return 'price' in made ? [] : made.map((f) => `${f.path} ${f.message}`)
  }

  it('must be one factor and one price', () => {
    const rows = [{ from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z', g_per_kwh: 300 }]
    expect(faults({ intensity: { series: { rows, source: 'rows.csv' } } })).toEqual([
      'intensity is a series over time (rows.csv), and candidates have no hour: all are priced by one factor; give zone or g_per_kwh in its place, or ask for the hours of one run with cost --hour or --best-hours',
    ])
    const hourly = flat(0.2, { periods: [{ from: '22:00', to: '06:00', rate: 0.1 }] })
    expect(faults({ tariff: hourly }, MONEY)[0]).toMatch(/^tariff has prices by the hour/)
    const demand = { rate_per_kw_month: 9, allocate: 'time_share' }
    expect(faults({ tariff: flat(0.2, { demand }) }, MONEY)[0]).toMatch(/has a demand charge/)
    const fixed = flat(0.2, { fixed_per_month: 30 })
    expect(faults({ tariff: fixed }, MONEY)[0]).toMatch(/has a charge by the month/)
    const spot = flat(0.2, {
      default_rate: null,
      spot: {
        series: [{ ...rows[0], g_per_kwh: undefined, per_mwh: 5 }].map(
          ({ g_per_kwh: _, ...r }) => r,
        ),
      },
    })
    expect(faults({ tariff: spot }, MONEY)[0]).toMatch(/has prices by the hour/)
  })

  it('must say what is asked for', () => {
    expect(faults({}, MONEY)).toEqual([
      'minimize asks for money_per_mtok_out, which needs a price: give price_per_kwh or tariff, or rent_per_gpu_hour or hardware',
    ])
    expect(faults({})[0]).toContain('give zone, cloud_region or g_per_kwh')
    expect(faults({ intensity: factor(1) }, 'energy_per_mtok_out')[0]).toContain('give pue')
    for (const id of PRICED_IDS) expect(faults({}, id)).toHaveLength(1)
    expect(faults({}, 'itl_ms_p50')).toEqual([])
    // A place that no table knows is an answer, with its reason, not a fault of the question.
    expect(faults({ intensity: { zone: 'QQ' } })).toEqual([])
  })
})

describe('laws', () => {
  // Whole millijoules: what differs by less than is rounded off has no order.
  const joules = fc.integer({ min: 10, max: 50_000 }).map((mj) => mj / 1000)
  const shape = fc.record({
    joules,
    tokens_s: fc.double({ min: 1, max: 1e5, noNaN: true }),
    gpus: fc.integer({ min: 1, max: 16 }),
    itl: fc.double({ min: 1, max: 500, noNaN: true }),
    half: fc.double({ min: 0, max: 0.005, noNaN: true }),
  })
  const shapes = fc.array(shape, { minLength: 2, maxLength: 8 })
  const listOf = (list: readonly Shape[]) => list.map((s, i) => configuration(`c${i}`, s))
  const values = (list: readonly Shape[], more: Partial<ScenarioInput>, id: string) =>
    listOf(list).map((c) => priced(c, scenarioOf(more))[id]?.value as number)
  const order = (numbers: readonly number[]) =>
    numbers.map((_, i) => i).sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b)
  const g_per_kwh = fc.double({ min: 1, max: 2000, noNaN: true })

  it('with a factor alone the order by carbon is that by energy', () => {
    fc.assert(
      fc.property(shapes, g_per_kwh, (list, g) => {
        const carbon = values(list, { intensity: factor(g) }, CARBON)
        expect(order(carbon)).toEqual(order(list.map((s) => s.joules)))
      }),
    )
  })

  it('twice the factor is twice the carbon, and another choice never', () => {
    fc.assert(
      fc.property(shapes, g_per_kwh, fc.double({ min: 0, max: 0.5, noNaN: true }), (list, g, u) => {
        const at = (f: number) =>
          ask(listOf(list), { pue: 1.3, intensity: factor(f, { u }) }, { resamples: 50 })
        const [once, twice] = [at(g), at(2 * g)]
        expect(twice.recommended?.id).toBe(once.recommended?.id)
        expect((twice.recommended?.value ?? 0) / (once.recommended?.value ?? 1)).toBeCloseTo(2, 5)
        // What lies on the very edge of noise is decided by rounding: one resample of 50.
        expect(Math.abs((twice.chosen_share ?? 0) - (once.chosen_share ?? 0))).toBeLessThan(0.03)
        expect(twice.saving_pct?.value).toBeCloseTo(once.saving_pct?.value ?? 0, 4)
      }),
      { numRuns: 40 },
    )
  })

  it('more PUE is never less of anything', () => {
    const pue = fc.double({ min: 1, max: 3, noNaN: true })
    const all: Partial<ScenarioInput> = {
      intensity: factor(300),
      tariff: flat(0.2),
      hardware: rent(2),
      wue: { site_l_per_it_kwh: 0.4, grid_l_per_kwh: 2 },
      embodied: { kg_per_gpu: 400, years: 5, source: 'by hand' },
    }
    fc.assert(
      fc.property(shape, pue, pue, (one, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        for (const id of PRICED_IDS.filter((i) => !i.startsWith('carbon_market')))
          expect(values([one], { ...all, pue: more }, id)[0]).toBeGreaterThanOrEqual(
            values([one], { ...all, pue: less }, id)[0] as number,
          )
      }),
    )
  })

  it('with rent alone the order by money is that by GPU seconds of a token', () => {
    fc.assert(
      fc.property(shapes, fc.double({ min: 0.1, max: 20, noNaN: true }), (list, price) => {
        const money = values(list, { hardware: rent(price, true) }, MONEY)
        const seconds = list.map((s) => (s.gpus ?? 1) / (s.tokens_s ?? 1))
        const byMoney = order(money).map((i) => seconds[i] as number)
        // Equal to the rounding of a billionth of the money, whose order says nothing.
        byMoney.slice(1).forEach((s, i) => {
          expect(s).toBeGreaterThanOrEqual((byMoney[i] as number) * (1 - 1e-6))
        })
      }),
    )
  })

  it('a range holds its value, and what repeats lies within the whole', () => {
    fc.assert(
      fc.property(shape, fc.double({ min: 0, max: 1, noNaN: true }), (one, u) => {
        const metrics = priced(
          configuration('c', one),
          scenarioOf({
            pue: { low: 1, value: 1.2, high: 1.5 },
            intensity: factor(300, { u }),
            tariff: flat(0.2, { u }),
            hardware: rent(2),
          }),
        )
        for (const id of [CARBON, MONEY, 'energy_per_mtok_out']) {
          const { value, low, high, repeat_low, repeat_high, common } = metrics[id] as never as {
            [key: string]: number
          } & { common: { low: number; high: number } }
          const ends = [low, common.low, repeat_low, value, repeat_high, common.high, high]
          ends.slice(1).forEach((end, i) => {
            expect(end as number).toBeGreaterThanOrEqual((ends[i] as number) - 1e-6)
          })
        }
      }),
    )
  })
})
