import type { RequestRow, StepRow } from '../schema/stream.ts'
import {
  isChunkTokens,
  isTokenCount,
  reportedText,
  unbelievableCounts,
} from '../schema/token-count.ts'

/** Counts that a client asks for itself; an imported record may hold anything. */
const REQUESTED = ['requested_input_tokens', 'requested_output_tokens'] as const
const STEP_COUNTS = [
  'batch_size',
  'prefill_tokens',
  'decode_tokens',
  'padded_tokens',
  'context_tokens',
] as const

/**
 * A request with every count that no response can have read as absent: null, of a chunk -1, and in
 * `unbelievable_counts` as it was recorded. The same row where all can be believed. Stored bytes stay as they came.
 */
export function believedRequest(row: RequestRow): RequestRow {
  // A recorded zero stays: whether its chunks bore text is known only where they were received.
  const names: (keyof RequestRow)[] = [...unbelievableCounts(row, 0)]
  for (const name of REQUESTED) if (row[name] != null && !isTokenCount(row[name])) names.push(name)
  const chunk = firstBadChunk(row.chunk_tokens)
  if (names.length === 0 && chunk < 0) return row
  const refused: Record<string, string> = { ...refusedCounts(row) }
  for (const name of names) refused[name] = reportedText(row[name])
  const absent = Object.fromEntries(names.map((name) => [name, null]))
  if (chunk < 0) return { ...row, ...absent, unbelievable_counts: JSON.stringify(refused) }
  const counts = row.chunk_tokens ?? []
  refused['chunk_tokens'] = reportedText(counts[chunk])
  return {
    ...row,
    ...absent,
    chunk_tokens: Array.from(counts, (n) => (isChunkTokens(n) ? n : -1)),
    unbelievable_counts: JSON.stringify(refused),
  }
}

/** An engine's step with counts below zero, or of no whole number, read as absent. */
export function believedStep(row: StepRow): StepRow {
  const bad = STEP_COUNTS.filter((name) => {
    const value = row[name] ?? null
    return value !== null && !(Number.isInteger(value) && value >= 0 && value < 2 ** 31)
  })
  return bad.length === 0 ? row : { ...row, ...Object.fromEntries(bad.map((n) => [n, null])) }
}

/** What the engine reported, by column, of counts of this request that are read as absent; null: all are believed. */
export function refusedCounts(row: RequestRow): Readonly<Record<string, string>> | null {
  const text = row.unbelievable_counts
  if (text == null) return null
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, String(v)]))
  } catch {
    // Of another writer: that something was refused is known all the same.
  }
  return { unbelievable_counts: text }
}

function firstBadChunk(counts: RequestRow['chunk_tokens']): number {
  if (!counts) return -1
  for (let i = 0; i < counts.length; i++) if (!isChunkTokens(counts[i] as number)) return i
  return -1
}
