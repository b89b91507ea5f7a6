import type Database from 'better-sqlite3'
import type { ChunkAsk, ChunkSays, FailureText } from './chunk-messages.ts'
import { type ChunkResult, chunkStorer } from './chunk-storer.ts'

/**
 * Makes the function that commits chunks together: the wait for the disk, which is most of the work, is shared by all
 * agents and all of their parallel requests. A group that fails is tried again one by one, so that each chunk has an
 * answer of its own; not so where another program holds the database, since each would wait as long again.
 */
export function groupStorer(raw: Database.Database): (group: readonly ChunkAsk[]) => ChunkSays[] {
  const storeChunk = chunkStorer(raw)
  const together = raw.transaction((group: readonly ChunkAsk[]): ChunkResult[] =>
    group.map(({ chunk, received_at }) => storeChunk(chunk, received_at)),
  ).immediate

  return function store(group): ChunkSays[] {
    try {
      const results = together(group)
      return group.map(({ id }, i) => ({ id, result: results[i] as ChunkResult }))
    } catch (error) {
      const failed = failureText(error)
      if (group.length === 1 || failed.code?.startsWith('SQLITE_BUSY'))
        return group.map(({ id }) => ({ id, failed }))
      return group.flatMap((ask) => store([ask]))
    }
  }
}

export function failureText(error: unknown): FailureText {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return {
    message: error instanceof Error ? error.message : String(error),
    code: typeof code === 'string' ? code : null,
  }
}
