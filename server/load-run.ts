import { decodeRun } from '../analysis/readings/decode-run.ts'
import type { RunData } from '../analysis/readings/run-data.ts'
import { ChunkError } from '../analysis/schema/arrow.ts'
import type { RunFile } from '../analysis/schema/run.ts'
import type { StreamName } from '../analysis/schema/stream.ts'
import { readRunFile } from './run-file.ts'
import { readChunks, type StoredChunk } from './store/chunks.ts'
import type { Store } from './store/open.ts'
import type { RunRow } from './store/tables.ts'

/** A stored run whose rows can't be decoded. */
export class RunUnreadable extends Error {
  constructor(run_id: string, why: string) {
    super(
      `The rows of run ${run_id} can't be read: ${why}. llem-server export keeps them as they came.`,
    )
    this.name = 'RunUnreadable'
  }
}

/** run.json of a stored run, with how it ended as the seal says it. */
export function storedRunFile(row: RunRow): RunFile {
  const { file } = readRunFile(Buffer.from(row.run_json))
  const { outcome, reason } = row as Pick<RunFile['run'], 'outcome' | 'reason'>
  return { ...file, run: { ...file.run, outcome, reason } }
}

/**
 * A stored run as analysis takes it; with `stream`, only that stream's rows.
 * @throws RunUnreadable
 */
export async function loadRun(store: Store, row: RunRow, stream?: StreamName): Promise<RunData> {
  const chunks: StoredChunk[] = []
  for await (const chunk of readChunks(store.db, row.run_id, stream)) chunks.push(chunk)
  try {
    return decodeRun(storedRunFile(row), chunks)
  } catch (error) {
    if (error instanceof ChunkError || error instanceof RangeError)
      throw new RunUnreadable(row.run_id, error.message)
    throw error
  }
}
