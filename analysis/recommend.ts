import {
  alike,
  type Candidate,
  type CandidateField,
  type Excluded,
  metricValueOf,
  withMetrics,
} from './candidate.ts'
import { candidateLabel, candidateView, metricWords, valuesOf } from './candidate-view.ts'
import { compareMetric } from './compare-metric.ts'
import type { Bound } from './objective.ts'
import { chosenReason, infeasibleReason } from './recommend-reason.ts'
import {
  baselineRow,
  type Columns,
  feasibleRows,
  leastOf,
  type Question,
  type Table,
  tableOf,
} from './recommend-table.ts'
import { affordableResamples } from './resample.ts'
import { hardwareGains, savingPct } from './saving.ts'
import { savingRange } from './saving-range.ts'
import type { Answer, Choice, Recommendation } from './schema/choosing.ts'
import { resultMetricOf } from './schema/result-metric.ts'

export interface RecommendRequest extends Question {
  readonly group_by: readonly CandidateField[]
  /** Compares two GPU models, best against best, at these deadlines. null: not asked. */
  readonly hardware: {
    readonly old_gpu: string
    readonly new_gpu: string
    readonly deadlines: readonly number[]
  } | null
  readonly resamples: number
  readonly seed: number
}

/**
 * The configuration that takes least within the bounds, and what it saves against a named baseline. Only candidates of
 * the same work and of energies of the same scope are ranked together; where there are several such groups, or
 * `group_by` makes several, each has an answer of its own. The answer does not depend on the order of the candidates.
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function recommend(
  candidates: readonly Candidate[],
  request: RecommendRequest,
  excluded: readonly Excluded[] = [],
): Recommendation {
  const { minimize, latency, baseline, group_by } = request
  const { having, lacking } = withMetrics(candidates, [minimize])
  const left_out = [...excluded, ...lacking]
  const kinds = alike(having, [minimize], [])
  const groups = group_by.length > 0 || kinds.length > 1 ? alike(having, [minimize], group_by) : []
  const whole =
    kinds.length === 1 && kinds[0]
      ? answerOf(kinds[0].members, request, null)
      : noAnswer(unlikeReason(kinds, request, left_out), having.length)
  return {
    ...whole,
    minimize,
    unit: resultMetricOf(minimize)?.unit ?? '1',
    latency,
    baseline_rule: baseline,
    groups: groups
      .map(({ group, members }) => answerOf(members, request, group))
      .sort((a, b) => worth(a) - worth(b)),
    excluded: left_out.map((e) => ({ ...e, codes: [...e.codes] })),
    resamples: affordableResamples(having.length, 2, request.resamples),
  }
}

const worth = (a: Answer): number => a.recommended?.value ?? Number.POSITIVE_INFINITY

function answerOf(
  candidates: readonly Candidate[],
  request: RecommendRequest,
  group: Answer['group'],
): Answer {
  const question = { ...request, ...comparableCurrent(candidates, request) }
  const table = tableOf(candidates, question)
  const columns: Columns = Object.fromEntries(
    table.metrics.map((m) => [m, table.rows.map((c) => metricValueOf(c, m) ?? Number.NaN)]),
  )
  const rows = feasibleRows(table, columns, question.bounds)
  const chosen = leastOf(rows, table, columns, question)
  const shared = { candidates: table.eligible, feasible: rows.length, group }
  const hardware_gain = hardwareGain(table, columns, request)
  if (chosen === null)
    return { ...nearestAnswer(table, columns, question), ...shared, hardware_gain }
  const base = baselineRow(rows, chosen, table, columns, question)
  const of = (metric: string, row: number) => (columns[metric] as number[])[row] as number
  const value = of(question.minimize, chosen)
  const saved = base === null ? null : savingPct(of(question.minimize, base), value)
  const range = savingRange(table, question, chosen, base, {
    seed: request.seed,
    resamples: affordableResamples(table.rows.length, 2, request.resamples),
  })
  const { low, high, chosen_share, feasible_share } = range
  const saving_pct = saved === null ? null : { value: saved, low, high }
  const within_noise =
    low === null || high === null || base === chosen ? null : low <= 0 && high >= 0
  const latency = numberOr(of(question.latency, chosen))
  const deadline = deadlineOf(question)
  const slack = latency === null || deadline === null ? null : deadline - latency
  const fastest = Math.min(
    ...rows.map((i) => of(question.latency, i)).filter((l) => !Number.isNaN(l)),
  )
  const recommended = table.rows[chosen] as Candidate
  const baseline = base === null ? null : (table.rows[base] as Candidate)
  return {
    recommended: choiceOf(recommended, table, question),
    baseline: baseline === null ? null : choiceOf(baseline, table, question),
    saving_pct,
    reason: chosenReason(question, {
      recommended,
      value,
      latency,
      baseline: baseline && { candidate: baseline, value: of(question.minimize, base as number) },
      saving_pct,
      within_noise,
      slack,
      feasible: rows.length,
      models: new Set(rows.map((i) => table.rows[i]?.model)).size,
    }),
    within_noise,
    equivalent: rows
      .filter(
        (i) => i !== chosen && isWithinNoise(recommended, table.rows[i] as Candidate, question),
      )
      .map((i) => (table.rows[i] as Candidate).id),
    chosen_share,
    feasible_share,
    nearest: null,
    deadline_penalty_pct: deadlinePenalty(table, columns, question, value),
    latency_slack: slack,
    slowdown:
      latency !== null && fastest > 0 && Number.isFinite(fastest) ? latency / fastest : null,
    by_gpu_model: byGpuModel(rows, table, columns, question, value),
    hardware_gain,
    ...shared,
  }
}

/** What runs now is compared only with what is like it, and by a number that it has. */
function comparableCurrent(
  candidates: readonly Candidate[],
  { current, no_current, minimize }: RecommendRequest,
): Pick<Question, 'current' | 'no_current'> {
  if (current === null) return { current, no_current }
  const none = (why: string) => ({ current: null, no_current: `what runs now ${why}` })
  if (metricValueOf(current, minimize) === null) return none(`has no ${metricWords(minimize)}`)
  const kinds = alike([candidates[0] as Candidate, current], [minimize], [])
  return kinds.length === 1
    ? { current, no_current: null }
    : none(`is not of the same kind: ${kindWords(alike([current], [minimize], []))}`)
}

