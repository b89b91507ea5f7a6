export interface Bin {
  readonly low: number
  readonly high: number
  readonly count: number
}

export interface Histogram {
  readonly bins: readonly Bin[]
  readonly count: number
  /** Values beyond the last bin: counted, not drawn, and said so under the chart. */
  readonly beyond: number
  readonly max: number
}

/**
 * Bins of one round width over the values, in their own unit. A tail that would squeeze the rest flat is cut:
 * where the largest value lies over three times as far from the least as the 99th percentile does, bins end at
 * 1.5 times that percentile's distance.
 * @param values finite, any order; @param target how many bins to aim at
 * @returns null where there is no value
 */
export function histogram(values: ArrayLike<number>, target = 48): Histogram | null {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort()
  const count = sorted.length
  if (count === 0) return null
  const min = sorted[0] as number
  const max = sorted[count - 1] as number
  const p99 = sorted[Math.floor(0.99 * (count - 1))] as number
  const end = p99 > min && max - min > 3 * (p99 - min) ? min + 1.5 * (p99 - min) : max
  // Few values deserve few bins: the square root, as a reader expects of a small sample.
  const bins = Math.max(1, Math.min(target, Math.ceil(2 * Math.sqrt(count))))
  const span = end - min
  const alike = span <= Math.max(NEGLIGIBLE, NEGLIGIBLE * Math.abs(max))
  const width = roundWidth(alike ? Math.abs(max) / 10 + NEGLIGIBLE : span / bins)
  const first = Math.floor(min / width)
  const counts = new Array<number>(Math.floor(end / width) - first + 1).fill(0)
  let beyond = 0
  for (const v of sorted) {
    const at = Math.floor(v / width) - first
    if (at < counts.length) counts[at] = (counts[at] ?? 0) + 1
    else beyond++
  }
  // A cut tail leaves no empty bins behind it.
  while (counts.at(-1) === 0) counts.pop()
  return {
    bins: counts.map((n, i) => ({
      low: (first + i) * width,
      high: (first + i + 1) * width,
      count: n,
    })),
    count,
    beyond,
    max,
  }
}

/** Values that differ by less, relative to themselves, are one value: bins between them would be rounding errors. */
const NEGLIGIBLE = 1e-9

/** The least of 1, 2, 2.5 or 5 times a power of ten that is not below `width`. */
function roundWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width))
  for (const step of [1, 2, 2.5, 5]) if (step * power >= width) return step * power
  return 10 * power
}
