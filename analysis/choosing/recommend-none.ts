import type { Answer } from '../schema/choosing.ts'
import { type CostReason, reasonWords } from '../schema/cost.ts'
import type { Candidate, Excluded } from './candidate.ts'
import { choiceOf, metricWords } from './candidate-view.ts'
import { PRICED_IDS } from './choice-metric.ts'
import { kindText } from './kind-words.ts'
import type { Bound } from './objective.ts'
import { boundWords, withUnit } from './recommend-reason.ts'
import { at, type Columns, type Question, type Table } from './recommend-table.ts'

/**
 * Nothing is feasible: the candidate whose largest excess, relative to its bound, is least.
 * @param unmeasured how many more there are that lack what is bounded
 */
export function nearestAnswer(
  table: Table,
  columns: Columns,
  question: Question,
  unmeasured: number,
): Answer {
  const excessOf = (row: number, { metric, bound, limit }: Bound) =>
    bound === 'max' ? at(columns, metric, row) - limit : limit - at(columns, metric, row)
  const largest = (row: number) =>
    Math.max(...question.bounds.map((b) => 100 * (excessOf(row, b) / (Math.abs(b.limit) || 1))))
  const rows = Array.from({ length: table.eligible }, (_, i) => i).sort(
    (a, b) =>
      largest(a) - largest(b) ||
      at(columns, question.minimize, a) - at(columns, question.minimize, b),
  )
  const [row] = rows
  const near = row === undefined ? null : (table.rows[row] as Candidate)
  const label = row === undefined ? '' : (table.labels[row] as string)
  const excess_pct = row === undefined ? null : largest(row)
  const excess = Object.fromEntries(
    row === undefined
      ? []
      : question.bounds
          .map((b) => [b.metric, excessOf(row, b)] as const)
          .filter(([, by]) => by > 0),
  )
  return {
    ...noAnswer(
      infeasibleReason(question, table.eligible, unmeasured, near && { ...near, label }, excess),
      table.eligible,
    ),
    nearest:
      near === null || row === undefined
        ? null
        : {
            ...choiceOf(near, question, [...table.metrics, ...PRICED_IDS], label),
            excess,
            excess_pct: Number.isFinite(excess_pct) ? excess_pct : null,
          },
  }
}

/** Nothing is recommended, for a reason in words. */
export function noAnswer(reason: string, candidates: number): Answer {
  return {
    recommended: null,
    baseline: null,
    saving_pct: null,
    reason,
    within_noise: null,
    equivalent: [],
    chosen_share: null,
    feasible_share: null,
    nearest: null,
    deadline_penalty_pct: null,
    latency_slack: null,
    slowdown: null,
    by_gpu_model: [],
    hardware_gain: null,
    candidates,
    feasible: 0,
    group: null,
  }
}

/** Several kinds of work, or nothing that may be ranked: what was left out, and how to have it in. */
export function unrankedReason(
  kinds: readonly { readonly group: Readonly<Record<string, unknown>> }[],
  { quality_dataset }: Pick<Question, 'quality_dataset'>,
  excluded: readonly Excluded[],
): string {
  if (kinds.length > 1) {
    return `The configurations are of ${kinds.length} kinds that can't be compared with one another: ${kindWords(kinds)}. Filter for one of them${filterFor(kinds)}, or take the answer of each, in groups.`
  }
  const count = (reason: Excluded['reason']) => excluded.filter((e) => e.reason === reason).length
  const metrics = new Set(
    excluded.flatMap((e) => (e.reason === 'no_value' ? (e.metric ?? []) : [])),
  )
  const out = [
    [count('caution'), 'with cautions (cautions=include ranks them)'],
    [count('invalid'), 'invalid'],
    ...[...metrics].map((metric) => {
      const own = excluded.filter((e) => e.reason === 'no_value' && e.metric === metric)
      return [
        own.length,
        `without ${metricWords(metric, quality_dataset)}${whyWords(own)}`,
      ] as const
    }),
  ] as const
  const said = out.filter(([n]) => n > 0).map(([n, why]) => `${n} ${why}`)
  if (excluded.length === 0)
    return 'The filters let no run or imported result through. List what there is without them.'
  return `No configuration that the filters let through can be ranked${said.length === 0 ? '' : `: left out are ${said.join(', ')}`}.`
}

/** Why numbers are missing, each reason once. */
function whyWords(excluded: readonly Excluded[]): string {
  const whys = new Set(excluded.flatMap((e) => e.why ?? []))
  const words = [...whys].slice(0, 3).map((why) => reasonWords(why as CostReason))
  return words.length === 0 ? '' : ` (${words.join('; ')})`
}

/** A parameter that lets one of the kinds through. */
function filterFor(
  kinds: readonly { readonly group: Readonly<Record<string, unknown>> }[],
): string {
  const tasks = kinds.flatMap(({ group }) => /^task (.+)$/.exec(String(group['work']))?.[1] ?? [])
  return tasks[0] === undefined ? '' : `, as by task=${tasks[0]}`
}

/** What kinds of candidates there are, in words. */
export const kindWords = (
  kinds: readonly { readonly group: Readonly<Record<string, unknown>> }[],
) => {
  const words = kinds.map(({ group: { work, scope } }) => kindText({ work, scope }))
  return `${words.slice(0, 3).join('; ')}${words.length > 3 ? '; ...' : ''}`
}

/** Why none: how many there are, and which comes nearest. */
function infeasibleReason(
  question: Question,
  measured: number,
  unmeasured: number,
  nearest: (Pick<Candidate, 'metrics'> & { readonly label: string }) | null,
  excess: Readonly<Record<string, number>>,
): string {
  const { bounds, quality_dataset } = question
  const candidates = measured + unmeasured
  const of =
    candidates === 1
      ? 'The only configuration does not have'
      : `None of ${candidates} configurations has`
  const beyond = Object.entries(excess).map(([metric, by]) => {
    const value = nearest?.metrics[metric]?.value ?? 0
    const bound = bounds.find((b) => b.metric === metric)?.bound
    return `has ${withUnit(value, metric, question)} ${metricWords(metric, quality_dataset)}, ${withUnit(by, metric, question)} too ${bound === 'max' ? 'much' : 'little'}`
  })
  const near = nearest === null ? '' : `; the nearest, ${nearest.label}, ${beyond.join(' and ')}`
  const lacking =
    unmeasured === 0
      ? ''
      : `; ${unmeasured} of them ${unmeasured === 1 ? 'was' : 'were'} not measured for it`
  return `${of} ${boundWords(question)}${near}${lacking}.`
}
