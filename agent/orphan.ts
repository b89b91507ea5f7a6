import type { Table } from '@uwdata/flechette'
import { readChunk } from '../analysis/schema/arrow.ts'
import { parseJson } from '../analysis/schema/json.ts'
import { type RunFileInput, runFileSchema } from '../analysis/schema/run.ts'
import { STREAMS } from '../analysis/schema/stream.ts'
import type { ChunkKey, Seal } from '../analysis/schema/wire.ts'
import { chunkName, type Spool } from './spool.ts'
import { SpoolError } from './spool-error.ts'

export const ORPHAN_REASON = 'the agent ended without sealing (killed?)'

/**
 * Ends the run of an agent that died: outcome interrupted, the phase that was under way closed at the last recorded
 * time, and as many chunks as lie on disk. Doing it twice gives the same.
 * @throws SpoolError damaged when run.json can't be read or a chunk is missing before another
 */
export async function closeOrphan(spool: Spool): Promise<Seal> {
  const text = await spool.readRun()
  const keys = await spool.chunks()
  const chunks = contiguousCounts(keys, spool)
  const file = runFileSchema.safeParse(parsed(text))
  if (!file.success)
    throw new SpoolError(
      'damaged',
      `${spool.dir}/run.json can't be read as a run (${file.error.issues[0]?.path.join('.')}: ${file.error.issues[0]?.message}).`,
    )
  const { run, ...rest } = file.data
  const last_t_ns = await lastTime(spool, keys)
  // run.json is written when a phase begins, so its last phase is the one during which the agent died.
  const phases = run.phases.map((phase, i) =>
    i === run.phases.length - 1 && last_t_ns !== null && last_t_ns > phase.end_t_ns
      ? { ...phase, end_t_ns: last_t_ns }
      : phase,
  )
  const outcome = 'interrupted'
  const reason = ORPHAN_REASON
  await spool.writeRun({ ...rest, run: { ...run, phases, outcome, reason } } as RunFileInput)
  const seal: Seal = { outcome, reason, chunks }
  await spool.end(seal)
  return seal
}

function parsed(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return null
  }
}

/** Chunks are written one after the other, so a gap is not an agent's death but a damaged spool. */
function contiguousCounts(keys: readonly ChunkKey[], spool: Spool): Seal['chunks'] {
  const counts = new Map<
    string,
    { process_id: string; stream: ChunkKey['stream']; count: number }
  >()
  for (const { process_id, stream, seq } of keys) {
    const name = `${process_id}/${stream}`
    const entry = counts.get(name) ?? { process_id, stream, count: 0 }
    if (seq !== entry.count)
      throw new SpoolError(
        'damaged',
        `${spool.dir}/${chunkName({ process_id, stream, seq: entry.count })} is missing, but later chunks are there.`,
      )
    entry.count++
    counts.set(name, entry)
  }
  return [...counts.values()]
}

/** The latest time in the last chunk of each stream. null: nothing was recorded. */
async function lastTime(spool: Spool, keys: readonly ChunkKey[]): Promise<bigint | null> {
  const last = new Map(keys.map((key) => [`${key.process_id}/${key.stream}`, key]))
  let latest: bigint | null = null
  for (const key of last.values()) {
    const table = readChunk(key.stream, await spool.readChunk(key))
    for (const t of times(key.stream, table)) if (latest === null || t > latest) latest = t
  }
  return latest
}

function* times(stream: ChunkKey['stream'], table: Table): Generator<bigint> {
  for (const [name, column] of Object.entries(STREAMS[stream])) {
    // A time that was only planned is not yet lived through; an earlier agent may lack a column.
    if (column.type !== 'time' || name === 'scheduled_t_ns') continue
    for (const t of table.getChild(name) ?? []) if (t !== null) yield BigInt(t)
  }
}
