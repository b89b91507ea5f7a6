import { HttpProblem } from './problem.ts'

/** So much of a burst, then one more every so many milliseconds. */
export interface Allowance {
  readonly burst: number
  readonly every_ms: number
}

const MOST_CALLERS = 10_000

/**
 * Holds each caller to an allowance (a token bucket).
 * @param now ISO 8601
 * @returns throws HttpProblem 429 with the seconds to wait where a caller has used it up
 */
export function createRateLimit(
  { burst, every_ms }: Allowance,
  now: () => string,
): (caller: string) => void {
  const callers = new Map<string, { left: number; at: number }>()
  return (caller) => {
    const at = Date.parse(now())
    const before = callers.get(caller) ?? { left: burst, at }
    const left = Math.min(burst, before.left + Math.max(0, at - before.at) / every_ms)
    callers.delete(caller)
    callers.set(caller, { left: Math.max(0, left - 1), at })
    const [oldest] = callers.keys()
    if (callers.size > MOST_CALLERS && oldest !== undefined) callers.delete(oldest)
    if (left >= 1) return
    const wait_s = Math.max(1, Math.ceil(((1 - left) * every_ms) / 1000))
    callers.set(caller, { left, at })
    throw new HttpProblem(
      429,
      'too_many_requests',
      `That is faster than anyone reads: at most ${burst} at once, then one every ${every_ms / 1000} s. Wait ${wait_s} s.`,
      { headers: { 'retry-after': String(wait_s) } },
    )
  }
}
