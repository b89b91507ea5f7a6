import { z } from 'zod'
import { besideSchema } from './beside.ts'
import { findingSchema } from './finding.ts'
import { idSchema } from './id.ts'
import { reasonSchema } from './reason.ts'
import { UNITS } from './units.ts'

/**
 * Version of the formulas. A summary is a cache of one run under one version; a change that moves any
 * number raises it and is told in CHANGELOG.md.
 */
export const ANALYSIS_VERSION = 5

const bound = z.number().nullable()
const time = z.union([z.number(), z.bigint()])

/**
 * One part of an uncertainty, standard, in the unit of the metric. `shared`: common to all runs of the device; `source`:
 * the sensor whose part it is.
 */
export const componentSchema = z.object({
  name: z.string(),
  value: z.number(),
  shared: z.boolean(),
  source: z.string().nullish(),
})
export type Component = z.infer<typeof componentSchema>

export const metricValueSchema = z.object({
  value: z.number().nullable(),
  unit: z.enum(UNITS),
  low: bound.meta({ description: '95 %, everything included' }),
  high: bound,
  repeat_low: bound.meta({ description: '95 %, without what is common to all runs on the device' }),
  repeat_high: bound,
  n: z.int().nonnegative().nullable().meta({ description: 'how many values it was made of' }),
  reason: reasonSchema.nullable(),
  provenance: z.string().nullable().meta({ description: 'source, e.g. nvml_power_ring' }),
  scope: z.string().nullish(),
  components: z.array(componentSchema).nullish(),
})
export type MetricValue = z.infer<typeof metricValueSchema>

export const windowSchema = z.object({
  start_t_ns: time,
  end_t_ns: time,
  duration_s: z.number(),
  rule: z.string(),
})

export const summaryDeviceSchema = z.object({
  device_id: idSchema,
  kind: z.string(),
  model: z.string().nullable(),
  used: z.boolean(),
  energy_j: z.number().nullable(),
  low: bound,
  high: bound,
  reason: reasonSchema.nullable(),
  provenance: z.string().nullable(),
  power_mean_w: z.number().nullable(),
  idle_cold_w: z.number().nullable(),
  idle_resident_w: z.number().nullable(),
  /** Every estimate of the same energy, by source: the chosen one and its cross-checks. */
  estimates: z.array(
    z.object({
      source: z.string(),
      method: z.string(),
      energy_j: z.number().nullable(),
      reason: reasonSchema.nullable(),
    }),
  ),
  components: z.array(componentSchema),
  temperature_max_c: z.number().nullable(),
  memory_peak_mib: z
    .number()
    .nullish()
    .meta({ description: 'largest reading of all its memory in use within the window' }),
})
export type SummaryDevice = z.infer<typeof summaryDeviceSchema>

const said = z.string().nullable()
/** What a run's numbers are numbers of. Runs that differ in one of these are never counted as one. */
export const definitionSchema = z.object({
  model: said,
  weights: said.meta({ description: "SHA-256 of the weights' file" }),
  engine: said,
  precision: said,
  dataset: said,
  token_source: said.meta({ description: 'of most answers: usage, chunk_tokens or chunks' }),
})
export type Definition = z.infer<typeof definitionSchema>

export const countedSchema = z
  .int()
  .nonnegative()
  .nullable()
  .meta({ description: 'as the program counted; null: it did not, or not in every window' })

/** All windows of one name. Nested windows hold each other's joules: names are never added up. */
export const windowGroupSchema = z.object({
  name: z.string(),
  n: z.int().positive().meta({
    description: 'windows counted: those that were ended, or all where none was',
  }),
  unclosed: z.int().nonnegative(),
  duration_s: z.number().meta({ description: 'of all that are counted' }),
  tokens: countedSchema,
  requests: countedSchema,
  metrics: z.record(z.string(), metricValueSchema).meta({
    description: 'sums over the windows, and with _mean their mean with its range over the repeats',
  }),
  devices: z.array(
    z.object({
      device_id: idSchema,
      energy_j: z.number().nullable(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      reason: reasonSchema.nullable(),
    }),
  ),
})
export type WindowGroup = z.infer<typeof windowGroupSchema>

export const summarySchema = z.object({
  run_id: idSchema,
  name: z.string().nullable(),
  study_id: z.string().nullable(),
  experiment_key: z.string(),
  analysis_version: z.int(),
  valid: z.boolean(),
  definition: definitionSchema.nullish(),
  window: windowSchema.nullable(),
  metrics: z.record(z.string(), metricValueSchema),
  devices: z.array(summaryDeviceSchema),
  findings: z.array(findingSchema),
  kind: z
    .string()
    .default('run')
    .meta({ description: 'run: under our load; measure: any program' }),
  windows: z
    .array(windowGroupSchema)
    .meta({ description: 'windows that programs marked, by name' }),
  beside: z.array(besideSchema).nullish().meta({
    description: 'what other tools told of the same windows, by sensors.beside',
  }),
})
export type Summary = z.infer<typeof summarySchema>
