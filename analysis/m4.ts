/**
 * Indices to keep of a long series so that its line looks the same on so many pixel columns: first, least, largest
 * and last reading of each. For drawing only, never for integration. Failed readings (NaN) are left out.
 * @param t ascending  @param columns whole, at least 1
 * @returns ascending, at most 4 × columns
 * @throws RangeError on other columns
 * Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 7 (2014) 797.
 */
export function m4(
  t: ArrayLike<number>,
  value: ArrayLike<number>,
  start: number,
  end: number,
  columns: number,
): number[] {
  if (!Number.isInteger(columns) || columns < 1)
    throw new RangeError(`${columns} pixel columns; give a whole number from 1 up`)
  const width = (end - start) / columns
  const kept: number[] = []
  let column = -1
  let [first, least, largest, last] = [-1, -1, -1, -1]
  const flush = () => {
    if (first < 0) return
    const [early, late] = least < largest ? [least, largest] : [largest, least]
    kept.push(first)
    if (early !== first) kept.push(early)
    if (late !== early && late !== first) kept.push(late)
    if (last !== late && last !== first) kept.push(last)
  }
  for (let i = 0; i < t.length; i++) {
    const v = value[i] as number
    if (!Number.isFinite(v)) continue
    const at = width > 0 ? Math.min(columns - 1, Math.floor(((t[i] as number) - start) / width)) : 0
    if (at !== column) {
      flush()
      column = at
      first = least = largest = i
    } else {
      if (v < (value[least] as number)) least = i
      if (v > (value[largest] as number)) largest = i
    }
    last = i
  }
  flush()
  return kept
}
