import type { Finding } from '../schema/finding.ts'
import { type Result, type ResultMetric, resultId } from '../schema/result.ts'
import { fieldsOf, isObject, type JsonObject } from './fields.ts'
import type { Fault } from './importer.ts'
import { PUBLISHED_TOLERANCE, rowFindings } from './mlenergy-identities.ts'
import { resultMetric } from './result-metric.ts'

export const SOURCE = 'mlenergy'
/** Of what the tables of runs tell and task files do not, in `foreign`. */
export const RUN_PREFIX = 'runs.'

/** Their field, our metric, over which window they count it. Two windows stand in one row. */
type MetricField = readonly [string, string, window: string]

const TOKEN_METRICS: readonly MetricField[] = [
  ['energy_per_token_joules', 'energy_per_output_token_j', 'steady'],
  ['energy_per_request_joules', 'energy_per_request_j', 'steady'],
  ['avg_power_watts', 'power_mean_w', 'steady'],
  ['output_throughput_tokens_per_sec', 'output_throughput_tok_s', 'steady'],
  ['avg_batch_size', 'batch_size_mean', 'steady'],
  ['avg_output_len', 'output_tokens_per_request', 'run'],
  ['median_itl_ms', 'itl_ms_p50', 'run'],
  ['p90_itl_ms', 'itl_ms_p90', 'run'],
  ['p95_itl_ms', 'itl_ms_p95', 'run'],
  ['p99_itl_ms', 'itl_ms_p99', 'run'],
]

const DIFFUSION_METRICS: readonly MetricField[] = [
  ['avg_power_watts', 'power_mean_w', 'iterations'],
  ['batch_latency_s', 'batch_latency_s', 'iterations'],
]
const IMAGE_METRICS: readonly MetricField[] = [
  ...DIFFUSION_METRICS,
  ['energy_per_image_joules', 'energy_per_image_j', 'iterations'],
  ['throughput_images_per_sec', 'image_throughput_img_s', 'iterations'],
]
const VIDEO_METRICS: readonly MetricField[] = [
  ...DIFFUSION_METRICS,
  ['energy_per_video_joules', 'energy_per_video_j', 'iterations'],
  ['throughput_videos_per_sec', 'video_throughput_video_s', 'iterations'],
]

const DIFFUSION_SETUP = ['ulysses_degree', 'ring_degree', 'inference_steps'] as const
const IMAGE_SETUP = [...DIFFUSION_SETUP, 'image_height', 'image_width'] as const
const VIDEO_SETUP = [
  ...DIFFUSION_SETUP,
  'video_height',
  'video_width',
  'num_frames',
  'fps',
] as const

/** A row of the board with what its file and the index say of it. */
export interface PublishedRow {
  readonly row: JsonObject
  readonly task: string | null
  readonly task_display_name: string | null
  readonly nickname: string | null
  /** `llm`, `mllm` or `diffusion`, as the index says; null: not told. */
  readonly modality: string | null
  readonly revision: string | null
  readonly file: string
  readonly file_sha256: string
  readonly at: number
  readonly notes: readonly string[]
}

export interface ReadRow {
  /** null: it lacks what names it. */
  readonly result: Result | null
  readonly faults: readonly Fault[]
  readonly fields: Readonly<Record<string, string | null>>
}

