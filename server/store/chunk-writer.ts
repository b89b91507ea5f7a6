import type { Kysely } from 'kysely'
import { type ChunkResult, chunkStorer, type NewChunk } from './chunk-storer.ts'
import type { Tables } from './tables.ts'

export interface ChunkWriter {
  /** Stores a chunk. It is on disk when this returns. */
  put(chunk: NewChunk): Promise<ChunkResult>
}

interface Waiting {
  readonly chunk: NewChunk
  resolve(result: ChunkResult): void
  reject(error: unknown): void
}

/**
 * Commits chunks that arrive together, together: the wait for the disk, which is most of the work, is shared by all
 * agents and all of their parallel requests. A group that fails is tried again one by one, so that each chunk has an
 * answer of its own.
 */
export function createChunkWriter(db: Kysely<Tables>, now: () => string): ChunkWriter {
  const storeChunk = chunkStorer(db)
  let waiting: Waiting[] = []
  let scheduled = false

  async function flush(): Promise<void> {
    scheduled = false
    const group = waiting
    waiting = []
    const [first] = group
    if (group.length === 1 && first) return alone(first)
    try {
      const results = await db.transaction().execute(async (tx) => {
        const all: ChunkResult[] = []
        for (const { chunk } of group) all.push(await storeChunk(tx, chunk, now()))
        return all
      })
      for (const [i, it] of group.entries()) it.resolve(results[i] as ChunkResult)
    } catch {
      for (const it of group) await alone(it)
    }
  }

  async function alone(it: Waiting): Promise<void> {
    try {
      it.resolve(await storeChunk(db, it.chunk, now()))
    } catch (error) {
      it.reject(error)
    }
  }

  return {
    put(chunk) {
      return new Promise((resolve, reject) => {
        waiting.push({ chunk, resolve, reject })
        // After what has arrived by now is read.
        if (!scheduled) setImmediate(flush)
        scheduled = true
      })
    },
  }
}
