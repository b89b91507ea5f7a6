import {
  configurationDifferences,
  differenceLabel,
} from '../comparing/configuration-differences.ts'
import type { CandidateView, Choice } from '../schema/choosing.ts'
import { isOnDataset } from '../schema/quality-metric.ts'
import { type Candidate, metricValueOf } from './candidate.ts'
import { choiceMetricOf } from './choice-metric.ts'

/** A candidate as answers show it. */
export function candidateView(c: Candidate): CandidateView {
  return {
    id: c.id,
    kind: c.kind,
    source: c.source,
    name: c.name,
    experiment_key: c.experiment_key,
    member_ids: [...c.member_ids],
    task: c.task,
    model: c.model,
    engine: c.engine,
    gpu_model: c.gpu_model,
    num_gpus: c.num_gpus,
    precision: c.precision,
    batch_limit: c.batch_limit,
    tensor_parallel: c.tensor_parallel,
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
): Choice {
  const row = c.metrics[minimize]
  return {
    ...candidateView(c),
    label: candidateLabel(c),
    value: metricValueOf(c, minimize) as number,
    low: row?.low ?? null,
    high: row?.high ?? null,
    latency: metricValueOf(c, latency),
    values: valuesOf(c, metrics),
  }
}

/** More differences than these read as a list of settings, not as a name. */
const MOST_DIFFERENCES = 3

/**
 * What to call two candidates in one sentence: by what sets their configurations apart where that is little, else, or
 * where `whole` is asked for, by their names or fields; never by the same words.
 */
export function pairLabels(a: Candidate, b: Candidate, whole = false): [string, string] {
  const differences = configurationDifferences([a.configuration(), b.configuration()])
  const few = !whole && differences.length > 0 && differences.length <= MOST_DIFFERENCES
  const labels: [string, string] = few
    ? [differenceLabel(differences, 0), differenceLabel(differences, 1)]
    : [candidateLabel(a), candidateLabel(b)]
  return labels[0] === labels[1] ? [`${labels[0]} (${a.id})`, `${labels[1]} (${b.id})`] : labels
}

/** A candidate's name, else its fields in words: "llama-1b fp8 on 2 × H100, batch limit 64"; else its id. */
export function candidateLabel(c: Candidate): string {
  if (c.name !== null && c.source === 'local') return c.name
  const model = [c.model ?? c.name, c.precision].filter((w) => w !== null).join(' ')
  const hardware = c.gpu_model === null ? '' : ` on ${c.num_gpus ?? '?'} × ${c.gpu_model}`
  const batch = c.batch_limit === null ? '' : `, batch limit ${c.batch_limit}`
  return model === '' ? c.id : `${model}${hardware}${batch}`
}

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
