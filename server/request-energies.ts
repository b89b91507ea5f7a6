import { requestEnergiesOf } from '../analysis/attribution/request-energy.ts'
import { withRange } from '../analysis/estimators/uncertainty.ts'
import { answersOf } from '../analysis/requests/answer.ts'
import type { Reason } from '../analysis/schema/reason.ts'
import { loadRun } from './load-run.ts'
import type { Store } from './store/open.ts'
import type { RunRow } from './store/tables.ts'

/** What a request took of the compute energy, J, with its 95 % range; null with the reason. */
export interface RequestEnergyView {
  readonly energy_j: number | null
  readonly energy_low_j: number | null
  readonly energy_high_j: number | null
  /** exclusive, regression or disaggregated. */
  readonly energy_method: string | null
  readonly energy_reason: Reason | null
}

/** By request id. */
export type RequestEnergyOf = (request_id: string) => RequestEnergyView

/** So many runs' joules are kept at hand: a list is read page by page. */
const KEPT_RUNS = 4

/**
 * Joules of single requests, on demand. They need every reading of power of a run, so those of the runs that were
 * asked for last are kept; they are not stored, since a formula may change. A run that is still open has none: its
 * window is not settled, and the machine may be measuring.
 */
export function createRequestEnergies(store: Store): (row: RunRow) => Promise<RequestEnergyOf> {
  const kept = new Map<string, Promise<RequestEnergyOf>>()
  return async (row) => {
    if (row.state === 'open') return () => without('no_window')
    const { run_id } = row
    const known = kept.get(run_id) ?? computed(store, row)
    // The one asked for last stands last; one that failed is not kept.
    kept.delete(run_id)
    kept.set(run_id, known)
    known.catch(() => kept.delete(run_id))
    for (const oldest of [...kept.keys()].slice(0, -KEPT_RUNS)) kept.delete(oldest)
    return known
  }
}

async function computed(store: Store, row: RunRow): Promise<RequestEnergyOf> {
  const run = await loadRun(store, row)
  const answers = answersOf(run)
  const found = requestEnergiesOf(run, answers)
  if (found.value === null) return () => without(found.reason)
  const { of, method } = found.value
  const views = new Map(
    answers.map((a): [string, RequestEnergyView] => {
      const { value, reason } = of(a)
      if (value === null) return [a.row.request_id, without(reason)]
      const { low, high } = withRange({ value: value.energy_j, unit: 'J', parts: value.parts })
      return [
        a.row.request_id,
        {
          energy_j: value.energy_j,
          energy_low_j: low,
          energy_high_j: high,
          energy_method: method,
          energy_reason: null,
        },
      ]
    }),
  )
  return (request_id) => views.get(request_id) ?? without('not_recorded')
}

const without = (energy_reason: Reason): RequestEnergyView => ({
  energy_j: null,
  energy_low_j: null,
  energy_high_j: null,
  energy_method: null,
  energy_reason,
})
