import { createWarmupJudge } from '../../analysis/online/warmup.ts'
import { isCompleted } from '../../analysis/schema/completed.ts'
import type { RequestRow } from '../../analysis/schema/stream.ts'
import { timerMs } from '../time-limit.ts'
import { drive } from './drive.ts'
import type { LoadOptions, WarmupResult } from './load.ts'
import type { Prepared } from './lookahead.ts'
import type { Sender } from './send.ts'

/** When request times count as settled. Source: docs/metrics.md, "Warmup". */
const RULE = { min_prompts: 5, window_size: 5, max_prompts: 20, cv_limit: 0.05 } as const

export interface WarmupOptions extends LoadOptions {
  readonly sender: Sender
  readonly next: () => Promise<Prepared>
  readonly cancel: AbortSignal
}

/**
 * Sends requests of the measured shape and load, with prompts of their own, until their times have settled or a
 * fixed number is done. Every one is recorded, with phase warmup.
 */
export async function runWarmup(options: WarmupOptions): Promise<WarmupResult> {
  const { clock, engine, experiment, signal } = options
  const { warmup, drain_s } = experiment.phases
  const judge = warmup === 'auto' ? createWarmupJudge(RULE) : null
  const stop = new AbortController()
  const cancel = new AbortController()
  const end = () => stop.abort()
  let drain: NodeJS.Timeout | null = null
  const onSignal = () => {
    end()
    drain ??= setTimeout(() => cancel.abort(), timerMs(drain_s))
  }
  if (signal.aborted) onSignal()
  signal.addEventListener('abort', onSignal, { once: true })
  void engine.died.then(onSignal)
  let requests = 0
  let failed = 0
  try {
    const { drained } = await drive({
      clock,
      sender: options.sender,
      load: experiment.load,
      phase: 'warmup',
      purpose: 'warmup',
      next: options.next,
      requests: warmup === 'auto' ? RULE.max_prompts : warmup,
      stop: stop.signal,
      cancel: AbortSignal.any([cancel.signal, options.cancel]),
      onSent: () => {},
      onRow: (row) => {
        requests++
        if (latency(row) === null) failed++
        options.onRequest(row)
        const most = warmup === 'auto' ? RULE.max_prompts : warmup
        const done = requests - failed
        options.onProgress({ done, failed, in_flight: 0, fraction: requests / most })
        if (judge === null) return
        judge.add(latency(row))
        if (judge.verdict().done) end()
      },
    })
    await drained
  } finally {
    if (drain !== null) clearTimeout(drain)
    signal.removeEventListener('abort', onSignal)
  }
  if (judge === null) return { requests, converged: null, cv: null }
  const { converged, cv } = judge.verdict()
  return { requests, converged, cv }
}

/** Sent to last chunk, ms; null: it failed. */
function latency(row: RequestRow): number | null {
  const whole = isCompleted(row.outcome, row.output_tokens ?? 0)
  const last = row.chunk_t_ns?.at(-1) ?? null
  const sent = row.sent_t_ns ?? null
  return whole && last !== null && sent !== null ? (last - sent) / 1e6 : null
}
