import { z } from 'zod'
import { reasonSchema } from './reason.ts'
import { accuracySchema } from './sensor.ts'

const callSchema = z.object({
  n: z.int().nonnegative(),
  median_us: z.number().nullable(),
  p99_us: z.number().nullable(),
})

/** One source of one metric of one device, as it was found and tried. */
const sourceSchema = z.object({
  sensor_id: z.string(),
  source: z.string(),
  metric: z.string(),
  scope: z.string().nullable(),
  unit: z.string().nullable().describe('null: of a metric that this version does not know'),
  energy: z.boolean().describe('tells power or energy'),
  measured: z.boolean().describe('false: an estimate'),
  value: z.number().nullable().describe('last reading, in the unit'),
  reason: reasonSchema.nullable().describe('why there was none'),
  fault: z.string().nullable().describe('what reading it threw, where it did'),
  /** Seen on the spot. */
  changes: z.int().nonnegative(),
  period_ms: z
    .number()
    .nullable()
    .describe('median time between stamps or changes; null: it changed too seldom to tell'),
  period_by: z.enum(['stamps', 'changes']),
  step: z.number().nullable().describe('smallest change, in the unit'),
  call: callSchema,
  /** As the driver or its makers state it. */
  stated_period_ms: z.number().nullable(),
  averaging_ms: z.number().nullable(),
  duty: z.number().nullable().describe('share of each period that it looks at'),
  accuracy: accuracySchema.nullable(),
})
export type DoctorSource = z.infer<typeof sourceSchema>

const missingSchema = z.object({
  source: z.string(),
  device_id: z.string().nullable(),
  reason: reasonSchema,
  fix: z.string(),
})
export type DoctorMissing = z.infer<typeof missingSchema>

/** A setting worth knowing, and what to type where another would measure better. */
const settingSchema = z.object({
  setting: z.string(),
  value: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  advice: z.string().nullable(),
})
export type DoctorSetting = z.infer<typeof settingSchema>

const deviceSchema = z.object({
  device_id: z.string(),
  kind: z.string(),
  model: z.string().nullable(),
  index: z.int().nullable(),
  driver: z.string().nullable().describe('version of its driver'),
  rated_w: z.number().nullable(),
  sources: z.array(sourceSchema),
  missing: z.array(missingSchema),
  settings: z.array(settingSchema),
  throttled_by: z.array(z.string()).nullable().describe('reasons now; null: not told'),
  processes: z
    .array(z.object({ pid: z.int(), name: z.string().nullable() }))
    .nullable()
    .describe('who is on it now; null: not told'),
  locked_by_pid: z.int().nullable().describe('the agent that measures it now'),
})
export type DoctorDevice = z.infer<typeof deviceSchema>

/** What `llem-agent doctor --json` prints. */
export const doctorSchema = z.object({
  agent_version: z.string(),
  taken_at: z.iso.datetime(),
  host: z.object({
    hostname: z.string().nullable(),
    os: z.string().nullable(),
    arch: z.string().nullable(),
    cpu_model: z.string().nullable(),
    cpu_cores: z.int().nullable(),
    memory_bytes: z.number().nullable(),
    node_version: z.string(),
    container: z.boolean(),
    cpu_limit_cores: z.number().nullable().describe('of the control group; null: none'),
  }),
  clock: z.object({
    monotonic_step_ns: z.number().describe('smallest difference of two readings'),
    wall_error_ns: z.number().describe('how well the wall clock is known on the monotonic one'),
    wall_drift_ns: z.number().describe('by how much the two parted while the sensors were tried'),
    seconds: z.number().describe('how long that was'),
  }),
  spool: z.object({
    dir: z.string(),
    writable: z.boolean(),
    free_bytes: z.number().nullable(),
    fix: z.string().nullable(),
  }),
  devices: z.array(deviceSchema),
  missing: z.array(missingSchema).describe('what belongs to no device'),
  verdict: z.object({
    trusted: z.boolean().describe('something is measured, not only estimated'),
    sentence: z.string(),
  }),
})
export type Doctor = z.infer<typeof doctorSchema>
