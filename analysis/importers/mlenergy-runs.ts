import type { Finding } from '../schema/finding.ts'
import type { Result, ResultMetric } from '../schema/result.ts'
import type { Collector } from './collector.ts'
import { type Fields, fieldsOf, type JsonObject } from './fields.ts'
import type { Content, ImportFile } from './importer.ts'
import { broken, PUBLISHED_TOLERANCE } from './mlenergy-identities.ts'
import { type Published, rowContext } from './mlenergy-published.ts'
import { METRICS, publishedResult, type RowKind, RUN_PREFIX, SETUP } from './mlenergy-row.ts'
import { stabilityFindings, toldUnstable, unknownStability } from './mlenergy-stability.ts'
import { resultMetric } from './result-metric.ts'

/** Columns of the tables of runs that a task file has not, and what becomes of them; null: kept as `runs.NAME`. */
const RUN_COLUMNS: Readonly<Record<string, string | null>> = {
  domain: 'setup',
  task: 'task',
  steady_state_energy_joules: 'energy_gpu_j',
  mean_itl_ms: 'itl_ms_mean',
  total_output_tokens: 'output_tokens',
  completed_requests: 'requests_completed',
  seed: null,
  num_request_repeats: null,
  steady_state_duration_seconds: null,
  request_throughput_req_per_sec: null,
  p50_itl_ms: null,
  use_torch_compile: null,
  is_stable: null,
  unstable_reason: null,
  results_path: null,
  prometheus_path: null,
}
/** Over which window the tool counts those that become ours. */
const RUN_METRICS: readonly (readonly [string, 'steady' | 'run'])[] = [
  ['steady_state_energy_joules', 'steady'],
  ['mean_itl_ms', 'run'],
  ['total_output_tokens', 'run'],
  ['completed_requests', 'run'],
]

/** Of images and videos the tables know one name; task files tell them apart. */
const GENERATION: Record<'image' | 'video', Readonly<Record<string, string>>> = {
  image: {
    energy_per_generation_joules: 'energy_per_image_joules',
    throughput_generations_per_sec: 'throughput_images_per_sec',
    height: 'image_height',
    width: 'image_width',
  },
  video: {
    energy_per_generation_joules: 'energy_per_video_joules',
    throughput_generations_per_sec: 'throughput_videos_per_sec',
    height: 'video_height',
    width: 'video_width',
  },
}

const NUMBERS: Record<RowKind, readonly string[]> = {
  token: [
    ...namesOf('token'),
    'max_num_seqs',
    'tensor_parallel',
    'expert_parallel',
    'data_parallel',
    'architecture',
  ],
  image: [...namesOf('image'), 'batch_size'],
  video: [...namesOf('video'), 'batch_size'],
}
const KINDS = ['token', 'image', 'video'] as const

function namesOf(kind: RowKind): string[] {
  return [...METRICS[kind].map(([theirs]) => theirs), ...SETUP[kind]]
}

type Table = Extract<Content, { form: 'table' }>

/** At least three columns that no other table of results has under the same names. */
export const isRunTable = (content: Content): content is Table => {
  if (content.form !== 'table') return false
  const own = new Set([
    ...KINDS.flatMap((kind) => METRICS[kind].map(([theirs]) => theirs)),
    ...Object.keys(GENERATION.image).filter((name) => name.includes('generation')),
    ...RUN_METRICS.map(([theirs]) => theirs),
  ])
  return content.columns.filter((name) => own.has(name)).length >= 3
}

/**
 * `runs/llm.parquet` and `runs/diffusion.parquet` of the bundle that the project publishes: the rows of its task files, of
 * all tasks and with the runs that were not stable, which the task files leave out. A row is the same result as in a task file.
 * @param raws paths of raw runs that are results too
 * Source: docs/leaderboard.md, "ML.ENERGY".
 */
export function readRunTable(
  file: ImportFile & { readonly content: Table },
  published: Published,
  raws: readonly string[],
  out: Collector,
): void {
  for (const [at, told] of file.content.rows.entries()) {
    const { row, kind, names } = taskRow(told)
    const own = fieldsOf(told)
    const task = own.text('task')
    const value = kind === 'token' ? {} : { architecture: 'diffusion' }
    const context = rowContext({ ...file, value }, published, row['model_id'], task)
    const read = publishedResult({ ...context, row, at })
    const metrics = runMetrics(told, own)
    const findings = [...stability(told, own), ...sums(told)]
    const faults = [...read.faults.map((f) => ({ ...f, field: names(f.field) })), ...own.faults]
    if (read.result === null) {
      out.lost(file.path, at, 'does not name its model', faults)
      continue
    }
    out.mapped(
      withRun(read.result, told, metrics, findings, raws),
      faults,
      fieldNames(told, read.fields, names),
    )
  }
}

