import type { Outcome } from './stream.ts'

/**
 * Whether a request with this outcome counts as completed: it ended properly, at the requested length or another.
 * Without a token it is failed.
 */
export function isCompleted(outcome: string | null | undefined, output_tokens: number): boolean {
  const known = outcome as Outcome | null | undefined
  return known === 'ok' || (known === 'length_mismatch' && output_tokens > 0)
}
