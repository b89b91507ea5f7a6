import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import { requestRows, sampleRows, sampleRunFile, type TestChunk } from './sample-run.ts'

/** A run of the sample's shape that draws other watts, has other gaps between tokens, or ran elsewhere. */
export interface RunShape {
  readonly watts: number
  readonly gap_ms: number
  readonly concurrency?: number
  readonly task?: string
  readonly model?: string
  readonly gpu_model?: string
  readonly gpu_id?: string
  /** Four in five requests failed: the run is invalid. */
  readonly failing?: boolean
  /** GPU memory in use, MiB, at every reading of power. */
  readonly memory_mib?: number
}

/** run.json and the chunks of a run. Half of the requests' time between tokens makes half of the tokens' gaps. */
export function choosingRun(
  run_id: string,
  shape: RunShape,
): { text: string; chunks: TestChunk[] } {
  const { watts, gap_ms, concurrency = 1, task = 'chat', failing = false } = shape
  const gpu_id = shape.gpu_id ?? 'GPU-aaaa'
  const file = sampleRunFile({ run_id, ...(shape.model ? { model: shape.model } : {}) })
  const experiment = file.run.experiment as Record<string, unknown>
  const own: RunFileInput = {
    ...file,
    run: {
      ...file.run,
      experiment: { ...experiment, task, load: { shape: 'closed', concurrency, requests: 10 } },
    },
    devices: [{ device_id: gpu_id, kind: 'gpu', model: shape.gpu_model ?? 'H100', tdp_w: 700 }],
    processes: file.processes.map((p) => ({ ...p, device_ids: [gpu_id] })),
    sensors: (file.sensors ?? []).map((s) => ({ ...s, device_id: gpu_id })),
  }
  const samples = sampleRows(0, 30).map((r) => ({
    ...r,
    device_id: gpu_id,
    value: r.value === 300_000 ? watts * 1000 : (r.value ?? null),
  }))
  const { memory_mib } = shape
  const memory =
    memory_mib === undefined
      ? []
      : samples
          .filter((r) => r.metric === 'gpu_power_mw')
          .map((r) => ({
            ...r,
            sensor_id: null,
            metric: 'gpu_memory_used_bytes',
            value: memory_mib * 1_048_576,
          }))
  const requests = requestRows().map((r, i) => {
    const first = (r.chunk_t_ns?.[0] as number) ?? 0
    const chunk_t_ns = (r.chunk_t_ns ?? []).map((_, k) => first + k * gap_ms * 1e6)
    const end = (chunk_t_ns.at(-1) as number) + 1e6
    const times = { ...r, chunk_t_ns, done_t_ns: end, closed_t_ns: end }
    return failing && i % 5 !== 0
      ? { ...times, outcome: 'error' as const, error_code: 'refused', output_tokens: null }
      : times
  })
  const chunk = (stream: 'sample' | 'request', bytes: Uint8Array): TestChunk => ({
    process_id: 'p0',
    stream,
    seq: 0,
    bytes,
  })
  return {
    text: toJson(own, 2),
    chunks: [
      chunk('sample', encodeChunk('sample', [...samples, ...memory])),
      chunk('request', encodeChunk('request', requests)),
    ],
  }
}
