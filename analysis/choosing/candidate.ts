import { type ConfiguredValue, isConfiguredPath } from '../schema/configured.ts'
import type { CostReason } from '../schema/cost.ts'
import {
  COMMON_FACTS,
  type CommonFact,
  RESULT_VALUES,
  type ResultValues,
  RUN_VALUES,
  usedFor,
} from '../schema/fact.ts'
import type { Spread } from './common-spread.ts'

/** A number of a candidate. `scope`: of an energy, whose it is; energies of unlike scope are never compared. */
export interface CandidateMetric extends Spread {
  readonly unit: string
  readonly reason: CostReason | null
  readonly scope?: string | null | undefined
}

/** One of the configurations among which one chooses: a run, an experiment over its runs, or a result of others. */
export interface Candidate extends ResultValues<CommonFact> {
  /** Id of the run or the result; of an experiment with several runs its experiment_key. */
  readonly id: string
  readonly kind: 'run' | 'experiment' | 'result'
  readonly source: string
  readonly experiment_key: string | null
  /** The runs, or the results, whose mean it is. */
  readonly member_ids: readonly string[]
  /** Configured values by path, and the facts of a run that are no common ones; of an experiment those that its runs share. */
  readonly values: ReadonlyMap<string, ConfiguredValue>
  /** What was done, in words: the task, else the data. Only candidates that did the same are compared. */
  readonly work: string
  /** Devices that it computed on, sorted; what is wrong with their sensors is common to all their runs. Empty: not known. */
  readonly devices: readonly string[]
  /** Codes of cautions. */
  readonly cautions: readonly string[]
  readonly metrics: Readonly<Record<string, CandidateMetric>>
}

/** Why a run or a result is no candidate. */
export interface Excluded {
  readonly id: string
  /** `no_value`: it lacks `metric`, for `why`. */
  readonly reason: 'invalid' | 'caution' | 'no_value'
  readonly codes: readonly string[]
  readonly metric: string | null
  readonly why: string | null
}

/** All that one may choose among, and what may not be ranked, with why. */
export interface Candidates {
  readonly candidates: readonly Candidate[]
  readonly excluded: readonly Excluded[]
}

/** A metric's value; null where it is not there or not a number that can be compared. */
export function metricValueOf(candidate: Candidate, metric: string): number | null {
  const value = candidate.metrics[metric]?.value ?? null
  return value !== null && Number.isFinite(value) ? value : null
}

/** A fact of a candidate, or a configured value by its path. */
export const fieldOf = (candidate: Candidate, field: string): ConfiguredValue | null =>
  COMMON_FACTS.some((f) => f === field)
    ? candidate[field as CommonFact]
    : (candidate.values.get(field) ?? null)

/** Can candidates be grouped by it? Facts of both runs and results, facts that are kept as values, configured paths. */
export const isCandidateField = (field: string): boolean =>
  CANDIDATE_FIELDS.some((f) => f === field) || isConfiguredPath(field)

const VALUES: readonly string[] = [...RUN_VALUES, ...RESULT_VALUES]
export const CANDIDATE_FIELDS: readonly string[] = usedFor('group').filter(
  (f) => COMMON_FACTS.some((c) => c === f) || VALUES.includes(f),
)

/** Its id, then: whoever lists candidates lists them alike, whatever order they came in. */
export const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0

/** In order, without those that lack one of the metrics; these are named with the reason. */
export function withMetrics(
  candidates: readonly Candidate[],
  metrics: readonly string[],
): { readonly having: readonly Candidate[]; readonly lacking: readonly Excluded[] } {
  const having: Candidate[] = []
  const lacking: Excluded[] = []
  for (const candidate of [...candidates].sort(byId)) {
    const metric = metrics.find((m) => metricValueOf(candidate, m) === null)
    if (metric === undefined) having.push(candidate)
    else
      lacking.push({
        id: candidate.id,
        reason: 'no_value',
        codes: [],
        metric,
        why: candidate.metrics[metric]?.reason ?? 'not_recorded',
      })
  }
  return { having, lacking }
}

/**
 * Candidates that may be compared with one another: of the same work, with energies of the same scope, and equal in the
 * given fields. By what they have in common, in order.
 */
export function alike(
  candidates: readonly Candidate[],
  metrics: readonly string[],
  group_by: readonly string[],
): { readonly group: Readonly<Record<string, unknown>>; readonly members: readonly Candidate[] }[] {
  const groups = new Map<string, { group: Record<string, unknown>; members: Candidate[] }>()
  for (const candidate of candidates) {
    const scope = [...new Set(metrics.flatMap((m) => candidate.metrics[m]?.scope ?? []))].join(', ')
    const group: Record<string, unknown> = { work: candidate.work, scope: scope || null }
    for (const field of group_by) group[field] = fieldOf(candidate, field)
    const key = JSON.stringify(group)
    const known = groups.get(key)
    if (known) known.members.push(candidate)
    else groups.set(key, { group, members: [candidate] })
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, g]) => g)
}