/** A published row as a result, every identity checked. Fields that are unknown here are kept under their own names. */
export function publishedResult(it: PublishedRow): ReadRow {
  const { row, task } = it
  const read = fieldsOf(row)
  const model = read.text('model_id')
  const kind = kindOf(row)
  const facts = {
    gpu_model: read.text('gpu_model'),
    num_gpus: read.whole('num_gpus'),
    precision: read.text('weight_precision'),
    total_params_billions: read.number('total_params_billions'),
    activated_params_billions: read.number('activated_params_billions'),
  }
  const llm = kind === 'token'
  const architecture = llm ? read.text('architecture') : read.optional.text('architecture')
  const batch_limit = read.whole(llm ? 'max_num_seqs' : 'batch_size')
  const degree = (name: string) => (llm ? read.whole(name) : null)
  const degrees = {
    tensor_parallel: degree('tensor_parallel'),
    expert_parallel: degree('expert_parallel'),
    data_parallel: degree('data_parallel'),
  }
  const setup = Object.fromEntries(SETUP[kind].map((name) => [name, read.whole(name)]))
  const { num_gpus, total_params_billions, activated_params_billions } = facts
  const numbers: Record<string, number | null> = {
    num_gpus,
    total_params_billions,
    activated_params_billions,
    ...degrees,
    ...setup,
    [llm ? 'max_num_seqs' : 'batch_size']: batch_limit,
  }
  const metrics: Record<string, ResultMetric> = {}
  for (const [theirs, ours, window] of METRICS[kind]) {
    const value = read.number(theirs)
    numbers[theirs] = value
    metrics[ours] = resultMetric(ours, value, { window, provenance: theirs })
  }
  const nickname = read.optional.text('nickname') ?? it.nickname
  const fields = fieldNames(row, read.asked, kind)
  if (model === null) return { result: null, faults: read.faults, fields }
  const findings: Finding[] = rowFindings(numbers, facts.gpu_model, PUBLISHED_TOLERANCE)
  const foreign = {
    ...(it.task_display_name === null ? {} : { task_display_name: it.task_display_name }),
    ...Object.fromEntries(Object.entries(row).filter(([name]) => !read.asked.has(name))),
  }
  const { nickname: _, ...itself } = row
  const result: Result = {
    result_id: resultId(SOURCE, { task, ...itself }, it.revision),
    source: SOURCE,
    kind: 'board',
    name: nickname,
    task,
    model,
    engine: null,
    ...facts,
    batch_limit,
    ...degrees,
    architecture,
    setup: it.modality === null ? setup : { modality: it.modality, ...setup },
    metrics,
    foreign,
    valid: findings.every((f) => f.severity !== 'invalid'),
    findings,
    provenance: {
      file: it.file,
      file_sha256: it.file_sha256,
      row: it.at,
      revision: it.revision,
      notes: [...it.notes, ...expertNote(architecture, degrees, facts.num_gpus)],
    },
  }
  return { result, faults: read.faults, fields }
}

export type RowKind = 'token' | 'image' | 'video'

/** By its fields: the task alone does not tell, and new tasks may come. */
function kindOf(row: JsonObject): RowKind {
  const has = (name: string) => Object.hasOwn(row, name)
  if (has('energy_per_video_joules') || has('video_height') || has('num_frames')) return 'video'
  if (has('energy_per_image_joules') || has('batch_latency_s') || has('inference_steps'))
    return 'image'
  return 'token'
}

export const METRICS: Record<RowKind, readonly MetricField[]> = {
  token: TOKEN_METRICS,
  image: IMAGE_METRICS,
  video: VIDEO_METRICS,
}
export const SETUP: Record<RowKind, readonly string[]> = {
  token: [],
  image: IMAGE_SETUP,
  video: VIDEO_SETUP,
}

const FACTS: Readonly<Record<string, string>> = {
  model_id: 'model',
  nickname: 'name',
  weight_precision: 'precision',
  max_num_seqs: 'batch_limit',
  batch_size: 'batch_limit',
}

function fieldNames(
  row: JsonObject,
  asked: ReadonlySet<string>,
  kind: RowKind,
): Record<string, string | null> {
  const metrics = new Map(METRICS[kind].map(([theirs, ours]) => [theirs, ours]))
  return Object.fromEntries(
    Object.keys(row).map((name) => [
      name,
      metrics.get(name) ?? FACTS[name] ?? (asked.has(name) ? name : null),
    ]),
  )
}

/** Kept as reported; but a reader who filters by tensor parallel must know. */
function expertNote(
  architecture: string | null,
  {
    tensor_parallel,
    expert_parallel,
    data_parallel,
  }: Readonly<Record<'tensor_parallel' | 'expert_parallel' | 'data_parallel', number | null>>,
  num_gpus: number | null,
): string[] {
  if (architecture !== 'MoE' || tensor_parallel !== 1 || (expert_parallel ?? 1) < 2) return []
  if ((data_parallel ?? 1) > 1) return []
  return [
    `the row reports tensor_parallel 1 and expert_parallel ${expert_parallel}; attention ran on all ${num_gpus ?? expert_parallel} GPUs by tensor parallelism`,
  ]
}

/**
 * A row of a model file in the shape of the task file's row: parallelization flattened, what stands at the top of the
 * file put in, the histogram taken out.
 */
export function flatModelRow(file: JsonObject, config: JsonObject): JsonObject {
  const { parallelization, output_length_distribution: _, ...rest } = config
  const { notes: __, ...degrees } = isObject(parallelization) ? parallelization : {}
  const { configurations: ___, output_length_distribution: ____, task: _____, ...top } = file
  return { ...top, ...rest, ...degrees }
}