const numberOr = (value: number): number | null => (Number.isNaN(value) ? null : value)

function choiceOf(c: Candidate, table: Table, { minimize, latency }: Question): Choice {
  const row = c.metrics[minimize]
  return {
    ...candidateView(c),
    label: candidateLabel(c),
    value: metricValueOf(c, minimize) as number,
    low: row?.low ?? null,
    high: row?.high ?? null,
    latency: metricValueOf(c, latency),
    values: valuesOf(c, table.metrics),
  }
}

/** The strictest limit on the latency; null: there is none. */
function deadlineOf({ bounds, latency }: Question): number | null {
  const limits = bounds.filter((b) => b.metric === latency && b.bound === 'max').map((b) => b.limit)
  return limits.length === 0 ? null : Math.min(...limits)
}

const isLatency = ({ metric }: Bound) => resultMetricOf(metric)?.section === 'latency'

/** What the bounds on latency cost; the others stay. */
function deadlinePenalty(
  table: Table,
  columns: Columns,
  question: Question,
  value: number,
): number | null {
  const others = question.bounds.filter((b) => !isLatency(b))
  const free = leastOf(feasibleRows(table, columns, others), table, columns, question)
  const least = free === null ? 0 : ((columns[question.minimize] as number[])[free] as number)
  return least > 0 ? (100 * (value - least)) / least : null
}

function isWithinNoise(a: Candidate, b: Candidate, { minimize }: Question): boolean {
  const [x, y] = [a.metrics[minimize], b.metrics[minimize]]
  if (x === undefined || y === undefined) return false
  const same = a.devices.length > 0 && a.devices.join(' ') === b.devices.join(' ')
  return compareMetric(x, y, 'low', same).verdict === 'within_noise'
}

