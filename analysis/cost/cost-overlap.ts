import { instantText } from '../schema/instant.ts'
import type { Piece } from './cost-draw.ts'

/** A value that holds for a while; null: nobody published it. */
export interface Held {
  readonly from_ms: number
  readonly to_ms: number
  readonly value: number | null
}

export interface Overlap {
  /** Sum of energy × value where there is one. */
  readonly sum: number
  readonly gap_kwh: number
  readonly first_gap: string | null
}

/**
 * Energy at constant power, split at the edges of a series and weighted by its values. A zero or negative factor of a
 * grid is no value; a price may be negative, so that is the caller's to say.
 * @param held in the order of time, without overlap
 * @returns null where a piece has no wall time
 */
export function overlap(pieces: readonly Piece[], held: readonly Held[]): Overlap | null {
  let sum = 0
  let gap_kwh = 0
  let first_gap: number | null = null
  for (const { from_ms, to_ms, kwh } of pieces) {
    if (from_ms === null || to_ms === null) return null
    const length = to_ms - from_ms
    let covered = 0
    let next_ms = from_ms
    for (let i = firstEnding(held, from_ms); i < held.length; i++) {
      const h = held[i] as Held
      if (h.from_ms > to_ms || (h.from_ms === to_ms && length > 0)) break
      const from = Math.max(h.from_ms, from_ms)
      const to = Math.min(h.to_ms, to_ms)
      // A piece without length, of a run below a millisecond, falls whole into the row that holds its instant.
      const share = length === 0 ? 1 : (to - from) / length
      if (share <= 0) continue
      if (h.value === null) {
        first_gap ??= from
        next_ms = to
        continue
      }
      if (from > next_ms) first_gap ??= next_ms
      next_ms = to
      sum += kwh * share * h.value
      covered += share
      if (length === 0) break
    }
    const open = 1 - covered
    // Shares of an hour that add up to one do so only to the last bit.
    if (open > 1e-9) {
      gap_kwh += kwh * open
      first_gap ??= next_ms
    }
  }
  return { sum, gap_kwh, first_gap: first_gap === null ? null : instantText(first_gap) }
}

/** Index of the first that ends after an instant. */
function firstEnding(held: readonly Held[], at_ms: number): number {
  let low = 0
  let high = held.length
  while (low < high) {
    const mid = (low + high) >> 1
    if ((held[mid] as Held).to_ms > at_ms) high = mid
    else low = mid + 1
  }
  return low
}
