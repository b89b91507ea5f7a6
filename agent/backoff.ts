import { setTimeout as sleep } from 'node:timers/promises'

/** How long to wait before the n-th repetition (from 0), in ms. */
export type Backoff = (attempt: number) => number

/**
 * Doubling waits with jitter: between half and all of 0.25, 0.5, 1, ... at most 10 s, so that many agents do not
 * come back to a restarted server at the same instant.
 */
export function exponentialBackoff(random: () => number = Math.random): Backoff {
  return (attempt) => Math.min(10_000, 250 * 2 ** Math.min(attempt, 10)) * (0.5 + random() / 2)
}

/** Waits, or ends early (without an error) when aborted. Does not keep the program alive. */
export async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
}
