import type { Finding, Severity } from '../schema/finding.ts'
import type { RunOutcome } from '../schema/run.ts'
import type { RunValidity } from '../schema/run-validity.ts'

/** How a run ended. null: it has not. */
export interface Ended {
  readonly outcome: RunOutcome | null
  readonly reason: string | null
}

/** The validity of a run, from its summary and how it ended. */
export function runValidity(
  summary: {
    readonly run_id: string
    readonly valid: boolean
    readonly findings: readonly Finding[]
  },
  { outcome, reason }: Ended,
): RunValidity {
  const codes = (severity: Severity) => [
    ...new Set(summary.findings.filter((f) => f.severity === severity).map((f) => f.code)),
  ]
  return {
    run_id: summary.run_id,
    valid: summary.valid,
    outcome,
    reason,
    invalid: codes('invalid'),
    cautions: codes('caution'),
  }
}

/** Whether a conclusion must not stand on this run unremarked: it is invalid, or did not complete. */
export const isDoubtful = ({ valid, outcome }: RunValidity): boolean =>
  !valid || outcome !== 'completed'

/**
 * One sentence: how the run ended, why it is invalid, and its cautions. null: a valid, completed run without cautions, of
 * which there is nothing to say.
 */
export function validityText(validity: RunValidity): string | null {
  const { run_id, valid, outcome, reason, invalid, cautions } = validity
  const parts = [
    ...(outcome === 'completed' ? [] : [ENDED[outcome ?? 'open'] + because(reason)]),
    ...(valid ? [] : [`is invalid (${invalid.join(', ')})`]),
    ...(cautions.length === 0
      ? []
      : [`has ${cautions.length === 1 ? 'a caution' : 'cautions'} (${cautions.join(', ')})`]),
  ]
  if (parts.length === 0) return null
  const [last, ...before] = parts.reverse()
  const list = before.length === 0 ? last : `${before.reverse().join(', ')} and ${last}`
  const remedy = valid ? '' : '; it is never ranked, and llem-server show explains why'
  return `Run ${run_id} ${list}${remedy}.`
}

const ENDED: Record<RunOutcome | 'open', string> = {
  completed: 'completed',
  failed: 'failed',
  interrupted: 'was interrupted',
  open: 'is not finished',
}

/** The recorded reason is often a sentence of its own. */
const because = (reason: string | null): string =>
  reason === null || reason.trim() === '' ? '' : ` (${reason.trim().replace(/[.\s]+$/, '')})`
