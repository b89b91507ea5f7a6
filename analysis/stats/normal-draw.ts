import { seededRandom } from './random.ts'

/**
 * Standard normal numbers, the same for the same seed everywhere.
 * Source: Marsaglia and Bray, SIAM Review 6 (1964) 260 (polar method).
 */
export function seededNormal(seed: number): () => number {
  const random = seededRandom(seed)
  let kept: number | null = null
  return () => {
    if (kept !== null) {
      const value = kept
      kept = null
      return value
    }
    for (;;) {
      const u = 2 * random() - 1
      const v = 2 * random() - 1
      const s = u * u + v * v
      if (s >= 1 || s === 0) continue
      const factor = Math.sqrt((-2 * Math.log(s)) / s)
      kept = v * factor
      return u * factor
    }
  }
}
