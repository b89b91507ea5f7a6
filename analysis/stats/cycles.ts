import { mean, sampleSd } from './moments.ts'
import { normalCdf, normalQuantile } from './normal.ts'
import { percentileOfSorted } from './percentile.ts'
import { seededRandom } from './random.ts'
import { tQuantile } from './student.ts'

/** From so many replicates on the bootstrap covers; below it is too narrow. */
const BOOTSTRAP_FROM = 20
const RESAMPLES = 2000
const SEED = 20_260_102
/** Sample skewness above which t on logarithms fits positive values better. */
const SKEWED = 1
const LOG_FROM = 5

export interface MeanInterval {
  readonly mean: number
  /** 95 % interval of the mean; null under two values. */
  readonly low: number | null
  readonly high: number | null
  /** Sample sd / absolute mean; null under two values or at mean 0. */
  readonly cv: number | null
  readonly method: 't' | 't_log' | 'bca' | null
}

/**
 * Mean of replicates and its 95 % interval: mean ± t × sample sd / root count, exact Student t at every count;
 * t on logarithms for positive skewed values from five on; BCa bootstrap from twenty on.
 * @returns null where there is no value
 * Source: docs/metrics.md, "Late aggregation", cycles; Efron, JASA 82 (1987) 171.
 */
export function meanInterval(values: readonly number[]): MeanInterval | null {
  const centre = mean(values)
  if (centre === null) return null
  const sd = sampleSd(values)
  if (sd === null) return { mean: centre, low: null, high: null, cv: null, method: null }
  const cv = centre === 0 ? null : sd / Math.abs(centre)
  const n = values.length
  if (n >= BOOTSTRAP_FROM && sd > 0) return { mean: centre, ...bca(values), cv, method: 'bca' }
  const t = tQuantile(0.975, n - 1)
  if (n >= LOG_FROM && values.every((v) => v > 0) && skewness(values, centre, sd) > SKEWED) {
    const half = (t * (sampleSd(values.map(Math.log)) as number)) / Math.sqrt(n)
    // The logarithms' interval belongs to the geometric mean; its factors carry over to the mean.
    const factor = Math.exp(half)
    return { mean: centre, low: centre / factor, high: centre * factor, cv, method: 't_log' }
  }
  const half = (t * sd) / Math.sqrt(n)
  return { mean: centre, low: centre - half, high: centre + half, cv, method: 't' }
}

function skewness(values: readonly number[], centre: number, sd: number): number {
  const n = values.length
  if (sd === 0 || n < 3) return 0
  const cubes = values.reduce((s, v) => s + ((v - centre) / sd) ** 3, 0)
  return (n / ((n - 1) * (n - 2))) * cubes
}

/** Bias-corrected and accelerated bootstrap interval of the mean, seeded. */
function bca(values: readonly number[]): { low: number; high: number } {
  const n = values.length
  const random = seededRandom(SEED)
  const centre = mean(values) as number
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let total = 0
    for (let i = 0; i < n; i++) total += values[Math.floor(random() * n)] as number
    return total / n
  }).sort()
  const below = means.filter((m) => m < centre).length / RESAMPLES
  const bias = normalQuantile(Math.min(1 - 1 / RESAMPLES, Math.max(1 / RESAMPLES, below)))
  // Leaving out value i shifts the mean by (centre - value) / (n - 1).
  let squares = 0
  let cubes = 0
  for (const v of values) {
    squares += (v - centre) ** 2
    cubes += (v - centre) ** 3
  }
  const acceleration = cubes / (6 * squares ** 1.5)
  const at = (p: number) => {
    const z = bias + normalQuantile(p)
    return percentileOfSorted(means, normalCdf(bias + z / (1 - acceleration * z))) as number
  }
  return { low: at(0.025), high: at(0.975) }
}