function byGpuModel(
  rows: readonly number[],
  table: Table,
  columns: Columns,
  question: Question,
  value: number,
): Answer['by_gpu_model'] {
  const models = [...new Set(rows.map((i) => table.rows[i]?.gpu_model ?? null))]
  return models
    .filter((m) => m !== null)
    .sort()
    .map((gpu_model) => {
      const own = rows.filter((i) => table.rows[i]?.gpu_model === gpu_model)
      const best = leastOf(own, table, columns, question) as number
      const least = (columns[question.minimize] as number[])[best] as number
      return {
        gpu_model,
        id: (table.rows[best] as Candidate).id,
        value: least,
        latency: numberOr((columns[question.latency] as number[])[best] as number),
        saving_pct: savingPct(least, value),
      }
    })
}

function hardwareGain(
  table: Table,
  columns: Columns,
  { hardware, bounds, minimize, latency }: RecommendRequest,
): Answer['hardware_gain'] {
  if (hardware === null) return null
  const { old_gpu, new_gpu, deadlines } = hardware
  const others = bounds.filter((b) => !(b.metric === latency && b.bound === 'max'))
  const rows = feasibleRows(table, columns, others).map((i) => {
    const { model, precision, gpu_model } = table.rows[i] as Candidate
    return {
      group: [model, precision].filter((w) => w !== null).join(' '),
      gpu_model: gpu_model ?? '',
      latency: (columns[latency] as number[])[i] as number,
      energy: (columns[minimize] as number[])[i] as number,
    }
  })
  const { comparisons, ...rest } = hardwareGains(rows, old_gpu, new_gpu, deadlines)
  return { old_gpu, new_gpu, comparisons: [...comparisons], ...rest }
}

/** Nothing is feasible: the candidate whose largest excess, relative to its bound, is least. */
function nearestAnswer(table: Table, columns: Columns, question: Question): Answer {
  const of = (metric: string, row: number) => (columns[metric] as number[])[row] as number
  const excessOf = (row: number, { metric, bound, limit }: Bound) =>
    bound === 'max' ? of(metric, row) - limit : limit - of(metric, row)
  const largest = (row: number) =>
    Math.max(...question.bounds.map((b) => (100 * excessOf(row, b)) / (Math.abs(b.limit) || 1)))
  const rows = Array.from({ length: table.eligible }, (_, i) => i)
    .filter((i) => question.bounds.every((b) => !Number.isNaN(of(b.metric, i))))
    .sort((a, b) => largest(a) - largest(b) || of(question.minimize, a) - of(question.minimize, b))
  const [row] = rows
  const near = row === undefined ? null : (table.rows[row] as Candidate)
  const excess = Object.fromEntries(
    row === undefined
      ? []
      : question.bounds
          .map((b) => [b.metric, excessOf(row, b)] as const)
          .filter(([, by]) => by > 0),
  )
  return {
    ...noAnswer(infeasibleReason(question, table.eligible, near, excess), table.eligible),
    nearest:
      near === null || row === undefined
        ? null
        : { ...choiceOf(near, table, question), excess, excess_pct: largest(row) },
  }
}

function noAnswer(reason: string, candidates: number): Answer {
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
function unlikeReason(
  kinds: readonly { readonly group: Readonly<Record<string, unknown>> }[],
  { minimize }: RecommendRequest,
  excluded: readonly Excluded[],
): string {
  if (kinds.length > 1) {
    return `The configurations are of ${kinds.length} kinds that can't be compared with one another: ${kindWords(kinds)}. Filter for one of them, or take its answer from groups.`
  }
  const count = (reason: Excluded['reason']) => excluded.filter((e) => e.reason === reason).length
  const out = [
    [count('caution'), 'with cautions (cautions=include ranks them)'],
    [count('invalid'), 'invalid'],
    [count('no_value'), `without ${metricWords(minimize)}`],
  ] as const
  const said = out.filter(([n]) => n > 0).map(([n, why]) => `${n} ${why}`)
  return `No configuration that the filters let through can be ranked${said.length === 0 ? '' : `: left out are ${said.join(', ')}`}.`
}

const kindWords = (kinds: readonly { readonly group: Readonly<Record<string, unknown>> }[]) => {
  const words = kinds.map(({ group: { work, scope } }) =>
    scope === null ? work : `${work} (energy of: ${scope})`,
  )
  return `${words.slice(0, 3).join('; ')}${words.length > 3 ? '; ...' : ''}`
}
