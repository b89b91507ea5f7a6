import type { CandidateView, Choice } from '../schema/choosing.ts'
import { commonFacts } from '../schema/fact.ts'
import { distinctLabels, type Labelled, labelledValues } from '../schema/label.ts'
import { isOnDataset } from '../schema/quality-metric.ts'
import { type Candidate, metricValueOf } from './candidate.ts'
import { choiceMetricOf } from './choice-metric.ts'

/** A candidate as responses show it. */
export function candidateView(c: Candidate): CandidateView {
  return {
    id: c.id,
    kind: c.kind,
    ...commonFacts(c),
    source: c.source,
    experiment_key: c.experiment_key,
    member_ids: [...c.member_ids],
    cautions: [...c.cautions],
  }
}

/** Those of the metrics that a candidate has, with their ranges. */
export function valuesOf(c: Candidate, metrics: readonly string[]): Choice['values'] {
  return Object.fromEntries(
    metrics.flatMap((metric) => {
      const row = c.metrics[metric]
      if (row === undefined || row.value === null) return []
      const { value, low, high, unit } = row
      return [[metric, { value, low, high, unit }]]
    }),
  )
}

/** A candidate that has the minimised number, as a choice. @param metrics whose values it tells */
export function choiceOf(
  c: Candidate,
  { minimize, latency }: { readonly minimize: string; readonly latency: string },
  metrics: readonly string[],
  label: string,
): Choice {
  const row = c.metrics[minimize]
  return {
    ...candidateView(c),
    label,
    value: metricValueOf(c, minimize) as number,
    low: row?.low ?? null,
    high: row?.high ?? null,
    latency: metricValueOf(c, latency),
    values: valuesOf(c, metrics),
  }
}

/** What to call candidates beside one another, each differently: labels by their place. */
export const candidateLabels = (candidates: readonly Candidate[]): string[] =>
  distinctLabels(candidates.map(labelledCandidate))

const labelledCandidate = (c: Candidate): Labelled => ({
  name: c.name,
  values: labelledValues(c.values),
  facts: c,
})

/**
 * A metric in words: "inter-token latency p50", "quality score on mmlu".
 * @param quality_dataset on what scores are; null: not known, or nothing is judged by them
 */
export function metricWords(id: string, quality_dataset: string | null = null): string {
  const row = choiceMetricOf(id)
  if (row === undefined) return id
  const [base = id, window] = id.split('@')
  const statistic = row.kind === 'distribution' ? ` ${base.slice(base.lastIndexOf('_') + 1)}` : ''
  const on = quality_dataset !== null && isOnDataset(id) ? ` on ${quality_dataset}` : ''
  return `${row.title}${on}${statistic}${window === undefined ? '' : ` over the ${window} window`}`
}
