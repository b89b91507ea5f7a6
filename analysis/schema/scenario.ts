import { z } from 'zod'
import { factorSchema, MOST, MOST_G_PER_KWH, quantity, seriesSchema } from './factor.ts'
import { currencySchema, tariffSchema } from './tariff.ts'

export const FUNCTIONAL_UNITS = [
  'mtok_out',
  'mtok_total',
  'mtok_good',
  'request',
  'good_request',
] as const
export type FunctionalUnit = (typeof FUNCTIONAL_UNITS)[number]

/** Years that a factor may be of. */
export const FIRST_YEAR = 1990
export const LAST_YEAR = 2100
const yearSchema = z.int().min(FIRST_YEAR).max(LAST_YEAR)
const zoneSchema = z
  .string()
  .min(1)
  .max(40)
  .describe('of Electricity Maps (DE, US-CAL-CISO), ISO 3166 alpha-3 or a group of Ember (WORLD)')

const zoned = z.strictObject({
  zone: zoneSchema,
  year: yearSchema.nullable().default(null).describe("null: the run's year"),
})
const inRegion = z.strictObject({
  cloud_region: z
    .string()
    .regex(
      /^(aws|azure|gcp):[a-z0-9-]+$/,
      'must be provider:region, such as aws:eu-central-1 (aws, azure or gcp)',
    ),
  year: yearSchema.nullable().default(null),
})
const bySeries = z
  .strictObject({
    series: seriesSchema,
    gap: z
      .enum(['null', 'annual'])
      .default('null')
      .describe('annual: hours that are missing take the factor of zone and year, and are told'),
    zone: zoneSchema.nullable().default(null),
    year: yearSchema.nullable().default(null),
  })
  .refine((s) => s.gap !== 'annual' || s.zone !== null, {
    path: ['zone'],
    message: 'must name a zone where gap is annual: its factor of the year fills the holes',
  })
const byFactor = z.strictObject({ factor: factorSchema })

export const intensitySchema = z.union([zoned, inRegion, bySeries, byFactor])
export type IntensityChoice = z.infer<typeof intensitySchema>

const marketSchema = z.strictObject({
  eac_share: z.number().min(0).max(1).describe('share of the electricity with certificates'),
  eac_g_per_kwh: z.number().nonnegative().max(MOST_G_PER_KWH).default(0),
  residual: factorSchema
    .nullable()
    .describe(
      'the residual mix, of what has no certificates; null: not known, and neither is the result',
    ),
  hourly_cfe_kwh: z
    .array(z.number().nonnegative())
    .max(100_000)
    .nullable()
    .default(null)
    .describe(
      'carbon-free energy bought for each hour of the run, the first its first hour in UTC',
    ),
})

const asOf = z.iso.date({ message: 'must be the date that it is of, such as 2026-01-31' })
const sourced = { as_of: asOf, source: z.string().min(1).max(300) }
const share = z.number().min(1e-6).max(1)
const years = z.number().min(0.01).max(100)

const rentSchema = z.strictObject({
  kind: z.literal('rent'),
  per_gpu_hour: quantity(),
  includes_electricity: z.boolean(),
  currency: currencySchema.nullable().default(null).describe("null: the scenario's"),
  ...sourced,
})
const ownSchema = z.strictObject({
  kind: z.literal('own'),
  capex: quantity().describe('price of all gpus with their host'),
  gpus: z.int().positive().max(1e6),
  years,
  util: share.describe('share of the hours that somebody reserves'),
  residual_frac: z.number().min(0).max(1).default(0),
  wacc: z
    .number()
    .min(1e-4)
    .max(1)
    .nullable()
    .default(null)
    .describe('cost of capital a year; given: annuity, null: straight line'),
  opex_per_year: z.number().nonnegative().max(MOST).nullable().default(null),
  currency: currencySchema.nullable().default(null),
  ...sourced,
})
export const hardwareSchema = z.discriminatedUnion('kind', [rentSchema, ownSchema])
export type Hardware = z.infer<typeof hardwareSchema>

export const embodiedSchema = z.strictObject({
  kg_per_gpu: quantity(),
  years,
  util: share.default(1).describe('share of the hours that somebody reserves'),
  source: z.string().min(1).max(300),
})

const fxSchema = z.strictObject({
  from: currencySchema,
  to: currencySchema,
  rate: z.number().min(1e-9).max(1e9).describe('one of from is so many of to'),
  date: z.iso.date(),
  source: z.string().min(1).max(300),
})

export const SCENARIO_VERSION = 1

export const scenarioIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'must be a name of A-Z a-z 0-9 . _ -')

/** Where, when and at which prices a run is put: everything of its cost that is not in the run. */
export const scenarioSchema = z.strictObject({
  scenario_version: z.literal(SCENARIO_VERSION, {
    error: `must be ${SCENARIO_VERSION}: the version of scenarios that this program reads`,
  }),
  id: scenarioIdSchema,
  title: z.string().max(300).default(''),
  intensity: intensitySchema.nullable().default(null),
  market: marketSchema.nullable().default(null),
  pue: quantity(1, 10)
    .nullable()
    .default(null)
    .describe('energy of the site over that of its IT; null: unknown, shown as an interval'),
  wue: z
    .strictObject({
      site_l_per_it_kwh: quantity().nullable().default(null),
      grid_l_per_kwh: quantity().nullable().default(null),
      source: z.string().max(300).default(''),
    })
    .nullable()
    .default(null),
  host_share_w: quantity()
    .nullable()
    .default(null)
    .describe('watts of the parts of the machine that the run did not measure'),
  tariff: tariffSchema.nullable().default(null),
  hardware: hardwareSchema.nullable().default(null),
  embodied: embodiedSchema.nullable().default(null),
  fx: z.array(fxSchema).max(100).default([]),
  unit: z.enum(FUNCTIONAL_UNITS).default('mtok_out').describe('functional unit R of the SCI'),
  currency: currencySchema.default('USD'),
  carbon_price_per_t: z.number().nonnegative().max(MOST).nullable().default(null),
})
export type Scenario = z.infer<typeof scenarioSchema>
export type ScenarioInput = z.input<typeof scenarioSchema>
