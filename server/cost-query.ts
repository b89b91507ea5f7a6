import { z } from 'zod'
import { instantSchema } from '../analysis/schema/instant.ts'
import { queryNumber, readDecimal } from '../analysis/schema/query-number.ts'
import {
  FIRST_YEAR,
  FUNCTIONAL_UNITS,
  LAST_YEAR,
  type Scenario,
} from '../analysis/schema/scenario.ts'
import { scenarioRefSchema } from '../analysis/schema/stored.ts'
import { readScenario, ScenarioError } from './scenario-file.ts'

const fromZero = queryNumber({ least: 0 })

/** What one may say of a scenario in an address or on a command line; all of it is in a scenario file. */
export const costQuerySchema = z.strictObject({
  scenario: scenarioRefSchema.optional().meta({
    description: 'NAME or NAME@VERSION of a stored scenario; other parameters go over it',
  }),
  zone: z.string().optional().meta({
    description: 'of Electricity Maps (DE, US-CAL-CISO), ISO 3166 alpha-3, or WORLD',
  }),
  cloud_region: z.string().optional().meta({ description: 'aws:eu-central-1, in place of zone' }),
  g_per_kwh: queryNumber({ above: 0 })
    .optional()
    .meta({ description: 'a factor of your own, in place of zone' }),
  year: queryNumber({ whole: true, least: FIRST_YEAR, most: LAST_YEAR })
    .optional()
    .meta({ description: "of the factor; without: the run's" }),
  pue: z.string().optional().meta({ description: 'a number from 1 up, or a row such as google' }),
  wue_site: z.string().optional().meta({ description: 'L per kWh of IT, or a row such as aws' }),
  wue_grid: z.string().optional().meta({ description: 'L per kWh, or a row such as DEU' }),
  host_share_w: fromZero.optional(),
  tariff: z.string().optional().meta({ description: 'a row such as us-ca-industrial-2023' }),
  price_per_kwh: queryNumber()
    .optional()
    .meta({ description: 'in the currency, in place of tariff' }),
  hardware: z.string().optional().meta({ description: 'a row such as h100-2026-07' }),
  rent_per_gpu_hour: fromZero.optional().meta({
    description: 'electricity included, in place of hardware',
  }),
  embodied: z.string().optional().meta({ description: 'a row such as h100-sxm' }),
  carbon_price_per_t: fromZero.optional(),
  currency: z.string().optional(),
  unit: z.enum(FUNCTIONAL_UNITS).optional(),
  hour: z
    .union([z.string().regex(/^([01]?\d|2[0-3])$/), instantSchema], {
      error:
        'must be an hour of the day, 0 to 23, or a time with its offset such as 2026-07-14T02:00:00Z',
    })
    .optional()
    .meta({ description: 'as if the run had begun then' }),
  span: z.enum(['window', 'recorded']).default('window').meta({
    description: 'window: what the summary counts; recorded: load and warm-up too',
  }),
  boundary: z
    .enum(['gpu', 'cpu', 'gpu+cpu', 'node'])
    .optional()
    .meta({ description: 'without: the widest that was measured' }),
})
export type CostQuery = z.infer<typeof costQuerySchema>

/** The same where fetched factors are at hand: `scenarioAsked` puts them in. */
export const scenarioQuerySchema = costQuerySchema.extend({
  series: z
    .string()
    .regex(/^[a-z-]+:.+$/, 'must be PROVIDER:ZONE, such as gb:GB')
    .transform((text) => {
      const cut = text.indexOf(':')
      return { provider: text.slice(0, cut), zone: text.slice(cut + 1) }
    })
    .optional()
    .meta({ description: 'PROVIDER:ZONE of fetched factors, in place of zone' }),
})
export type ScenarioQuery = z.infer<typeof scenarioQuerySchema>

/** Of these at most one: they say the same thing in different ways. */
const ALTERNATIVES: readonly (readonly (keyof CostQuery)[])[] = [
  ['zone', 'cloud_region', 'g_per_kwh'],
  ['tariff', 'price_per_kwh'],
  ['hardware', 'rent_per_gpu_hour'],
]

