import type { Experiment } from '../../analysis/schema/experiment.ts'

/** What an engine can do and is, as far as it tells. Goes into run.json's environment under `engine`. */
export interface EngineInfo {
  readonly name: string
  readonly version: string | null
  /** Name of the model to send with each request. */
  readonly model: string
  /** What the model is, where known: architecture, parameters, quantisation, file hash, synthetic_weights. */
  readonly model_info: Readonly<Record<string, unknown>>
  /** How many requests it runs at once, where it tells. */
  readonly batch_limit: number | null
}

/** A running engine, reachable over HTTP. The load knows nothing else of it. */
export interface RunningEngine {
  readonly base_url: string
  readonly headers: Readonly<Record<string, string>>
  readonly info: EngineInfo
  /** Process that computes, if it is on this host and known. */
  readonly pid: number | null
  /** True where the engine runs on this host, so that its energy can be measured here. */
  readonly local: boolean
  /** Where the weights are: cpu (no GPU used), gpu, or null when unknown. */
  readonly computes_on: 'cpu' | 'gpu' | null
  /** Resolves when the process of a started engine ends by itself, with the reason in words. Never for attached ones. */
  readonly died: Promise<string>
  /** Stops what was started (TERM, then KILL after 5 s); nothing for an attached engine. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly experiment: Experiment
  readonly signal: AbortSignal
  /** A step that takes long, for the progress line: "loading smollm2-135m". */
  readonly say: (text: string) => void
  readonly stateDir: string
}

/**
 * A kind of engine. A new one is a file beside this and a line in `ENGINES` (list.ts).
 * `prepare` finds or fetches what must be on disk (weights) before anything is measured; `start` launches or
 * attaches and returns when a real one-token request has been answered.
 * Both throw EngineError with a sentence.
 */
export interface EngineKind {
  readonly name: Experiment['engine']['name']
  prepare(options: StartOptions): Promise<void>
  start(options: StartOptions): Promise<RunningEngine>
}

/** The engine can't be used; the message names the cause and the remedy. `kind` config: exit 2, failed: exit 1. */
export class EngineError extends Error {
  readonly kind: 'config' | 'failed'
  constructor(kind: 'config' | 'failed', message: string) {
    super(message)
    this.name = 'EngineError'
    this.kind = kind
  }
}
