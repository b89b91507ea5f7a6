import { describe, expect, it } from 'vitest'
import { arrivals } from '../../../agent/load/arrivals.ts'
import { createRandom } from '../../../agent/load/random.ts'
import { drawLengths } from '../../../agent/load/request-source.ts'
import { loadSchema } from '../../../analysis/schema/experiment.ts'

function take(load: Record<string, unknown>, n: number, purpose = 'measure'): number[] {
  const schedule = arrivals(loadSchema.parse(load), purpose)
  return Array.from({ length: n }, () => schedule.next().value as number)
}

describe('arrivals', () => {
  it('at a constant rate come at i / rate', () => {
    expect(take({ shape: 'constant', rate: 4 }, 4)).toEqual([0, 0.25, 0.5, 0.75])
  })

  it('of a Poisson process have independent exponential gaps', () => {
    const times = take({ shape: 'poisson', rate: 50, seed: 3 }, 20_000)
    const gaps = times.map((t, i) => t - (times[i - 1] ?? 0))
    const mean = gaps.reduce((a, b) => a + b) / gaps.length
    const variance = gaps.reduce((a, g) => a + (g - mean) ** 2, 0) / gaps.length
    const lag1 =
      gaps.slice(1).reduce((a, g, i) => a + (g - mean) * ((gaps[i] as number) - mean), 0) /
      gaps.length /
      variance
    // Mean 1/50; its standard error is mean / root n = 0.7 %, so 3 % is beyond four of them. CV 1, lag-1 within 3.3 / root n.
    expect(Math.abs(mean * 50 - 1)).toBeLessThan(0.03)
    expect(Math.abs(Math.sqrt(variance) / mean - 1)).toBeLessThan(0.05)
    expect(Math.abs(lag1)).toBeLessThan(3.3 / Math.sqrt(gaps.length))
    // Kolmogorov and Smirnov at 0.1 %: 1.95 / root n.
    const sorted = gaps.toSorted((a, b) => a - b)
    const distance = Math.max(
      ...sorted.map((g, i) => Math.abs(1 - Math.exp(-50 * g) - (i + 0.5) / sorted.length)),
    )
    expect(distance).toBeLessThan(1.95 / Math.sqrt(gaps.length))
  })

  it('are the same for a seed, and others for another seed or purpose', () => {
    const load = { shape: 'poisson', rate: 5, seed: 1 }
    expect(take(load, 10)).toEqual(take(load, 10))
    expect(take(load, 10)).not.toEqual(take({ ...load, seed: 2 }, 10))
    expect(take(load, 10)).not.toEqual(take(load, 10, 'warmup'))
  })

  it('do not exist for a closed loop', () => {
    expect(() => take({ shape: 'closed' }, 1)).toThrow(RangeError)
  })
})

describe('random streams', () => {
  it('follow the published xoshiro128**', () => {
    // By an independent implementation (Python, 32-bit arithmetic) from the first 16 bytes of SHA-256("1/test").
    const random = createRandom(1, 'test')
    expect(Array.from({ length: 4 }, () => random.next())).toEqual(REFERENCE)
  })

  it('are uniform over whole numbers, both ends included', () => {
    const random = createRandom(1, 'int')
    const counts = new Map<number, number>()
    for (let i = 0; i < 6000; i++) {
      const n = random.int(3, 8)
      counts.set(n, (counts.get(n) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual([3, 4, 5, 6, 7, 8])
    // Chi-square of 5 degrees: 20.5 at 0.1 %.
    expect([...counts.values()].reduce((a, n) => a + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5)
  })

  it('draw normal lengths with their mean, within their bounds, one request independent of the others', () => {
    const data = {
      source: 'synthetic',
      input_tokens: { dist: 'normal', mean: 100, sd: 20, min: 60, max: 140 },
      output_tokens: { dist: 'uniform', min: 5, max: 7 },
    } as const
    const lengths = Array.from({ length: 3000 }, (_, i) => drawLengths(data, 1, 'measure', i))
    const inputs = lengths.map((l) => l.requested_input_tokens)
    expect(inputs.every((n) => n >= 60 && n <= 140 && Number.isInteger(n))).toBe(true)
    // Symmetric bounds keep the mean; its standard error is below 20 / root 3000 = 0.37.
    expect(Math.abs(inputs.reduce((a, b) => a + b) / inputs.length - 100)).toBeLessThan(1.5)
    expect(new Set(lengths.map((l) => l.requested_output_tokens))).toEqual(new Set([5, 6, 7]))
    expect(drawLengths(data, 1, 'measure', 17)).toEqual(lengths[17])
  })
})

const REFERENCE = [0.36146434241464453, 0.973206736115837, 0.6918247719619833, 0.5044531173469686]
