import type { Candidate, Candidates } from '../analysis/choosing/candidate.ts'
import { resultsAsCandidates } from './result-candidates.ts'
import { codesOf, type Per, runCandidate, runsAsCandidates } from './run-candidates.ts'
import { type FailedRun, findRun } from './store/find-run.ts'
import type { Store } from './store/open.ts'
import { resultCandidates } from './store/result-candidates.ts'
import type { RunListQuery } from './store/run-filter.ts'
import { listRuns } from './store/run-list.ts'
import { readValueSets } from './store/value-sets.ts'
import type { Summaries } from './summaries.ts'

/**
 * All that one may choose among: runs measured here and results of others. Both lists meet here. Bounds of metrics are
 * not applied: they bind the mean of an experiment, not each of its runs.
 */
export async function loadCandidates(
  store: Store,
  summaries: Summaries,
  filters: RunListQuery,
  per: Per,
): Promise<Candidates> {
  await summaries.fill()
  const cautions = filters.exclude_cautions ? 'exclude' : 'include'
  const query = { ...filters, metrics: [], exclude_cautions: false, limit: MOST, after: null }
  const runs = await listRuns(store.db, { ...query, sort: 'created_at', descending: false })
  const local = await runsAsCandidates(
    runs,
    cautions,
    per,
    await readValueSets(
      store.db,
      runs.map((r) => r.value_set_id),
    ),
  )
  const results = resultsAsCandidates(await resultCandidates(store.db, query), cautions, per)
  return {
    candidates: [...local.candidates, ...results.candidates],
    excluded: [...local.excluded, ...results.excluded],
  }
}

const MOST = Number.MAX_SAFE_INTEGER

/**
 * What runs now: the candidate that `ref` names or that holds the run, else, where the filters keep it out, the run alone.
 * @returns in `fault`, in words, why nothing can be compared with it
 * @throws RunNotFound
 */
export async function currentCandidate(
  store: Store,
  summaries: Summaries,
  ref: string,
  candidates: readonly Candidate[],
  skipped?: (failed: readonly FailedRun[]) => void,
): Promise<{ readonly current: Candidate | null; readonly fault: string | null }> {
  const holding = (id: string) => candidates.find((c) => c.id === id || c.member_ids.includes(id))
  const named = holding(ref)
  if (named) return { current: named, fault: null }
  const row = await findRun(store.db, ref, skipped)
  const known = holding(row.run_id)
  if (known) return { current: known, fault: null }
  const summary = await summaries.of(row)
  if (summary.valid) {
    const sets = await readValueSets(store.db, [row.value_set_id])
    const values = sets.get(row.value_set_id ?? -1) ?? new Map()
    return { current: runCandidate(row, [summary], values), fault: null }
  }
  const codes = codesOf(summary, 'invalid').join(', ')
  return { current: null, fault: `what runs now, run ${row.run_id}, is invalid (${codes})` }
}
