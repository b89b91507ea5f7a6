import { isCompleted } from '../../analysis/schema/completed.ts'
import type { PhaseName } from '../../analysis/schema/run.ts'
import { timerMs } from '../time-limit.ts'
import { drive } from './drive.ts'
import type { LoadGenerator, LoadOptions, LoadResult } from './load.ts'
import { createLookahead } from './lookahead.ts'
import { createPayloads } from './payload.ts'
import { watchSelf } from './self-watch.ts'
import { createSender } from './send.ts'
import { runWarmup } from './warmup.ts'

/** Requests made ahead, at least; a closed loop that starts needs as many at once as it has in flight. */
const LOOKAHEAD = 16
const MAX_LOOKAHEAD = 256
/** Longest wait for the open requests of an engine that has died. */
const DEAD_ENGINE_DRAIN_S = 2
const PROGRESS_MS = 100

/** Opens the connections' pool; nothing is sent yet. */
export async function createLoadGenerator(options: LoadOptions): Promise<LoadGenerator> {
  const { clock, engine, experiment, source, signal } = options
  const { load, phases } = experiment
  const payloadOf = createPayloads(engine, experiment)
  const sender = await createSender({
    clock,
    base_url: engine.base_url,
    headers: engine.headers,
    timeout_s: load.timeout_s,
    worker: options.worker,
    keep_answers: experiment.data.keep_answers,
  })
  const cancel = new AbortController()
  const depth = Math.min(MAX_LOOKAHEAD, LOOKAHEAD + (load.concurrency ?? 0))
  const lookahead = (purpose: 'warmup' | 'measure') =>
    createLookahead(source, purpose, payloadOf, depth)

  async function measure(phase: PhaseName): Promise<LoadResult> {
    const next = lookahead('measure')
    const stop = new AbortController()
    let ended_by: LoadResult['ended_by'] = 'requests'
    let drain: NodeJS.Timeout | null = null
    const end = (by: LoadResult['ended_by'], drain_s: number) => {
      if (stop.signal.aborted) return
      ended_by = by
      stop.abort()
      drain = setTimeout(() => cancel.abort(), timerMs(drain_s))
    }
    const onSignal = () => end('signal', phases.drain_s)
    if (signal.aborted) onSignal()
    signal.addEventListener('abort', onSignal, { once: true })
    void engine.died.then(() => end('engine', Math.min(phases.drain_s, DEAD_ENGINE_DRAIN_S)))

    const tally = { sent: 0, ok: 0, failed: 0 }
    const started_t_ns = clock.now()
    const elapsed_s = () => (clock.now() - started_t_ns) / 1e9
    const report = () =>
      options.onProgress({
        done: tally.ok,
        failed: tally.failed,
        in_flight: tally.sent - tally.ok - tally.failed,
        fraction: Math.min(
          1,
          Math.max(
            load.requests === null ? 0 : (tally.ok + tally.failed) / load.requests,
            load.duration_s === null ? 0 : elapsed_s() / load.duration_s,
          ),
        ),
      })
    const progress = setInterval(report, PROGRESS_MS)
    const timer =
      load.duration_s === null
        ? null
        : setTimeout(() => end('duration', phases.drain_s), timerMs(load.duration_s))
    const self = watchSelf()
    try {
      const { stopped_t_ns, drained } = await drive({
        clock,
        sender,
        load,
        phase,
        purpose: 'measure',
        next,
        requests: load.requests,
        stop: stop.signal,
        cancel: cancel.signal,
        onSent: () => {
          tally.sent++
        },
        onRow: (row) => {
          if (isCompleted(row.outcome, row.output_tokens ?? 0)) tally.ok++
          else tally.failed++
          options.onRequest(row)
        },
      })
      // The requests are used up; the time limit must not cancel the last answers.
      if (timer !== null) clearTimeout(timer)
      await drained
      report()
      return { ...tally, stopped_t_ns, ended_by, self: self() }
    } finally {
      clearInterval(progress)
      if (timer !== null) clearTimeout(timer)
      if (drain !== null) clearTimeout(drain)
      signal.removeEventListener('abort', onSignal)
    }
  }

  return {
    warmup: () =>
      runWarmup({ ...options, sender, next: lookahead('warmup'), cancel: cancel.signal }),
    measure,
    async close() {
      cancel.abort()
      await sender.close()
    },
  }
}
