import { createHash } from 'node:crypto'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { RunFileInput } from '../../analysis/schema/run.ts'
import type { RequestRow, SampleRow, StreamName } from '../../analysis/schema/stream.ts'

const S = 1e9
export const RUN_ID = '0198f3a0-1c55-7d2e-9d0b-000000000001'
export const PROCESS_ID = 'p0'
export const GPU_ID = 'GPU-aaaa'

/** run.json of a run of 30 s on one GPU: idle for 5 s, measured for 20 s. `wall_unix_ns` passes 2^53. */
export function sampleRunFile(
  change: { run_id?: string; name?: string; model?: string; outcome?: 'completed' | null } = {},
): RunFileInput {
  return {
    bundle_version: 1,
    run: {
      run_id: change.run_id ?? RUN_ID,
      study_id: 'study-1',
      experiment: {
        name: change.name ?? 'sample',
        model: { id: change.model ?? 'smollm2-135m' },
        engine: { name: 'openai', base_url: 'http://127.0.0.1:8000/v1' },
        load: { shape: 'closed', concurrency: 1, requests: 10 },
        tags: { team: 'research' },
      },
      host: { hostname: 'node-1' },
      started_at: '2026-01-31T12:00:00+01:00',
      phases: [
        { phase: 'idle', start_t_ns: 0, end_t_ns: 5 * S },
        { phase: 'measure', start_t_ns: 5 * S, end_t_ns: 25 * S },
        { phase: 'cooldown', start_t_ns: 25 * S, end_t_ns: 30 * S },
      ],
      outcome: change.outcome === undefined ? 'completed' : change.outcome,
    },
    devices: [{ device_id: GPU_ID, kind: 'gpu', model: 'H100', tdp_w: 700 }],
    processes: [
      {
        process_id: PROCESS_ID,
        role: 'worker',
        device_ids: [GPU_ID],
        clock: [{ t_ns: 0, wall_unix_ns: 1_769_857_200_123_456_789n, error_ns: 1000 }],
      },
    ],
    sensors: [
      {
        sensor_id: 's0',
        device_id: GPU_ID,
        metric: 'gpu_power_mw',
        source: 'nvml_power_instant',
        scope: 'gpu',
        period_ms: 100,
      },
    ],
  }
}

export const runText = (change?: Parameters<typeof sampleRunFile>[0]): string =>
  toJson(sampleRunFile(change), 2)

/** 100 W in idle, 300 W while it measures, ten readings a second. */
export const sampleRows = (from_s: number, to_s: number): SampleRow[] =>
  Array.from({ length: Math.round((to_s - from_s) * 10) }, (_, i) => {
    const t_s = from_s + i / 10
    const watts = t_s >= 5 && t_s < 25 ? 300 : 100
    return {
      t_ns: Math.round(t_s * S),
      device_id: GPU_ID,
      sensor_id: 's0',
      metric: 'gpu_power_mw',
      value: watts * 1000,
    }
  })

/** Ten requests one after the other, two seconds each: sent, first token after 0.5 s, then one each 0.1 s, eleven in all. */
export const requestRows = (): RequestRow[] =>
  Array.from({ length: 10 }, (_, i) => {
    const sent = (5 + 2 * i) * S
    const chunk_t_ns = Array.from({ length: 11 }, (_, k) => sent + 0.5 * S + k * 0.1 * S)
    return {
      request_id: `r${i}`,
      phase: 'measure',
      sent_t_ns: sent,
      headers_t_ns: sent + 0.1 * S,
      done_t_ns: sent + 1.6 * S,
      closed_t_ns: sent + 1.6 * S,
      chunk_t_ns,
      chunk_kind: chunk_t_ns.map(() => 'content'),
      chunk_tokens: chunk_t_ns.map(() => 1),
      input_tokens: 8,
      output_tokens: 11,
      outcome: 'ok',
      mode: 'streamed',
    }
  })

export interface TestChunk {
  readonly process_id: string
  readonly stream: StreamName
  readonly seq: number
  readonly bytes: Uint8Array
}

/** Three chunks of samples and one of requests. */
export const sampleChunks = (): TestChunk[] => [
  ...[0, 10, 20].map((from_s, seq) => ({
    process_id: PROCESS_ID,
    stream: 'sample' as const,
    seq,
    bytes: encodeChunk('sample', sampleRows(from_s, from_s + 10)),
  })),
  {
    process_id: PROCESS_ID,
    stream: 'request',
    seq: 0,
    bytes: encodeChunk('request', requestRows()),
  },
]

export const digestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

export const sealOf = (chunks: readonly TestChunk[], outcome = 'completed') => {
  const counts = new Map<string, { process_id: string; stream: string; count: number }>()
  for (const { process_id, stream } of chunks) {
    const key = `${process_id}/${stream}`
    counts.set(key, { process_id, stream, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return { outcome, reason: null, chunks: [...counts.values()] }
}
