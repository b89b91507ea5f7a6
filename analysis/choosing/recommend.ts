import { compareMetric } from '../comparing/compare-metric.ts'
import type { Answer, Recommendation } from '../schema/choosing.ts'
import { alike, type Candidate, type Excluded, metricValueOf, withMetrics } from './candidate.ts'
import { choiceOf, metricWords } from './candidate-view.ts'
import { choiceMetricOf, PRICED_IDS } from './choice-metric.ts'
import { withoutCommon } from './common-spread.ts'
import type { Bound } from './objective.ts'
import { byGpuModel, type HardwareQuestion, hardwareGain } from './recommend-hardware.ts'
import { kindWords, nearestAnswer, noAnswer, unrankedReason } from './recommend-none.ts'
import { chosenReason } from './recommend-reason.ts'
import {
  at,
  baselineRow,
  type Columns,
  feasibleRows,
  leastOf,
  numberOr,
  type Question,
  type Table,
  tableOf,
} from './recommend-table.ts'
import { affordableResamples } from './resample.ts'
import { savingPct } from './saving.ts'
import { savingRange } from './saving-range.ts'

export interface RecommendRequest extends Question {
  readonly group_by: readonly string[]
  /** Compares two GPU models, best against best, at these deadlines. null: not asked. */
  readonly hardware: HardwareQuestion | null
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
  const { minimize, latency, bounds, baseline, group_by, pricing, quality_dataset } = request
  // What lacks a number can't be held to its bound.
  const needed = [minimize, ...bounds.map((b) => b.metric)]
  const { having, lacking } = withMetrics(candidates, needed)
  const left_out = [...excluded, ...lacking]
  const kinds = alike(having, [minimize], [])
  const groups = group_by.length > 0 || kinds.length > 1 ? alike(having, [minimize], group_by) : []
  const [only] = kinds
  const whole =
    kinds.length === 1 && only
      ? answerOf(
          only.members,
          request,
          null,
          unmeasuredOf(only.group, candidates, request, lacking),
        )
      : noAnswer(unrankedReason(kinds, request, left_out), having.length)
  return {
    ...whole,
    minimize,
    unit: choiceMetricOf(minimize, pricing?.currency)?.unit ?? '1',
    latency,
    baseline_rule: baseline,
    groups: groups
      .map(({ group, members }) => answerOf(members, request, group))
      .sort((a, b) => worth(a) - worth(b)),
    excluded: left_out.map((e) => ({ ...e, codes: [...e.codes] })),
    pricing,
    quality_dataset,
    resamples: affordableResamples(having.length, 2, request.resamples),
  }
}

/** How many more of a kind there are that lack what is bounded; those of other kinds are none of it. */
function unmeasuredOf(
  group: Readonly<Record<string, unknown>>,
  candidates: readonly Candidate[],
  { minimize }: Question,
  lacking: readonly Excluded[],
): number {
  const ids = new Set(lacking.filter((e) => e.metric !== minimize).map((e) => e.id))
  const same = JSON.stringify(group)
  const kinds = alike(
    candidates.filter((c) => ids.has(c.id)),
    [minimize],
    [],
  )
  return kinds.find((k) => JSON.stringify(k.group) === same)?.members.length ?? 0
}

const worth = (a: Answer): number => a.recommended?.value ?? Number.POSITIVE_INFINITY

function answerOf(
  candidates: readonly Candidate[],
  request: RecommendRequest,
  group: Answer['group'],
  unmeasured = 0,
): Answer {
  const question = { ...request, ...comparableCurrent(candidates, request) }
  const table = tableOf(candidates, question)
  const columns: Columns = Object.fromEntries(
    table.metrics.map((m) => [m, table.rows.map((c) => metricValueOf(c, m) ?? Number.NaN)]),
  )
  const rows = feasibleRows(table, columns, question.bounds)
  const chosen = leastOf(rows, table, columns, question)
  const shared = { candidates: table.eligible, feasible: rows.length, group }
  const hardware_gain = hardwareGain(table, columns, request, request.hardware)
  if (chosen === null)
    return { ...nearestAnswer(table, columns, question, unmeasured), ...shared, hardware_gain }
  const base = baselineRow(rows, chosen, table, columns, question)
  const of = (metric: string, row: number) => at(columns, metric, row)
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
  const shown = [...table.metrics, ...PRICED_IDS]
  const label = table.labels[chosen] as string
  return {
    recommended: choiceOf(recommended, question, shown, label),
    baseline:
      baseline === null || base === null
        ? null
        : choiceOf(baseline, question, shown, table.labels[base] as string),
    saving_pct,
    reason: chosenReason(question, {
      recommended,
      label,
      value,
      latency,
      baseline: baseline && {
        candidate: baseline,
        label: table.labels[base as number] as string,
        value: of(question.minimize, base as number),
      },
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

/** The strictest limit on the latency; null: there is none. */
function deadlineOf({ bounds, latency }: Question): number | null {
  const limits = bounds.filter((b) => b.metric === latency && b.bound === 'max').map((b) => b.limit)
  return limits.length === 0 ? null : Math.min(...limits)
}

const isLatency = ({ metric }: Bound) => choiceMetricOf(metric)?.section === 'latency'

/** What the bounds on latency cost; the others stay. */
function deadlinePenalty(
  table: Table,
  columns: Columns,
  question: Question,
  value: number,
): number | null {
  const others = question.bounds.filter((b) => !isLatency(b))
  const free = leastOf(feasibleRows(table, columns, others), table, columns, question)
  const least = free === null ? 0 : at(columns, question.minimize, free)
  return least > 0 ? (100 * (value - least)) / least : null
}

function isWithinNoise(a: Candidate, b: Candidate, { minimize }: Question): boolean {
  const [x, y] = [a.metrics[minimize], b.metrics[minimize]]
  if (x === undefined || y === undefined) return false
  const same = a.devices.length > 0 && a.devices.join(' ') === b.devices.join(' ')
  return compareMetric(...withoutCommon(x, y), 'low', same).verdict === 'within_noise'
}
