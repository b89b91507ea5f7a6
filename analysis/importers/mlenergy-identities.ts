import type { Finding } from '../schema/finding.ts'

/** Relative: published rows were computed from one another, so that they agree to the last digits. */
export const PUBLISHED_TOLERANCE = 1e-9
export const OTHER_TOLERANCE = 1e-6
/** Mean watts of a GPU may pass its rated power by this factor. */
const TDP_FACTOR = 1.1
/** Rated watts of the GPUs of the board. */
const TDP_W: Readonly<Record<string, number>> = { H100: 700, H200: 700, B200: 1000 }

/** The checks, by the codes that findings carry as `evidence.check`; `tdp` only advises. */
export type Check = 'epr' | 'thr' | 'pct' | 'bat' | 'par' | 'act' | 'dif' | 'hist' | 'pos' | 'raw'

/** A row whose numbers contradict one another. */
export const broken = (
  check: Check,
  message: string,
  evidence: Record<string, unknown>,
): Finding => ({
  code: 'identity_broken',
  severity: 'invalid',
  message: `The numbers contradict one another (${check}): ${message}.`,
  evidence: { check, ...evidence },
})

type Numbers = Readonly<Record<string, number | null>>

/**
 * Every identity that the published fields of a row must meet. A field that is not there is not judged.
 * @param of the row's numbers under the names of the format
 * Source: docs/leaderboard.md, "Identities".
 */
export function rowFindings(of: Numbers, gpu_model: string | null, tolerance: number): Finding[] {
  const output = of['energy_per_image_joules'] ?? of['energy_per_video_joules'] ?? null
  const rate = of['throughput_images_per_sec'] ?? of['throughput_videos_per_sec'] ?? null
  const n = (name: string) => of[name] ?? null
  return [
    ...positive(of),
    ...equal('epr', tolerance, 'energy per request', n('energy_per_request_joules'), [
      ['energy per token', n('energy_per_token_joules')],
      ['output length', n('avg_output_len')],
    ]),
    ...equal('thr', tolerance, 'average power', n('avg_power_watts'), [
      ['output throughput', n('output_throughput_tokens_per_sec')],
      ['energy per token', n('energy_per_token_joules')],
    ]),
    ...rising(of),
    ...batch(n('avg_batch_size'), n('max_num_seqs'), tolerance),
    ...parallel(of, sharedByExperts(of) ? SPREAD : [...SPREAD, 'expert_parallel']),
    ...parallel(of, ['ulysses_degree', 'ring_degree']),
    ...active(n('activated_params_billions'), n('total_params_billions')),
    ...diffusionEnergy(
      tolerance,
      output,
      n('batch_size'),
      n('avg_power_watts'),
      n('batch_latency_s'),
    ),
    ...equal('dif', tolerance, 'batch size', n('batch_size'), [
      ['throughput', rate],
      ['batch latency', n('batch_latency_s')],
    ]),
    ...aboveTdp(n('avg_power_watts'), n('num_gpus'), gpu_model),
  ]
}

/** Metrics that are finite and not above zero. */
function positive(of: Numbers): Finding[] {
  return Object.entries(of)
    .filter(([name, v]) => METRIC.test(name) && v !== null && !(v > 0))
    .map(([name, v]) => broken('pos', `${name} is ${v}; it must be above zero`, { [name]: v }))
}

const METRIC = /_joules$|_watts$|_per_sec$|_itl_ms$|^batch_latency_s$|^avg_output_len$/

function equal(
  check: Check,
  tolerance: number,
  name: string,
  given: number | null,
  factors: readonly (readonly [string, number | null])[],
): Finding[] {
  if (given === null) return []
  let product = 1
  for (const [, factor] of factors) {
    if (factor === null) return []
    product *= factor
  }
  if (near(given, product, tolerance)) return []
  const how = factors.map(([word]) => word).join(' × ')
  return [broken(check, `${name} is ${given}, and ${how} gives ${product}`, { given, product })]
}

const near = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b))

const PERCENTILES = ['median_itl_ms', 'p90_itl_ms', 'p95_itl_ms', 'p99_itl_ms'] as const

function rising(of: Numbers): Finding[] {
  const known = PERCENTILES.flatMap((name) => {
    const value = of[name] ?? null
    return value === null ? [] : [{ name, value }]
  })
  return known.flatMap(({ name, value }, i) => {
    const before = known[i - 1]
    if (before === undefined || value >= before.value) return []
    return [
      broken('pct', `${name} is ${value}, below ${before.name}, which is ${before.value}`, {
        [before.name]: before.value,
        [name]: value,
      }),
    ]
  })
}

function batch(mean: number | null, limit: number | null, tolerance: number): Finding[] {
  if (mean === null || limit === null) return []
  if (mean > 0 && mean <= limit * (1 + tolerance)) return []
  return [
    broken('bat', `the mean batch is ${mean}; it must be above 0 and at most ${limit}`, {
      avg_batch_size: mean,
      max_num_seqs: limit,
    }),
  ]
}

const SPREAD = ['tensor_parallel', 'data_parallel'] as const

/** Experts over all GPUs lie on those that attention is copied or split over: the same GPUs, not more of them. */
const sharedByExperts = ({ expert_parallel: experts, num_gpus, data_parallel: copies }: Numbers) =>
  experts !== null && experts === num_gpus && (copies ?? 1) > 1

function parallel(of: Numbers, names: readonly string[]): Finding[] {
  const gpus = of['num_gpus'] ?? null
  const degrees = names.map((name) => of[name] ?? null)
  if (gpus === null || degrees.includes(null)) return []
  const product = degrees.reduce<number>((p, d) => p * (d as number), 1)
  if (product === gpus) return []
  return [
    broken('par', `${names.join(' × ')} is ${product}, and num_gpus is ${gpus}`, {
      product,
      num_gpus: gpus,
    }),
  ]
}

function active(activated: number | null, total: number | null): Finding[] {
  if (activated === null || total === null || activated <= total) return []
  return [
    broken('act', `${activated} billion parameters are active, of ${total} billion`, {
      activated_params_billions: activated,
      total_params_billions: total,
    }),
  ]
}

function diffusionEnergy(
  tolerance: number,
  energy_j: number | null,
  size: number | null,
  power_w: number | null,
  latency_s: number | null,
): Finding[] {
  if (energy_j === null || size === null || power_w === null || latency_s === null) return []
  const [left, right] = [energy_j * size, power_w * latency_s]
  if (near(left, right, tolerance)) return []
  return [
    broken('dif', `energy × batch size is ${left} J, and power × batch latency ${right} J`, {
      left,
      right,
    }),
  ]
}

function aboveTdp(
  power_w: number | null,
  gpus: number | null,
  gpu_model: string | null,
): Finding[] {
  const tdp_w = gpu_model === null ? undefined : TDP_W[gpu_model]
  if (power_w === null || gpus === null || gpus === 0 || tdp_w === undefined) return []
  const each_w = power_w / gpus
  if (each_w <= TDP_FACTOR * tdp_w) return []
  return [
    {
      code: 'power_implausible',
      severity: 'caution',
      message: `${each_w.toPrecision(4)} W a GPU is more than ${TDP_FACTOR} times the ${tdp_w} W that a ${gpu_model} is rated for. The power may hold more than these GPUs.`,
      evidence: { check: 'tdp', power_per_gpu_w: each_w, tdp_w },
    },
  ]
}
