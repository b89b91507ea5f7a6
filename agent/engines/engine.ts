import type { Experiment } from '../../analysis/schema/experiment.ts'

/** Fields of a request that hold its length or tell more of its answer; not every engine takes them. */
export const PROBED_FIELDS = [
  'stream_options',
  'ignore_eos',
  'min_tokens',
  'return_token_ids',
] as const
export type ProbedField = (typeof PROBED_FIELDS)[number]

/** What the engine was seen to take, by real requests before the load. */
export interface EngineCapabilities {
  /** Sent with each request. */
  readonly fields: readonly ProbedField[]
  /** Refused by the engine (HTTP 400 or 422), so not sent. */
  readonly stripped_fields: readonly ProbedField[]
  readonly max_tokens_field: 'max_tokens' | 'max_completion_tokens'
  /** False: the engine answers in one piece although asked to stream. */
  readonly streams: boolean
  /** False: the model may stop early, output lengths are not under control. */
  readonly exact_length: boolean
  /** /completions takes token ids as the prompt. */
  readonly token_prompts: boolean
  /** /tokenize and /detokenize beside /v1. */
  readonly tokenizer: boolean
  /** What was wrong with the answer to the first request, in words; null: nothing. The load will show it. */
  readonly trouble: string | null
}

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
  readonly capabilities: EngineCapabilities
}

/** A running engine, reachable over HTTP. The load knows nothing else of it. */
export interface RunningEngine {
  /** Ends before /completions and /chat/completions, without a slash. */
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
  /** The share of a step that is done, replaced by the next: "smollm2-135m.gguf: 40 %". */
  readonly progress: (text: string) => void
  readonly stateDir: string
  /** Redacts the engine's log when it has ended. */
  readonly redact?: (text: string) => string
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
