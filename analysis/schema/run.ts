import { z } from 'zod'
import { deviceSchema } from './device.ts'
import { experimentSchema } from './experiment.ts'
import { idSchema } from './id.ts'
import { canonicalJson } from './key.ts'
import { sensorSchema } from './sensor.ts'
import { bigIntSchema } from './time.ts'

export const BUNDLE_VERSION = 1

export const PHASES = [
  'baseline',
  'load',
  'idle',
  'warmup',
  'measure',
  'drain',
  'cooldown',
] as const
export type PhaseName = (typeof PHASES)[number]

export const RUN_OUTCOMES = ['completed', 'failed', 'interrupted'] as const
export type RunOutcome = (typeof RUN_OUTCOMES)[number]

const phaseSchema = z
  .looseObject({
    phase: z.enum(PHASES),
    start_t_ns: bigIntSchema,
    end_t_ns: bigIntSchema,
  })
  .refine((p) => p.end_t_ns >= p.start_t_ns, {
    path: ['end_t_ns'],
    message: 'must not lie before start_t_ns',
  })

const hostFields = z.looseObject({
  hostname: z.string().nullish(),
  os: z.string().nullish(),
  arch: z.string().nullish(),
  cpu_model: z.string().nullish(),
  cpu_cores: z.int().positive().nullish(),
  memory_bytes: z.number().nonnegative().nullish(),
})
/** A text alone means the host's name. */
const hostSchema = z.preprocess(
  (v) => (typeof v === 'string' ? { hostname: v } : v),
  hostFields.nullish(),
)
export type Host = z.infer<typeof hostFields>

/** What a process that stamps times knows of the wall clock: read mono, wall, mono; error is half the span. */
export const clockAnchorSchema = z.looseObject({
  t_ns: bigIntSchema,
  wall_unix_ns: bigIntSchema,
  error_ns: z.number().nonnegative().nullish(),
})

const processSchema = z.looseObject({
  process_id: idSchema,
  rank: z.int().nonnegative().nullish(),
  world_size: z.int().positive().nullish(),
  role: z.union([z.enum(['load', 'worker', 'sampler', 'agent']), z.string()]).nullish(),
  /** Of a worker that does only one of both. */
  phase: z.enum(['prefill', 'decode']).nullish(),
  pid: z.int().nullish(),
  /** The devices that it computes on, not those that it watches. */
  device_ids: z.array(idSchema).nullish(),
  /** What another tool says that this process drew in phase measure, J: a claim to be judged, never added up. */
  claimed_energy_j: z.number().nonnegative().nullish(),
  clock: z.array(clockAnchorSchema).nullish(),
})

/**
 * run.json: what describes a run, without its rows. Times are bigint here, exactly as they stood;
 * `analysis/readings/run-data.ts` turns them into numbers since the run's origin.
 */
export const runFileSchema = z.looseObject({
  bundle_version: z.literal(BUNDLE_VERSION, {
    error: (issue) =>
      `is ${canonicalJson(issue.input)}; this program reads bundle_version ${BUNDLE_VERSION}`,
  }),
  run: z.looseObject({
    run_id: idSchema,
    study_id: idSchema.nullish(),
    experiment: experimentSchema,
    host: hostSchema,
    /** Without an offset it is UTC. */
    started_at: z.iso
      .datetime({ offset: true, local: true })
      .transform((text) => (/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`))
      .nullish(),
    phases: z.array(phaseSchema),
    outcome: z.enum(RUN_OUTCOMES).nullish(),
    reason: z.string().nullish(),
    /** Place in its study: which cycle, and which of how many runs. */
    cycle: z.int().nonnegative().nullish(),
  }),
  devices: z.array(deviceSchema),
  processes: z.array(processSchema).min(1, 'needs at least one process'),
  sensors: z.array(sensorSchema).nullish(),
  environment: z.record(z.string(), z.unknown()).nullish(),
})
export type RunFile = z.infer<typeof runFileSchema>
/** run.json before parsing: what an agent writes. */
export type RunFileInput = z.input<typeof runFileSchema>

export type Phase = z.infer<typeof phaseSchema>
export type Process = z.infer<typeof processSchema>
