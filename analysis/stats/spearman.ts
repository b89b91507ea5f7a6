/**
 * Spearman's rank correlation of a series with its own order, ties by mean rank: 1 ever rising, -1 ever falling.
 * @returns null under three values or where all are equal
 */
export function trendCorrelation(values: ArrayLike<number>): number | null {
  const n = values.length
  if (n < 3) return null
  const ranks = ranksOf(values)
  const centre = (n - 1) / 2
  let xy = 0
  let yy = 0
  let xx = 0
  ranks.forEach((rank, i) => {
    xy += (i - centre) * (rank - centre)
    xx += (i - centre) ** 2
    yy += (rank - centre) ** 2
  })
  return yy === 0 ? null : xy / Math.sqrt(xx * yy)
}

function ranksOf(values: ArrayLike<number>): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i)
  order.sort((a, b) => (values[a] as number) - (values[b] as number))
  const ranks = new Array<number>(values.length)
  for (let from = 0; from < order.length; ) {
    const value = values[order[from] as number]
    let to = from
    while (to < order.length && values[order[to] as number] === value) to++
    for (let k = from; k < to; k++) ranks[order[k] as number] = (from + to - 1) / 2
    from = to
  }
  return ranks
}
