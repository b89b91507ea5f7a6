import type { EngineError } from './engine.ts'

/** What the worker is told, one line of JSON on its stdin. The pipe's end is its end. */
export interface WorkerConfig {
  readonly model_path: string
  /** Its name in requests. */
  readonly model: string
  readonly sequences: number
  /** Of each request: prompt and answer. */
  readonly context_tokens: number
  readonly threads: number
  readonly gpu: 'auto' | 'cuda' | 'vulkan' | 'metal' | 'none'
}

/** What the worker answers, one line of JSON on its stdout. */
export type WorkerReply =
  | {
      readonly ready: true
      readonly port: number
      readonly version: string
      readonly gpu: string | null
      readonly gpu_layers: number
      readonly gpu_devices: readonly string[]
      readonly context_tokens: number
      readonly system: string
    }
  | { readonly ready: false; readonly kind: EngineError['kind']; readonly message: string }
