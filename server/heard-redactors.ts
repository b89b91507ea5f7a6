import { createRedactor, type Redactor, secretsIn } from '../analysis/schema/redact.ts'
import { runRedactor } from '../analysis/schema/redact-run.ts'
import type { Hide } from '../analysis/schema/redacted.ts'

/**
 * What redacts the chunks and reasons of runs that agents send in clear, as versions before redaction did: a run.json
 * in clear holds the values that its engine may repeat. They are kept in memory alone, of the runs that came last.
 */
export interface HeardRedactors {
  /** @param value run.json as it came */
  learn(run_id: string, value: unknown): void
  of(run_id: string): Redactor
}

const MOST_RUNS = 1000

export function createHeardRedactors(hide: Hide): HeardRedactors {
  const known = new Map<string, Redactor>()
  const plain = createRedactor(hide)
  return {
    learn(run_id, value) {
      const experiment = (value as { run?: { experiment?: unknown } } | null)?.run?.experiment
      if (secretsIn(experiment).length === 0) return
      known.delete(run_id)
      known.set(run_id, runRedactor(experiment, hide).heard)
      const [oldest] = known.keys()
      if (known.size > MOST_RUNS && oldest !== undefined) known.delete(oldest)
    },
    of: (run_id) => known.get(run_id) ?? plain,
  }
}
