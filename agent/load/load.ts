import type { Experiment } from '../../analysis/schema/experiment.ts'
import type { PhaseName } from '../../analysis/schema/run.ts'
import type { RequestRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import type { RunningEngine } from '../engines/engine.ts'

/** One request to be sent: what, and (open loop) when. */
export interface PlannedRequest {
  readonly request_id: string
  /** Text or token ids; the sender puts it into the route's own shape. */
  readonly prompt: string | readonly number[]
  readonly requested_input_tokens: number
  readonly requested_output_tokens: number
  readonly prompt_sha256: string
}

/**
 * The seeded source of requests: the same experiment and seed give the same prompts and lengths, whatever
 * the concurrency. Arrivals, lengths and texts have random streams of their own.
 */
export interface RequestSource {
  /** False: the engine tells no counts, so one token a word is assumed of prompts. */
  readonly measured: boolean
  /** The i-th request of a purpose; warm-up and measured requests never share a prompt. */
  request(purpose: 'warmup' | 'measure', i: number): Promise<PlannedRequest>
}

/** When open-loop requests are due: seconds after the start of the phase, ascending, from one seeded stream. */
export type Arrivals = Generator<number, void, undefined>

export interface Progress {
  readonly done: number
  readonly failed: number
  readonly in_flight: number
  /** Share of the phase that is over, 0 to 1, by count or by time. */
  readonly fraction: number
}

export interface LoadOptions {
  readonly clock: Clock
  readonly engine: RunningEngine
  readonly experiment: Experiment
  readonly source: RequestSource
  readonly worker: number
  /** Each request's whole raw record, at its end. */
  readonly onRequest: (row: RequestRow) => void
  readonly onProgress: (progress: Progress) => void
  /** Aborting stops sending; open requests are then drained, and cancelled after drain_s. */
  readonly signal: AbortSignal
}

/** How the measured phase ended. */
export interface LoadResult {
  readonly sent: number
  /** Completed: ended properly with tokens, of the requested length or not. */
  readonly ok: number
  readonly failed: number
  /** Start of the drain: the instant when sending stopped, ns on the run clock. */
  readonly stopped_t_ns: number
  readonly ended_by: 'requests' | 'duration' | 'signal' | 'engine'
  /** The client's own delays, judged by analysis (`client_saturated`). */
  readonly self: {
    readonly loop_delay_p99_ms: number
    readonly event_loop_utilisation: number
    readonly cpu_s: number
  }
}

export interface WarmupResult {
  readonly requests: number
  /** null: a fixed count was asked for, so nothing was judged. */
  readonly converged: boolean | null
  readonly cv: number | null
}

/** The load generator: what the runner calls, and all that it knows of it. */
export interface LoadGenerator {
  warmup(): Promise<WarmupResult>
  /**
   * Sends the measured load; returns when the last request has ended or the drain is over. A load that ends by its
   * number of requests waits for all of them, each up to timeout_s; one that is stopped by time, signal or engine
   * cancels what is still open after drain_s.
   */
  measure(phase: PhaseName): Promise<LoadResult>
  /** Cancels what is open and closes the connections. */
  close(): Promise<void>
}
