import { type Result, type ResultMetric, resultId } from '../schema/result.ts'
import { mean, sum } from '../stats/moments.ts'
import { fieldsOf, isObject, type JsonObject } from './fields.ts'
import type { Fault } from './importer.ts'
import { OTHER_TOLERANCE, rowFindings } from './mlenergy-identities.ts'
import { pathFacts } from './mlenergy-path.ts'
import { SOURCE } from './mlenergy-row.ts'
import { resultMetric } from './result-metric.ts'
import { NOTHING } from './tool-result.ts'

/**
 * One run's `results.json` of an image or video task: joules of an output are the mean over iterations of all GPUs'
 * joules / batch, power is mean joules / mean seconds.
 */
export function rawDiffusion(
  value: JsonObject,
  file: { readonly path: string; readonly sha256: string; readonly notes: readonly string[] },
  revision: string | null,
): { result: Result | null; faults: readonly Fault[]; fields: Record<string, string | null> } {
  const read = fieldsOf(value)
  const model = read.text('model_id')
  const batch = read.whole('batch_size')
  const iterations = iterationsOf(value['iteration_energy_measurements'], read.faults)
  const path = pathFacts(file.path)
  const video = Object.hasOwn(value, 'num_frames') || Object.hasOwn(value, 'fps')
  const what = video ? 'video' : 'image'
  const { configurations } = value
  const degrees = fieldsOf(isObject(configurations) ? configurations : {}, read.faults)
  const setup = {
    modality: 'diffusion',
    ulysses_degree: degrees.whole('ulysses_degree'),
    ring_degree: degrees.whole('ring_degree'),
    inference_steps: read.whole('inference_steps'),
    [`${what}_height`]: read.whole('height'),
    [`${what}_width`]: read.whole('width'),
    ...(video ? { num_frames: read.whole('num_frames'), fps: read.whole('fps') } : {}),
  }
  if (model === null) return { result: null, faults: read.faults, fields: {} }
  const energy_j = mean(iterations.map((i) => i.energy_j))
  const latency_s = mean(iterations.map((i) => i.time_s))
  const num_gpus = iterations[0]?.gpus ?? null
  const each_j = quotient(energy_j, batch)
  const power_w = quotient(energy_j, latency_s)
  const rate = quotient(batch, latency_s)
  const metrics: Record<string, ResultMetric> = {}
  const n = iterations.length
  const put = (id: string, v: number | null) => {
    metrics[id] = resultMetric(id, v, {
      window: 'iterations',
      n,
      provenance: 'iteration_energy_measurements',
    })
  }
  put(video ? 'energy_per_video_j' : 'energy_per_image_j', each_j)
  put('power_mean_w', power_w)
  put('batch_latency_s', latency_s)
  put(video ? 'video_throughput_video_s' : 'image_throughput_img_s', rate)
  const gpu_model = read.optional.text('gpu_model') ?? gpuOfPath(file.path)
  const findings = rowFindings(
    {
      [`energy_per_${what}_joules`]: each_j,
      avg_power_watts: power_w,
      batch_latency_s: latency_s,
      batch_size: batch,
      num_gpus,
      ulysses_degree: setup.ulysses_degree,
      ring_degree: setup.ring_degree,
    },
    gpu_model,
    OTHER_TOLERANCE,
  )
  const result: Result = {
    ...NOTHING,
    result_id: resultId(SOURCE, file.sha256, revision),
    source: SOURCE,
    task: path.task,
    model,
    gpu_model,
    num_gpus,
    batch_limit: batch,
    setup,
    metrics,
    valid: findings.every((f) => f.severity !== 'invalid'),
    findings,
    provenance: {
      file: file.path,
      file_sha256: file.sha256,
      row: null,
      revision,
      notes: [...file.notes],
    },
  }
  return { result, faults: read.faults, fields: { iteration_energy_measurements: 'energy' } }
}

interface Iteration {
  readonly time_s: number
  readonly energy_j: number
  readonly gpus: number
}

function iterationsOf(value: unknown, faults: Fault[]): Iteration[] {
  const list = Array.isArray(value) ? value : []
  return list.flatMap((entry, i): Iteration[] => {
    const time = isObject(entry) ? entry['time'] : null
    const gpus = isObject(entry) && isObject(entry['gpu_energy']) ? entry['gpu_energy'] : {}
    const joules = Object.values(gpus)
    const whole = joules.length > 0 && joules.every((j) => Number.isFinite(j))
    if (typeof time !== 'number' || !Number.isFinite(time) || !whole) {
      faults.push({
        field: `iteration_energy_measurements.${i}`,
        message: 'has no time and gpu_energy in numbers; left out',
      })
      return []
    }
    return [{ time_s: time, energy_j: sum(joules as number[]), gpus: joules.length }]
  })
}

/** `diffusion/{gpu}/{snapshot}/run/...`: the only place that names the GPU of a run without `gpu_model`. */
const gpuOfPath = (path: string): string | null =>
  /(?:^|\/)diffusion\/([^/]+)\/[^/]+\/run\//.exec(path)?.[1] ?? null

const quotient = (a: number | null, b: number | null): number | null =>
  a === null || b === null || b === 0 ? null : a / b
