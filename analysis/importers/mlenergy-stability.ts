import type { Finding } from '../schema/finding.ts'

/** When the tool calls a run unstable. Its own validator is stricter: 30 s and 0.80. */
export const STABILITY = { steady_s: 20, batch_utilisation: 0.85 } as const

/**
 * Whether a run's steady window is long and full enough, by the rules and in the words of the tool (`evidence.reason`).
 * @param steady_s length of the steady window; null: not told
 * @param running mean requests in the batch over it; null: no record of it, which passes
 * Source: docs/leaderboard.md, "ML.ENERGY".
 */
export function stabilityFindings(
  steady_s: number | null,
  running: number | null,
  batch_limit: number | null,
  limits: { readonly steady_s: number; readonly batch_utilisation: number } = STABILITY,
): Finding[] {
  const findings: Finding[] = []
  if (steady_s === null || steady_s < limits.steady_s)
    findings.push({
      code: 'short_steady_state',
      severity: 'caution',
      message:
        steady_s === null
          ? 'The file does not tell how long its steady window is.'
          : `The steady window is ${steady_s.toPrecision(3)} s long, under ${limits.steady_s} s.`,
      evidence: { reason: `short_steady_state:${steady_s ?? 'None'}`, duration_s: steady_s },
    })
  const share = running === null || batch_limit === null ? null : running / batch_limit
  if (share !== null && share < limits.batch_utilisation)
    findings.push({
      code: 'low_batch_utilisation',
      severity: 'caution',
      message: `The engine ran ${(running ?? 0).toPrecision(3)} requests at once on average, of ${batch_limit} (under ${limits.batch_utilisation * 100} %), so the batch is smaller than it is called.`,
      evidence: {
        reason: `low_batch_utilization:${share.toFixed(6)}`,
        running,
        slots: batch_limit,
      },
    })
  return findings
}

/** A larger batch behind one that was not stable. */
export const cascadeFinding = (unstable_batch: number): Finding => ({
  code: 'cascade_unstable',
  severity: 'caution',
  message: `A smaller batch (${unstable_batch}) of the same model, task and GPUs was not stable, so larger ones are not trusted either.`,
  evidence: { reason: `cascade_from_unstable_batch:${unstable_batch}`, batch: unstable_batch },
})

/**
 * A run that the tool itself calls unstable, with its words as `evidence.reason`.
 * @param reason as it writes it (`short_steady_state:12.0`); empty: not told
 */
export function toldUnstable(reason: string): Finding {
  const [kind, value = ''] = reason.split(':')
  const number = Number(value === '' ? Number.NaN : value)
  const said = (code: Finding['code'], message: string): Finding => ({
    code,
    severity: 'caution',
    message,
    evidence: { reason },
  })
  if (kind === 'short_steady_state')
    return said(
      'short_steady_state',
      Number.isFinite(number)
        ? `The steady window is ${number.toPrecision(3)} s long, under ${STABILITY.steady_s} s.`
        : 'Its source does not tell how long its steady window is.',
    )
  if (kind === 'low_batch_utilization')
    return said(
      'low_batch_utilisation',
      `The engine's batch was filled to ${Number.isFinite(number) ? `${(100 * number).toPrecision(3)} %` : 'a share that is not told'} on average, under ${STABILITY.batch_utilisation * 100} %, so the batch is smaller than it is called.`,
    )
  if (kind === 'cascade_from_unstable_batch')
    return { ...cascadeFinding(number), evidence: { reason } }
  return said(
    'no_steady_window',
    `Its source calls the run unstable${reason === '' ? '' : ` (${reason.slice(0, 100)})`}.`,
  )
}

/** A row whose table tells of stable runs, and not of this one. */
export const unknownStability = (): Finding => ({
  code: 'no_steady_window',
  severity: 'caution',
  message: 'Its source does not tell whether the run was stable.',
  evidence: { reason: null },
})
