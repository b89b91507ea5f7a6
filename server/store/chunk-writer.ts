import { Worker } from 'node:worker_threads'
import {
  type ChunkAsk,
  type ChunkSays,
  CLOSE,
  type FailureText,
  type WriterStart,
} from './chunk-messages.ts'
import type { ChunkResult, NewChunk } from './chunk-storer.ts'
import { StoreError } from './store-error.ts'

export interface ChunkWriter {
  /**
   * Stores a chunk. It is on disk when this returns. The bytes are given away: they are not to be used afterwards.
   * @throws what SQLite says, or StoreError (writer_ended)
   */
  put(chunk: NewChunk, received_at: string): Promise<ChunkResult>
  /** Stores what was put before, then ends the thread. Nothing may be put any more. */
  close(): Promise<void>
}

export interface ChunkWriterOptions extends WriterStart {
  /** Path of the bundled chunk-worker. */
  readonly worker: string
}

interface Waiting {
  resolve(result: ChunkResult): void
  reject(error: unknown): void
}

/**
 * Writes chunks on a thread of its own, which starts at once: an update may put another version's in its place later.
 * Should it end by itself, all that wait learn of it, and the next chunk starts another.
 */
export function createChunkWriter({ worker, ...start }: ChunkWriterOptions): ChunkWriter {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let thread: { worker: Worker; ended: Promise<void> } | null = begin()

  function begin(): { worker: Worker; ended: Promise<void> } {
    const started = new Worker(worker, { workerData: start satisfies WriterStart })
    let why = ''
    started.on('error', (error) => {
      why = `: ${error.message}`
    })
    started.on('message', (answers: readonly ChunkSays[]) => {
      for (const answer of answers) {
        const asked = waiting.get(answer.id)
        waiting.delete(answer.id)
        if ('result' in answer) asked?.resolve(answer.result)
        else asked?.reject(asError(answer.failed))
      }
    })
    const ended = new Promise<void>((resolve) =>
      started.once('exit', () => {
        thread = null
        const error = new StoreError(
          'writer_ended',
          `The thread that writes chunks into ${start.path} ended by itself${why}. The chunk may not be stored; send it again.`,
        )
        for (const asked of waiting.values()) asked.reject(error)
        waiting.clear()
        resolve()
      }),
    )
    return { worker: started, ended }
  }

  return {
    put(chunk, received_at) {
      thread ??= begin()
      const { worker } = thread
      return new Promise((resolve, reject) => {
        const id = ++last
        waiting.set(id, { resolve, reject })
        const { bytes } = chunk
        const alone = bytes.byteLength === bytes.buffer.byteLength
        const sent = { ...chunk, bytes: alone ? bytes : bytes.slice() }
        worker.postMessage({ id, chunk: sent, received_at } satisfies ChunkAsk, [
          sent.bytes.buffer as ArrayBuffer,
        ])
      })
    },
    async close() {
      if (thread === null) return
      thread.worker.postMessage(CLOSE)
      await thread.ended
    },
  }
}

function asError({ message, code }: FailureText): Error {
  return code === null ? new Error(message) : Object.assign(new Error(message), { code })
}
