import { refusedCounts } from '../readings/believed-counts.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import type { Finding } from '../schema/finding.ts'
import { percent } from './failure-findings.ts'
import { REQUEST_THRESHOLDS as LIMIT } from './request-thresholds.ts'

/** Counts of the engine that no response can have, and that are read as absent; over the whole run. */
export function unbelievableCountFindings(run: RunData, answers: readonly Answer[]): Finding[] {
  const measured = answers.filter((a) => a.measured)
  const columns: Record<string, number> = {}
  let example: { request_id: string; column: string; reported: string } | null = null
  let requests = 0
  for (const { row } of measured) {
    const refused = refusedCounts(row)
    if (refused === null) continue
    requests++
    for (const [column, reported] of Object.entries(refused)) {
      columns[column] = (columns[column] ?? 0) + 1
      example ??= { request_id: row.request_id, column, reported }
    }
  }
  const steps = run.unbelievable_steps ?? 0
  if (requests === 0 && steps === 0) return []
  const share = measured.length > 0 ? requests / measured.length : 0
  const where = [
    requests === 0 ? null : `${requests} of ${measured.length} requests (${percent(share)})`,
    steps === 0 ? null : `${steps} engine steps`,
  ].filter((part) => part !== null)
  const first = example === null ? '' : `, for one ${example.column} ${example.reported}`
  return [
    {
      code: 'unbelievable_count',
      severity: share > LIMIT.unbelievable_invalid ? 'invalid' : 'caution',
      message: `The engine reported counts that cannot be, in ${where.join(' and ')}${first}. They are read as absent, and output tokens are taken from the next source. Check the usage that the engine reports, or update it.`,
      evidence: { requests, measured: measured.length, share, steps, columns, example },
    },
  ]
}
