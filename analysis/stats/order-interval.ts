/** Ranks (from 1) of the ordered values that enclose a quantile; null: no value of the sample bounds it there. */
export interface RankInterval {
  readonly low: number | null
  readonly high: number | null
}

/** Each tail of the 95 % interval. */
const TAIL = 0.025

/**
 * Order-statistic interval of a quantile at 95 %, without assuming a distribution: the number of values at or
 * below the quantile is binomial. The p99's upper bound exists from 368 values on, the p99.9's from 3688 on.
 * @param n number of values, 0 or more  @param fraction strictly within 0 to 1
 * @throws RangeError outside of these
 * Source: docs/metrics.md, "Latency", percentiles.
 */
export function orderInterval(n: number, fraction: number): RankInterval {
  if (!(Number.isInteger(n) && n >= 0) || !(fraction > 0 && fraction < 1))
    throw new RangeError(`no rank interval of ${n} values at fraction ${fraction}`)
  const centre = n * fraction
  const reach = 12 * Math.sqrt(centre * (1 - fraction)) + 30
  // Below k the probability is under 10^-30: nothing is lost by beginning there.
  let k = Math.max(0, Math.floor(centre - reach))
  let probability = Math.exp(logBinomial(n, k, fraction))
  let below = 0
  let low: number | null = null
  while (k < n) {
    const upTo = below + probability
    if (upTo <= TAIL) low = k + 1
    if (upTo >= 1 - TAIL) return { low, high: k + 1 }
    below = upTo
    probability *= ((n - k) / (k + 1)) * (fraction / (1 - fraction))
    k++
  }
  return { low, high: null }
}

function logBinomial(n: number, k: number, p: number): number {
  return (
    logFactorial(n) -
    logFactorial(k) -
    logFactorial(n - k) +
    k * Math.log(p) +
    (n - k) * Math.log1p(-p)
  )
}

/** Natural logarithm of n!, by sum for small n and Stirling's series (error under 10^-12) above. */
function logFactorial(n: number): number {
  if (n < 32) {
    let total = 0
    for (let i = 2; i <= n; i++) total += Math.log(i)
    return total
  }
  const x = n + 1
  return (
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5)
  )
}
