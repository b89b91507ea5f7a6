import { describe, expect, it } from 'vitest'
import { createWarmupJudge } from '../../../analysis/online/warmup.ts'

function judged(latencies: readonly (number | null)[]) {
  const judge = createWarmupJudge()
  for (const latency of latencies) judge.add(latency)
  return judge.verdict()
}

describe('warm-up', () => {
  it('converges once the last five successes spread less than 5 %', () => {
    // 100, 102, 98, 101, 99: mean 100, population sd root(10 / 5) = 1.414
    const verdict = judged([400, 100, 102, 98, 101, 99])
    expect(verdict).toMatchObject({ done: true, converged: true, requests: 6 })
    expect(verdict.cv).toBeCloseTo(Math.SQRT2 / 100, 12)
  })

  it('is not done before five successes, however alike', () => {
    expect(judged([100, 100, 100, 100])).toEqual({
      done: false,
      converged: false,
      cv: null,
      requests: 4,
    })
  })

  it('needs the spread strictly below the limit', () => {
    // 95, 105, 95, 105 and 100 with mean 100: population sd root(100 / 5) = 4.47; a limit of exactly that
    const latencies = [95, 105, 95, 105, 100]
    const judge = createWarmupJudge({
      min_prompts: 5,
      window_size: 5,
      max_prompts: 20,
      cv_limit: Math.sqrt(20) / 100,
    })
    for (const latency of latencies) judge.add(latency)
    expect(judge.verdict().done).toBe(false)
    expect(judged(latencies).converged).toBe(true)
  })

  it('counts a mean at or below zero as settled', () => {
    expect(judged([0, 0, 0, 0, 0])).toMatchObject({ converged: true, cv: 0 })
  })

  it('lets failures use up the twenty requests', () => {
    const failures = Array.from({ length: 20 }, () => null)
    expect(judged(failures)).toEqual({ done: true, converged: false, cv: null, requests: 20 })
    expect(judged([...failures.slice(0, 16), 1, 1, 1, 1])).toMatchObject({
      done: true,
      converged: false,
    })
  })

  it('keeps its first verdict when requests in flight still end', () => {
    expect(judged([100, 100, 100, 100, 100, 900])).toEqual({
      done: true,
      converged: true,
      cv: 0,
      requests: 6,
    })
  })

  it('refuses limits that can never be met', () => {
    expect(() =>
      createWarmupJudge({ min_prompts: 5, window_size: 0, max_prompts: 20, cv_limit: 0.05 }),
    ).toThrow('window_size is 0')
  })
})
