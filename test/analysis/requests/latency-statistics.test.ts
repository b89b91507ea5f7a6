import { describe, expect, it } from 'vitest'
import {
  gapStatistics,
  percentilesWithFailures,
  requestStatistics,
} from '../../../analysis/requests/latency-statistics.ts'

/** 1, 2, ... n. */
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

/** The same list by each of the three ways in which percentiles are made. */
const WAYS = {
  requests: (values: number[]) => requestStatistics(values, 'ms', 'no_requests', 'client'),
  'requests with failures': (values: number[]) =>
    percentilesWithFailures(values, 'ms', 'no_requests'),
  gaps: (values: number[]) =>
    gapStatistics(
      [
        {
          gap_ms: Float64Array.from(values),
          t_ns: Float64Array.from(values),
          reason: null,
          span: { start_ns: 0, end_ns: 1e9 },
        },
      ],
      'client',
    ),
}

describe.each(Object.entries(WAYS))('percentiles of %s', (_, of) => {
  it('give p50, p90 and p95 of any number of values', () => {
    for (const p of ['p50', 'p90', 'p95'] as const)
      expect(of([7])[p]).toMatchObject({ value: 7, reason: null, n: 1 })
  })

  it.each([
    ['p99', 100],
    ['p999', 1000],
  ] as const)('give %s from %i values on, and below it a reason', (p, fewest) => {
    expect(of(upTo(fewest - 1))[p]).toMatchObject({
      value: null,
      reason: 'n_too_small',
      n: fewest - 1,
    })
    const { value, reason } = of(upTo(fewest))[p] ?? {}
    expect(reason).toBeNull()
    // Between the last two values: the tail is that of the one largest of them.
    expect(value).toBeGreaterThanOrEqual(fewest - 1)
    expect(value).toBeLessThanOrEqual(fewest)
  })

  it('are null with the reason of the list where it is empty, not for being few', () => {
    expect(of([]).p99).toMatchObject({ value: null, reason: 'no_requests', n: 0 })
  })
})

describe('a standard deviation', () => {
  it('needs two values', () => {
    expect(WAYS.requests([5]).sd).toMatchObject({ value: null, reason: 'n_too_small' })
    // (1 - 2)^2 + (3 - 2)^2 over 1
    expect(WAYS.requests([1, 3]).sd.value).toBeCloseTo(Math.SQRT2, 12)
  })
})
