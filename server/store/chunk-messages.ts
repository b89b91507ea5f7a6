import type { ChunkResult, NewChunk } from './chunk-storer.ts'

/** What the thread that stores chunks is started with. */
export interface WriterStart {
  readonly path: string
  readonly busy_timeout_ms: number
}

/** One chunk to be stored. The memory of its bytes goes with it. */
export interface ChunkAsk {
  readonly id: number
  readonly chunk: NewChunk
  readonly received_at: string
}

/** An error as it crosses between threads: a cloned one would lose SQLite's code. */
export interface FailureText {
  readonly message: string
  readonly code: string | null
}

/** What became of one chunk. What is not `failed` is on the disk. */
export type ChunkSays = { readonly id: number } & (
  | { readonly result: ChunkResult }
  | { readonly failed: FailureText }
)

/** Sent after the last chunk: the thread stores what it has, closes its database and ends. */
export const CLOSE = 'close'
