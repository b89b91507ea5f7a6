import { z } from 'zod'
import { idSchema } from './id.ts'

/** The kinds of source that an agent can open, best first: the values of `sensors.only`. */
export const SENSOR_SOURCES = [
  'nvml',
  'amdsmi',
  'hwmon',
  'ioreport',
  'rapl',
  'zeusd',
  'jetson',
  'acpi',
  'battery',
  'redfish',
  'ipmi',
  'plug',
  'cpu_estimate',
] as const
export type SensorSourceName = (typeof SENSOR_SOURCES)[number]

/** Where a value may come from: the values of a sensor's `source`. */
export const SOURCES = [
  'nvml_power_ring',
  'nvml_power_instant',
  'nvml_power_average',
  'nvml_energy',
  'nvml',
  'rapl',
  'cpu_estimate',
  'amdsmi',
  'hwmon',
  'ioreport',
  'ina3221',
  'redfish',
  'ipmi',
  'plug',
  'battery',
  'zeusd',
  'acpi',
  'procfs',
  'agent_process',
  'agent_sampler',
] as const
export type Source = (typeof SOURCES)[number]

export const SCOPES = [
  'gpu',
  'module',
  'memory',
  'package',
  'core',
  'performance_cores',
  'efficiency_cores',
  'npu',
  'dram',
  'platform',
  'rail',
  'node',
  'supply',
] as const

/** How a sensor may be wrong. `gain_rel`: a bound on the relative error, with where it comes from. */
export const accuracySchema = z.looseObject({
  gain_rel: z.number().nonnegative().nullish(),
  offset_w: z.number().nonnegative().nullish(),
  basis: z.enum(['vendor', 'measured', 'assumed', 'published']).nullish(),
})

/** One row of run.json's `sensors`: what a source of the `sample` stream measures, and how well. */
export const sensorSchema = z.looseObject({
  sensor_id: idSchema,
  device_id: idSchema,
  metric: z.string().min(1),
  source: z.union([z.enum(SOURCES), z.string()]),
  scope: z.union([z.enum(SCOPES), z.string()]).nullish(),
  averaging_ms: z.number().nonnegative().nullish(),
  period_ms: z
    .number()
    .positive()
    .nullish()
    .meta({ description: 'refresh period of the source, ms' }),
  duty: z
    .number()
    .positive()
    .max(1)
    .nullish()
    .meta({ description: 'share of each period that the sensor looks at; absent: not known' }),
  /** A counter's declared range in its own unit: it wraps there. null: it never wraps. */
  range: z.number().positive().nullish(),
  max_w: z
    .number()
    .positive()
    .nullish()
    .meta({ description: 'the most that can be drawn, W: a wrap that would mean more is a reset' }),
  lag_ms: z
    .number()
    .nonnegative()
    .nullish()
    .meta({ description: 'by how much its readings may be late at most, ms' }),
  standby: z
    .boolean()
    .nullish()
    .meta({ description: 'read only while the better source of the same quantity fails' }),
  shared_with: z
    .array(z.string())
    .nullish()
    .meta({ description: 'parts that one sensor measures together' }),
  /** What is said in another form is not understood, and the source's general bound holds. */
  accuracy: z.union([accuracySchema.nullish(), z.unknown().transform(() => null)]),
})
export type SensorRow = z.infer<typeof sensorSchema>
