import type { Table } from '@uwdata/flechette'

/** What analysis reads of a flechette batch: its typed buffers, so that a million cells need no million calls. */
interface Batch {
  readonly length: number
  readonly nullCount: number
  readonly validity?: Uint8Array
  readonly values?: unknown
  readonly offsets?: ArrayLike<number | bigint>
  readonly children?: readonly Batch[]
  readonly dictionary?: { readonly length: number; at(i: number): unknown }
  at(i: number): unknown
}

/** The record batches of a column; none where the chunk has no such column. */
export function batchesOf(table: Table, name: string): readonly Batch[] {
  const column = table.getChild(name) as unknown as { readonly data: readonly Batch[] } | undefined
  return column?.data ?? []
}

const isNull = (batch: Batch, i: number): boolean => {
  if (batch.nullCount === 0) return false
  const bits = batch.validity
  // A column of Arrow's type null has no bits at all.
  if (bits === undefined || bits.length === 0) return batch.at(i) === null
  return (((bits[i >> 3] as number) >> (i & 7)) & 1) === 0
}

/**
 * Integers of any width less `origin`, null as NaN, written to `out` from `at`. Exact while the differences stay
 * below 2^53, also where the integers themselves do not.
 */
export function fillIntegers(batch: Batch, origin: bigint, out: Float64Array, at: number): void {
  const { values, length } = batch
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    // Two 32-bit halves each, taken apart from the origin's: no bigint is made.
    const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
    const low = Number(origin & 0xffff_ffffn)
    const high = Number(origin >> 32n)
    const signed = values instanceof BigInt64Array
    for (let i = 0; i < length; i++) {
      const top = halves[2 * i + 1] as number
      out[at + i] =
        ((signed ? top | 0 : top) - high) * 4_294_967_296 + ((halves[2 * i] as number) - low)
    }
  } else if (ArrayBuffer.isView(values)) {
    const numbers = values as unknown as ArrayLike<number>
    const shift = Number(origin)
    for (let i = 0; i < length; i++) out[at + i] = (numbers[i] as number) - shift
  } else out.fill(Number.NaN, at, at + length)
  if (batch.nullCount > 0)
    for (let i = 0; i < length; i++) if (isNull(batch, i)) out[at + i] = Number.NaN
}

/** Numbers of any type, null as NaN, written to `out` from `at`. */
export function fillNumbers(batch: Batch, out: Float64Array, at: number): void {
  const { values, length } = batch
  if (values instanceof Float64Array || values instanceof Float32Array) {
    out.set(values.subarray(0, length), at)
    if (batch.nullCount > 0)
      for (let i = 0; i < length; i++) if (isNull(batch, i)) out[at + i] = Number.NaN
    return
  }
  for (let i = 0; i < length; i++) {
    const value = batch.at(i)
    out[at + i] = value === null || value === undefined ? Number.NaN : Number(value)
  }
}

/** Words of a text column as indices into one list of words that grows over batches; null is -1. */
export function fillWords(batch: Batch, words: WordList, out: Int32Array, at: number): void {
  const { values, length, dictionary } = batch
  if (dictionary !== undefined && ArrayBuffer.isView(values)) {
    const keys = values as unknown as ArrayLike<number | bigint>
    const place = new Int32Array(dictionary.length)
    for (let k = 0; k < place.length; k++) place[k] = words.indexOf(dictionary.at(k))
    for (let i = 0; i < length; i++)
      out[at + i] = isNull(batch, i) ? -1 : (place[Number(keys[i])] ?? -1)
    return
  }
  for (let i = 0; i < length; i++) out[at + i] = words.indexOf(batch.at(i))
}

export interface WordList {
  readonly words: string[]
  /** Index of a word, added where it is new; -1 for null. */
  indexOf(word: unknown): number
}

export function wordList(): WordList {
  const words: string[] = []
  const known = new Map<string, number>()
  return {
    words,
    indexOf(word) {
      if (typeof word !== 'string') return -1
      const old = known.get(word)
      if (old !== undefined) return old
      known.set(word, words.length)
      words.push(word)
      return words.length - 1
    },
  }
}

/** Start and end of each list of a list column, and the batch of its elements; null lists have start -1. */
export function listsOf(
  batch: Batch,
): { starts: Int32Array; ends: Int32Array; inner: Batch } | null {
  const { offsets, length } = batch
  const inner = batch.children?.[0]
  if (offsets === undefined || inner === undefined) return null
  const starts = new Int32Array(length)
  const ends = new Int32Array(length)
  for (let i = 0; i < length; i++) {
    starts[i] = isNull(batch, i) ? -1 : Number(offsets[i])
    ends[i] = Number(offsets[i + 1])
  }
  return { starts, ends, inner }
}
