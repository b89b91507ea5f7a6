import { REQUEST_THRESHOLDS as LIMIT } from '../findings/request-thresholds.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import type { EngineRow } from '../schema/stream.ts'
import type { Window } from '../window.ts'
import type { Span } from './run-span.ts'
import { saturationSlots } from './saturation.ts'

/** What engines call the number of requests that they compute on: vLLM, SGLang, llama.cpp, TGI. */
const RUNNING: readonly string[] = [
  'vllm:num_requests_running',
  'sglang:num_running_reqs',
  'llamacpp:requests_processing',
  'tgi_batch_current_size',
]

/**
 * Whether the engine kept as many requests in its batch as the saturated window claims. Where it tells neither its
 * batch nor its steps nothing is judged.
 * Source: docs/metrics.md, "Validity".
 */
export function batchFindings(run: RunData, window: Window | null): Finding[] {
  if (window === null || window.rule !== 'saturation') return []
  const running = meanRunning(run, window)
  const slots = saturationSlots(run)
  if (running === null || running >= LIMIT.batch_utilisation * slots) return []
  return [
    {
      code: 'low_batch_utilisation',
      severity: 'caution',
      message: `The engine ran ${running.toPrecision(3)} requests at once on average, of ${slots} in flight (under ${LIMIT.batch_utilisation * 100} %), so the batch is smaller than it is called. The others waited: raise the engine's batch limit or its cache memory, or lower load.concurrency.`,
      evidence: { running, slots },
    },
  ]
}

/**
 * Requests in the engine's batch, weighted by time: by its own gauge, else by its steps; null where it tells neither
 * for at least half of the span.
 */
export function meanRunning(run: RunData, span: Span): number | null {
  const gauges = new Map<string, EngineRow[]>()
  for (const row of run.engine) {
    if (!RUNNING.includes(row.metric) || row.value == null) continue
    const key = `${row.metric} ${row.labels ?? ''}`
    const known = gauges.get(key)
    if (known) known.push(row)
    else gauges.set(key, [row])
  }
  const means = [...gauges.values()].map((rows) => weighted(heldSpans(rows, span), span))
  if (means.length > 0)
    return means.includes(null) ? null : means.reduce<number>((sum, m) => sum + (m ?? 0), 0)
  const steps = run.steps.flatMap(({ start_t_ns, end_t_ns, batch_size }) =>
    start_t_ns == null || end_t_ns == null || batch_size == null
      ? []
      : [{ start_ns: start_t_ns, end_ns: end_t_ns, value: batch_size }],
  )
  return weighted(steps, span)
}

interface Level extends Span {
  readonly value: number
}

/** A gauge is held from one reading to the next; the last one up to the end of the span. */
function heldSpans(rows: readonly EngineRow[], span: Span): Level[] {
  const ordered = [...rows].sort((a, b) => a.t_ns - b.t_ns)
  return ordered.map((row, i) => ({
    start_ns: row.t_ns,
    end_ns: ordered[i + 1]?.t_ns ?? Math.max(row.t_ns, span.end_ns),
    value: row.value ?? 0,
  }))
}

function weighted(levels: readonly Level[], span: Span): number | null {
  let time_ns = 0
  let sum = 0
  for (const { start_ns, end_ns, value } of levels) {
    const shared = Math.min(end_ns, span.end_ns) - Math.max(start_ns, span.start_ns)
    if (shared <= 0) continue
    time_ns += shared
    sum += shared * value
  }
  return time_ns > 0 && time_ns >= (span.end_ns - span.start_ns) / 2 ? sum / time_ns : null
}