/** What is not of a scenario, but of the run. */
const OF_THE_RUN: readonly string[] = ['span', 'boundary', 'hour']

/** The parameters that say something of a scenario. */
const saidOf = (query: ScenarioQuery): string[] =>
  Object.entries(query).flatMap(([key, v]) =>
    v === undefined || OF_THE_RUN.includes(key) ? [] : [key],
  )

/** Whether anything of a scenario is said. */
export const saysScenario = (query: ScenarioQuery): boolean => saidOf(query).length > 0

/** The parameters that go over a stored scenario, in the order in which the API lists them. */
export const saidOver = (query: ScenarioQuery): string[] => {
  const said = saidOf(query)
  return Object.keys(scenarioQuerySchema.shape).filter((k) => k !== 'scenario' && said.includes(k))
}

/**
 * What was said, put over a scenario; `base` null: over nothing.
 * @param today the date of prices that are given without one, YYYY-MM-DD
 * @throws ScenarioError
 */
export function scenarioFrom(query: CostQuery, base: Scenario | null, today: string): Scenario {
  refuseTwice(query)
  const currency = query.currency ?? base?.currency ?? 'USD'
  const dated = { as_of: today, source: 'as given' }
  const wue = {
    ...given('site_l_per_it_kwh', query.wue_site, numberOrRow),
    ...given('grid_l_per_kwh', query.wue_grid, numberOrRow),
  }
  const over: Record<string, unknown> = {
    ...given('intensity', intensityFrom(query, base)),
    ...given('pue', query.pue, numberOrRow),
    ...(Object.keys(wue).length === 0 ? {} : { wue }),
    ...given('host_share_w', query.host_share_w),
    ...given('tariff', query.tariff),
    ...given('tariff', query.price_per_kwh, (rate) => ({
      ...dated,
      tz: 'UTC',
      currency,
      default_rate: rate,
    })),
    ...given('hardware', query.hardware),
    ...given('hardware', query.rent_per_gpu_hour, (rate) => ({
      ...dated,
      kind: 'rent',
      per_gpu_hour: rate,
      includes_electricity: true,
    })),
    ...given('embodied', query.embodied),
    ...given('carbon_price_per_t', query.carbon_price_per_t),
    ...given('currency', query.currency),
    ...given('unit', query.unit),
  }
  return readScenario(
    { ...(base ?? { scenario_version: 1, id: 'as-asked' }), ...over },
    'the scenario',
  )
}

function refuseTwice(query: CostQuery): void {
  for (const keys of ALTERNATIVES) {
    const [first, second] = keys.filter((k) => query[k] !== undefined)
    if (first !== undefined && second !== undefined)
      throw new ScenarioError('the scenario', [
        { path: second, message: `is given beside ${first}; give one of ${keys.join(', ')}` },
      ])
  }
}

function intensityFrom(query: CostQuery, base: Scenario | null): unknown {
  const { zone, cloud_region, g_per_kwh, year } = query
  if (g_per_kwh !== undefined) return { factor: { value: g_per_kwh, source: 'as given' } }
  const own = zone !== undefined ? { zone } : cloud_region !== undefined ? { cloud_region } : null
  if (own !== null) return { ...own, ...given('year', year) }
  if (year === undefined) return undefined
  const before = base?.intensity ?? null
  if (before === null || 'factor' in before || 'series' in before)
    throw new ScenarioError('the scenario', [
      {
        path: 'year',
        message: 'needs zone or cloud_region, whose factor of that year it asks for',
      },
    ])
  return { ...before, year }
}

const given = <T>(key: string, value: T | undefined, make: (value: T) => unknown = (v) => v) =>
  value === undefined ? {} : { [key]: make(value) }

/** A number as number, any other text as the name of a row. */
const numberOrRow = (text: string): number | string => readDecimal(text) ?? text