/** The row as a task file has it, and the name that a field of it has in the table. */
function taskRow(told: JsonObject) {
  const kind = kindOf(told)
  const renamed: Readonly<Record<string, string>> = kind === 'token' ? {} : GENERATION[kind]
  const others = new Set(KINDS.flatMap((k) => NUMBERS[k]).filter((n) => !NUMBERS[kind].includes(n)))
  const row = Object.fromEntries(
    Object.entries(told).flatMap(([name, value]): [string, unknown][] => {
      // A column of other kinds of runs is empty here; so is the number of a row that pandas may write.
      const index = /^__index_level_\d+__$/.test(name)
      if (Object.hasOwn(RUN_COLUMNS, name) || index || (value === null && others.has(name)))
        return []
      return [[Object.hasOwn(renamed, name) ? (renamed[name] as string) : name, value]]
    }),
  )
  const back = Object.fromEntries(Object.entries(renamed).map(([theirs, name]) => [name, theirs]))
  const names = (name: string): string =>
    Object.hasOwn(told, name) ? name : Object.hasOwn(back, name) ? (back[name] as string) : name
  return { row, kind, names }
}

function kindOf(told: JsonObject): RowKind {
  const has = (name: string) => Object.hasOwn(told, name) && told[name] !== null
  const generated = ['batch_latency_s', 'energy_per_generation_joules', 'energy_per_image_joules']
  const filmed = ['energy_per_video_joules', 'num_frames', 'fps']
  const { domain, task } = told
  if (domain === 'llm' || (domain !== 'diffusion' && ![...generated, ...filmed].some(has)))
    return 'token'
  return filmed.some(has) || task === 'text-to-video' ? 'video' : 'image'
}

function runMetrics(told: JsonObject, read: Fields): Record<string, ResultMetric> {
  return Object.fromEntries(
    RUN_METRICS.flatMap(([theirs, window]) => {
      if (!Object.hasOwn(told, theirs)) return []
      const ours = RUN_COLUMNS[theirs] as string
      const value = read.number(theirs)
      return [[ours, resultMetric(ours, value, { window, provenance: theirs })]]
    }),
  )
}

/** What the tool says of a run, with its reason; where it says nothing, by its rules, as far as the row tells. */
function stability(told: JsonObject, read: Fields): Finding[] {
  const reason = read.optional.text('unstable_reason') ?? ''
  const said = told['is_stable']
  if (said === false || reason !== '') return [toldUnstable(reason)]
  if (said === true) return []
  if (Object.hasOwn(told, 'is_stable')) {
    read.faults.push({
      field: 'is_stable',
      message: `is ${JSON.stringify(said)}; it must be true or false`,
    })
    return [unknownStability()]
  }
  const { number, whole } = fieldsOf(told).optional
  const steady_s = number('steady_state_duration_seconds')
  return steady_s === null
    ? []
    : stabilityFindings(steady_s, number('avg_batch_size'), whole('max_num_seqs'))
}

/** Products that the table alone can be asked for. */
function sums(told: JsonObject): Finding[] {
  const { number } = fieldsOf(told).optional
  const product = (whole: string, factors: readonly [string, string]): Finding[] => {
    const given = number(whole)
    const [a, b] = factors.map(number)
    if (given === null || a == null || b == null) return []
    if (Math.abs(a * b - given) <= PUBLISHED_TOLERANCE * Math.max(Math.abs(a * b), Math.abs(given)))
      return []
    const message = `${whole} is ${given}, and ${factors.join(' × ')} gives ${a * b}`
    return [broken('raw', message, { given, product: a * b })]
  }
  return [
    ...product('steady_state_energy_joules', ['avg_power_watts', 'steady_state_duration_seconds']),
    ...product('total_output_tokens', ['avg_output_len', 'completed_requests']),
  ]
}

function withRun(
  result: Result,
  told: JsonObject,
  metrics: Readonly<Record<string, ResultMetric>>,
  more: readonly Finding[],
  raws: readonly string[],
): Result {
  const findings = [...result.findings, ...more]
  const kept = Object.entries(told).flatMap(([name, value]) =>
    Object.hasOwn(RUN_COLUMNS, name) && RUN_COLUMNS[name] === null
      ? [[`${RUN_PREFIX}${name}`, value] as const]
      : [],
  )
  const path = told['results_path']
  const raw =
    typeof path === 'string'
      ? raws.find((r) => r.endsWith(path) || path.endsWith(`/${r}`))
      : undefined
  const notes =
    raw === undefined ? [] : [`its raw run, ${raw}, is a result of its own: the two are one run`]
  return {
    ...result,
    metrics: { ...result.metrics, ...metrics },
    foreign: { ...result.foreign, ...Object.fromEntries(kept) },
    findings,
    valid: findings.every((f) => f.severity !== 'invalid'),
    provenance: { ...result.provenance, notes: [...result.provenance.notes, ...notes] },
  }
}

function fieldNames(
  told: JsonObject,
  fields: Readonly<Record<string, string | null>>,
  names: (name: string) => string,
): Record<string, string | null> {
  const own = Object.keys(told).filter((name) => Object.hasOwn(RUN_COLUMNS, name))
  return {
    ...Object.fromEntries(Object.entries(fields).map(([name, ours]) => [names(name), ours])),
    ...Object.fromEntries(own.map((name) => [name, RUN_COLUMNS[name] as string | null])),
  }
}
