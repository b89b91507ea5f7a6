import { describe, expect, it } from 'vitest'
import { blockBootstrap } from '../../../analysis/stats/block-bootstrap.ts'
import { chiSquareQuantile } from '../../../analysis/stats/chi-square.ts'
import { meanInterval } from '../../../analysis/stats/cycles.ts'
import { keyValues } from '../../../analysis/stats/keyed-values.ts'
import { mean, populationSd, sampleSd, sum } from '../../../analysis/stats/moments.ts'
import { normalCdf, normalQuantile } from '../../../analysis/stats/normal.ts'
import { orderInterval } from '../../../analysis/stats/order-interval.ts'
import { seededRandom } from '../../../analysis/stats/random.ts'
import { trendCorrelation } from '../../../analysis/stats/spearman.ts'
import { tQuantile } from '../../../analysis/stats/student.ts'

describe('quantiles of distributions', () => {
  it('agree with the printed tables', () => {
    expect(tQuantile(0.975, 2)).toBeCloseTo(4.3027, 4)
    expect(tQuantile(0.975, 9)).toBeCloseTo(2.2622, 4)
    expect(chiSquareQuantile(0.95, 10)).toBeCloseTo(18.307, 3)
    expect(normalQuantile(0.975)).toBeCloseTo(1.959964, 5)
    expect(normalQuantile(0.025)).toBeCloseTo(-1.959964, 5)
    expect(normalCdf(1.959964)).toBeCloseTo(0.975, 6)
    expect(normalCdf(-1)).toBeCloseTo(0.158655, 6)
  })

  it('refuse impossible arguments in words', () => {
    expect(() => tQuantile(0.975, 0)).toThrow('0 degrees of freedom')
    expect(() => chiSquareQuantile(2, 3)).toThrow('probability 2')
    expect(() => normalQuantile(0)).toThrow('probability 0')
  })
})

describe('moments', () => {
  it('give the sample and the population form', () => {
    // mean 5; squares 9+1+1+1+0+0+4+16 = 32
    const values = [2, 4, 4, 4, 5, 5, 7, 9]
    expect(mean(values)).toBe(5)
    expect(populationSd(values)).toBe(2)
    expect(sampleSd(values)).toBeCloseTo(Math.sqrt(32 / 7), 12)
    expect(sampleSd([1])).toBeNull()
    expect(populationSd([])).toBeNull()
    expect(mean([])).toBeNull()
  })

  it('keep small addends beside a large one', () => {
    expect(sum([1e16, 1, 1, -1e16])).toBe(2)
  })
})

describe('rank interval of a percentile', () => {
  it('bounds p99 from above from 368 values on, p99.9 from 3688 on', () => {
    // 0.99^367 = 0.02501 > 0.025 >= 0.99^368 = 0.02476
    expect(orderInterval(367, 0.99).high).toBeNull()
    expect(orderInterval(368, 0.99).high).toBe(368)
    expect(orderInterval(3687, 0.999).high).toBeNull()
    expect(orderInterval(3688, 0.999).high).toBe(3688)
  })

  it('gives the known ranks of a median', () => {
    // Binomial(10, 1/2): P(X <= 1) = 11/1024 = 0.0107, P(X <= 2) = 56/1024 = 0.0547; symmetric above
    expect(orderInterval(10, 0.5)).toEqual({ low: 2, high: 9 })
    // P(X = 0) = 1/16 > 0.025
    expect(orderInterval(4, 0.5)).toEqual({ low: null, high: null })
    expect(orderInterval(0, 0.5)).toEqual({ low: null, high: null })
  })

  it('covers the quantile in at least 95 % of samples, and hardly more', () => {
    const random = seededRandom(3)
    let inside = 0
    for (let trial = 0; trial < 2000; trial++) {
      const sorted = Float64Array.from({ length: 200 }, random).sort()
      const { low, high } = orderInterval(200, 0.9)
      if ((sorted[(low ?? 1) - 1] as number) <= 0.9 && 0.9 <= (sorted[(high ?? 200) - 1] as number))
        inside++
    }
    expect(inside / 2000).toBeGreaterThan(0.935)
    expect(inside / 2000).toBeLessThan(0.99)
  })

  it('stays within the list for a million values', () => {
    const { low, high } = orderInterval(1_000_000, 0.999)
    // sd = sqrt(1e6 × 0.999 × 0.001) = 31.6; ± 1.96 sd around 999 000
    expect(low as number).toBeCloseTo(999_000 - 62, -1)
    expect(high as number).toBeCloseTo(999_000 + 62, -1)
  })
})

describe('block bootstrap', () => {
  it('widens where values of one block move together, as a binomial interval would not', () => {
    const random = seededRandom(5)
    const blocks = 20
    const block = Int32Array.from({ length: 4000 }, (_, i) => Math.floor(i / 200))
    const level = Array.from({ length: blocks }, () => 10 + 5 * random())
    const together = Array.from(block, (b) => (level[b] as number) + random())
    const shuffled = together.map((_, i) => together[(i * 1237) % 4000] as number)
    const width = (values: number[]) => {
      const [found] = blockBootstrap(keyValues(values), block, blocks, [0.5])
      return (found?.high ?? 0) - (found?.low ?? 0)
    }
    expect(width(together)).toBeGreaterThan(4 * width(shuffled))
    expect(width(together)).toBe(width([...together]))
  })
})

describe('interval of replicates', () => {
  it('is mean ± t × sd / root count', () => {
    // mean 11, sd 1, t(2) = 4.3027: half 4.3027 / root 3 = 2.4842
    const interval = meanInterval([10, 11, 12])
    expect(interval?.mean).toBe(11)
    expect(interval?.low).toBeCloseTo(11 - 2.4842, 3)
    expect(interval?.high).toBeCloseTo(11 + 2.4842, 3)
    expect(interval?.cv).toBeCloseTo(1 / 11, 12)
  })

  it('is null for one value, and for none there is nothing', () => {
    expect(meanInterval([5])).toEqual({ mean: 5, low: null, high: null, cv: null, method: null })
    expect(meanInterval([])).toBeNull()
  })

  it('takes logarithms for positive skewed values and the bootstrap from twenty on', () => {
    expect(meanInterval([1, 1.1, 1.2, 1.1, 9])?.method).toBe('t_log')
    expect(meanInterval([1, 1.1, 1.2, 1.1, 9])?.low).toBeGreaterThan(0)
    const random = seededRandom(11)
    const many = Array.from({ length: 40 }, () => 100 + random())
    const interval = meanInterval(many)
    expect(interval?.method).toBe('bca')
    // As the t interval, within a fifth of its width: 100.5 ± 2.02 × 0.289 / root 40
    expect((interval?.high ?? 0) - (interval?.low ?? 0)).toBeCloseTo(
      2 * 2.02 * (0.289 / Math.sqrt(40)),
      1,
    )
  })
})

describe('trend', () => {
  it('is 1 for ever rising, -1 for falling, unknown for level series', () => {
    expect(trendCorrelation([1, 2, 3, 9])).toBeCloseTo(1, 12)
    expect(trendCorrelation([4, 3, 1])).toBeCloseTo(-1, 12)
    expect(trendCorrelation([2, 2, 2])).toBeNull()
    expect(trendCorrelation([1, 2])).toBeNull()
    // ranks 1, 2.5, 2.5, 4 against 1..4: 4.5 / sqrt(5 × 4.5)
    expect(trendCorrelation([1, 2, 2, 3])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12)
  })
})
