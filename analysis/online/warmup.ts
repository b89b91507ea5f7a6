import { mean, populationSd } from '../stats/moments.ts'

export interface WarmupLimits {
  readonly min_prompts: number
  readonly window_size: number
  readonly max_prompts: number
  readonly cv_limit: number
}

const WARMUP_LIMITS: WarmupLimits = {
  min_prompts: 5,
  window_size: 5,
  max_prompts: 20,
  cv_limit: 0.05,
}

export interface WarmupVerdict {
  readonly done: boolean
  readonly converged: boolean
  /** Population sd / mean of the last window of successes; null while it is not full. */
  readonly cv: number | null
  /** Requests that ended, failures included. */
  readonly requests: number
}

export interface WarmupJudge {
  /** Latency of a warm-up request that ended, ms; null: it failed. */
  add(latency_ms: number | null): void
  verdict(): WarmupVerdict
}

/**
 * Says when warm-up is over: once successes reach the larger of min_prompts and window_size, a coefficient of
 * variation of the last window strictly below the limit converges; a mean at or below 0 counts as 0. Failures use
 * up max_prompts. The first "done" stands: requests that were still in flight then change only the count.
 * @throws RangeError where a limit is not above 0, naming it
 * Source: docs/metrics.md, "Late aggregation", warm-up.
 */
export function createWarmupJudge(limits: WarmupLimits = WARMUP_LIMITS): WarmupJudge {
  for (const [name, value] of Object.entries(limits))
    if (!(value > 0)) throw new RangeError(`warm-up limit ${name} is ${value}; it must be above 0`)
  const needed = Math.max(limits.min_prompts, limits.window_size)
  const recent: number[] = []
  let successes = 0
  let requests = 0
  let settled: { converged: boolean; cv: number | null } | null = null

  function spread(): number | null {
    if (recent.length < limits.window_size) return null
    const centre = mean(recent) as number
    return centre <= 0 ? 0 : (populationSd(recent) as number) / centre
  }
  return {
    add(latency_ms) {
      requests++
      if (settled !== null) return
      if (latency_ms !== null) {
        successes++
        recent.push(latency_ms)
        if (recent.length > limits.window_size) recent.shift()
      }
      const cv = spread()
      const converged = successes >= needed && cv !== null && cv < limits.cv_limit
      if (converged || requests >= limits.max_prompts) settled = { converged, cv }
    },
    verdict: () => ({
      done: settled !== null,
      converged: settled?.converged ?? false,
      cv: settled === null ? spread() : settled.cv,
      requests,
    }),
  }
}
