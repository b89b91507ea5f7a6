/**
 * The gaps between tokens of one request, bundled tokens shared out: leading zeros (tokens of the first chunk) are
 * dropped, a positive gap g and the k zeros behind it are k + 1 gaps of g / (k + 1), negative ones are skipped.
 * @param itl seconds between tokens as recorded, 0 where tokens came in one chunk
 * @param give called with each gap in seconds
 * Source: docs/leaderboard.md, "ML.ENERGY". Example: 0, 0.3, 0, 0, 0.1 gives 0.1, 0.1, 0.1, 0.1.
 */
export function smoothedGaps(itl: readonly unknown[], give: (gap_s: number) => void): void {
  let open: number | null = null
  let tokens = 0
  const close = () => {
    if (open !== null) for (let i = 0; i < tokens; i++) give(open / tokens)
  }
  for (const gap of itl) {
    if (typeof gap !== 'number' || !Number.isFinite(gap) || gap < 0) continue
    if (gap === 0) {
      tokens++
      continue
    }
    close()
    open = gap
    tokens = 1
  }
  close()
}
