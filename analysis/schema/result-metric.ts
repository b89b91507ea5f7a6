import { type CanonMetric, canonOf } from './canon.ts'

/**
 * What results of others tell and no run of ours has: numbers of image and video models, and counts that stand beside
 * them. A result's metrics are these and those of the registry (`canon.ts`).
 */
export const RESULT_METRICS = {
  energy_per_image_j: {
    unit: 'J/image',
    title: 'energy per image',
    formula: 'joules of all GPUs over an iteration / images of the batch',
    kind: 'scalar',
    section: 'energy',
    better: 'low',
  },
  energy_per_video_j: {
    unit: 'J/video',
    title: 'energy per video',
    formula: 'joules of all GPUs over an iteration / videos of the batch',
    kind: 'scalar',
    section: 'energy',
    better: 'low',
  },
  image_throughput_img_s: {
    unit: 'image/s',
    title: 'image throughput',
    formula: 'images of the batch / batch_latency_s',
    kind: 'scalar',
    section: 'throughput',
    better: 'high',
  },
  video_throughput_video_s: {
    unit: 'video/s',
    title: 'video throughput',
    formula: 'videos of the batch / batch_latency_s',
    kind: 'scalar',
    section: 'throughput',
    better: 'high',
  },
  batch_latency_s: {
    unit: 's',
    title: 'batch latency',
    formula: 'mean seconds of an iteration over one batch',
    kind: 'scalar',
    section: 'latency',
    better: 'low',
  },
  output_tokens_per_request: {
    unit: 'token',
    title: 'output tokens of a request',
    formula: 'output tokens of completed requests / completed requests',
    kind: 'scalar',
    section: 'load',
    better: null,
  },
  batch_size_mean: {
    unit: 'request',
    title: 'mean batch size',
    formula: "mean of the engine's running requests",
    kind: 'scalar',
    section: 'load',
    better: null,
  },
} as const satisfies Record<string, CanonMetric>

export type ResultMetricId = keyof typeof RESULT_METRICS

/** The row of a metric that runs or results have; undefined: no such metric. */
export const resultMetricOf = (key: string): CanonMetric | undefined =>
  Object.hasOwn(RESULT_METRICS, key) ? RESULT_METRICS[key as ResultMetricId] : canonOf(key)
