import { isObject, shown } from './fields.ts'
import type { Fault } from './importer.ts'
import { isDurationMs, type ToldLatency, type ToldRequest } from './request-metrics.ts'
import { at, numberAt, textAt, wholeAt } from './tool-result.ts'

/** Latencies that AIPerf's records define as we do; its "inter token latency" is our `tpot_ms`. */
export const AIPERF_LATENCIES: readonly ToldLatency[] = [
  'ttft_ms',
  'ttfo_ms',
  'ttst_ms',
  'tpot_ms',
  'e2e_ms',
]
export const AIPERF_FIELDS: Readonly<Record<string, string>> = {
  'metadata.request_start_ns': 'ttft_ms',
  'metrics.time_to_first_token': 'ttft_ms',
  'metrics.time_to_first_output_token': 'ttfo_ms',
  'metrics.time_to_second_token': 'ttst_ms',
  'metrics.inter_chunk_latency': 'icl_ms',
  'metrics.request_latency': 'e2e_ms',
  'metrics.output_sequence_length': 'output_tokens',
  'metrics.input_sequence_length': 'input_tokens',
  error: 'requests_failed',
}

export interface AiperfLine {
  readonly line: number
  readonly value: unknown
}
export interface AiperfRecords {
  readonly requests: readonly ToldRequest[]
  readonly faults: readonly Fault[]
  /** Passed over on purpose: of the warm-up, or cut off by the end of the run. */
  readonly warmup: number
  readonly cancelled: number
}

/**
 * The records of `profile_export.jsonl`. A record's times are its start and durations in ms; its chunks arrive at the
 * first token and the sums of `inter_chunk_latency` from there, which AIPerf leaves out for a record with a gap of 0.
 */
export function aiperfRecords(lines: readonly AiperfLine[]): AiperfRecords {
  const faults: Fault[] = []
  const requests: ToldRequest[] = []
  let warmup = 0
  let cancelled = 0
  // Wall-clock nanoseconds pass 2^53: only differences to the first are exact enough.
  const origin = lines.reduce(
    (m, l) => Math.min(m, numberAt(l.value, 'metadata', 'request_start_ns') ?? m),
    Number.POSITIVE_INFINITY,
  )
  for (const { line, value } of lines) {
    if (textAt(value, 'metadata', 'benchmark_phase') === 'warmup') warmup++
    else if (at(value, 'metadata', 'was_cancelled') === true) cancelled++
    else {
      const request = requestOf(line, value, origin, faults)
      if (request !== null) requests.push(request)
    }
  }
  return { requests, faults, warmup, cancelled }
}

function requestOf(
  line: number,
  value: unknown,
  origin: number,
  faults: Fault[],
): ToldRequest | null {
  const start = at(value, 'metadata', 'request_start_ns')
  if (typeof start !== 'number' || !Number.isFinite(start)) {
    const message = `is ${shown(start)}; without a number the request has no place in time, and is left out`
    faults.push({ field: `line ${line}: metadata.request_start_ns`, message })
    return null
  }
  const sent_ms = (start - origin) / 1e6
  const failed = isObject(at(value, 'error'))
  const ms = (tag: string): number | null => {
    const told = at(value, 'metrics', tag, 'value')
    if (failed || told === undefined || told === null) return null
    const scale = TO_MS[textAt(value, 'metrics', tag, 'unit') ?? 'ms']
    const duration = typeof told === 'number' && scale !== undefined ? told * scale : null
    if (isDurationMs(duration)) return duration
    const message = `is ${shown(at(value, 'metrics', tag))}; it must be a number of ms from 0 up`
    faults.push({ field: `line ${line}: metrics.${tag}`, message })
    return null
  }
  const after = (d: number | null) => (d === null ? null : sent_ms + d)
  const first_ms = after(ms('time_to_first_token'))
  const end = numberAt(value, 'metadata', 'request_end_ns')
  return {
    failed,
    sent_ms,
    scheduled_ms: null,
    first_ms,
    first_answer_ms: after(ms('time_to_first_output_token')),
    last_ms: after(ms('request_latency')),
    closed_ms: end === null ? null : (end - origin) / 1e6,
    chunk_ms: failed ? null : chunks(line, value, first_ms, faults),
    output_tokens: wholeAt(value, 'metrics', 'output_sequence_length', 'value'),
    input_tokens: wholeAt(value, 'metrics', 'input_sequence_length', 'value'),
  }
}

const TO_MS: Readonly<Record<string, number>> = { ms: 1, ns: 1e-6, us: 1e-3, s: 1000, sec: 1000 }

function chunks(
  line: number,
  value: unknown,
  first_ms: number | null,
  faults: Fault[],
): readonly number[] | null {
  const gaps = at(value, 'metrics', 'inter_chunk_latency', 'value')
  if (first_ms === null || gaps === undefined || gaps === null) return null
  if (!Array.isArray(gaps) || !gaps.every(isDurationMs)) {
    const message = `is ${shown(gaps)}; it must be a list of numbers, 0 or more`
    faults.push({ field: `line ${line}: metrics.inter_chunk_latency`, message })
    return null
  }
  let t = first_ms
  return [
    first_ms,
    ...gaps.map((g) => {
      t += g
      return t
    }),
  ]
}
