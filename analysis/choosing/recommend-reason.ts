import type { Answer, Baseline } from '../schema/choosing.ts'
import type { Candidate } from './candidate.ts'
import { metricWords } from './candidate-view.ts'
import { choiceMetricOf, pricedTotalOf } from './choice-metric.ts'
import type { Question } from './recommend-table.ts'

const BASELINE_WORDS: Record<Baseline, string> = {
  current: 'what runs now',
  fastest_feasible: 'the fastest within the bounds',
  fastest_same_hardware: 'the fastest within the bounds on the same hardware',
  worst_feasible: 'the worst within the bounds',
}

type Priced = Pick<Question, 'pricing'>
const short = (value: number): string => String(Number(value.toPrecision(3)))
/** A number with its unit; a bare count or share has none. */
export function withUnit(value: number, metric: string, { pricing }: Priced): string {
  const unit = choiceMetricOf(metric, pricing?.currency)?.unit ?? ''
  return unit === '1' ? short(value) : `${short(value)} ${unit}`
}
/** Whole percents; one decimal below ten, and where it would round to all. */
const percent = (p: number): string => {
  const size = Math.abs(p)
  return size >= 9.95 && !(size >= 99.5 && size < 100) ? p.toFixed(0) : p.toFixed(1)
}

/** "inter-token latency p50 at most 50 ms and quality score on mmlu at least 0.7"; empty without bounds. */
export function boundWords(
  question: Pick<Question, 'bounds' | 'pricing' | 'quality_dataset'>,
): string {
  return question.bounds
    .map(
      ({ metric, bound, limit }) =>
        `${metricWords(metric, question.quality_dataset)} ${bound === 'max' ? 'at most' : 'at least'} ${withUnit(limit, metric, question)}`,
    )
    .join(' and ')
}

export interface Chosen {
  readonly recommended: Candidate
  readonly label: string
  readonly value: number
  readonly latency: number | null
  readonly baseline: {
    readonly candidate: Candidate
    readonly label: string
    readonly value: number
  } | null
  readonly saving_pct: Answer['saving_pct']
  readonly within_noise: boolean | null
  readonly slack: number | null
  readonly feasible: number
  /** Models among the feasible ones. */
  readonly models: number
}

/** Why this one: what it takes, against what, how much that saves and how sure it is. */
export function chosenReason(question: Question, chosen: Chosen): string {
  const { minimize, latency: timed, bounds, baseline: rule } = question
  const { recommended, baseline, saving_pct, latency, slack, feasible, models } = chosen
  const money = pricedTotalOf(minimize) === 'money'
  const verb = money ? 'costs' : 'takes'
  const speed =
    latency === null ? '' : ` at ${withUnit(latency, timed, question)} ${metricWords(timed)}`
  const room = slack === null ? '' : `, ${withUnit(slack, timed, question)} within the limit`
  const takes = `${withUnit(chosen.value, minimize, question)}${speed}${room}`
  const among = feasible === 1 ? 'the only configuration' : `the least of ${feasible}`
  const bound = bounds.length === 0 ? '' : ` with ${boundWords(question)}`
  // Another model has other tokens, and gives other answers.
  const within = models > 1 ? `${bound}, of ${models} models whose answers are not alike` : bound
  const whole = `${verb} ${takes}: ${among}${within}`
  const none = question.no_current ?? 'there is no baseline'
  const a = chosen.label
  if (baseline === null) return `${a} ${whole}; ${none}.`
  if (baseline.candidate.id === recommended.id)
    return `${a} ${whole}; it is itself ${BASELINE_WORDS[rule]}, so there is nothing to save.`
  const b = baseline.label
  const against = withUnit(baseline.value, minimize, question)
  if (saving_pct === null)
    return `${a} ${whole}; ${b}, ${BASELINE_WORDS[rule]}, ${verb} ${against}, of which there is no share to save.`
  const how = saving_pct.value >= 0 ? 'less' : 'more'
  const what = money ? 'per output token' : metricWords(minimize)
  const { low, high } = saving_pct
  const range =
    low === null || high === null || percent(low) === percent(high)
      ? ''
      : ` (${percent(low)} to ${percent(high)} %)`
  const doubt = chosen.within_noise === true ? ', which is within noise' : ''
  return `${a} ${verb} ${percent(Math.abs(saving_pct.value))} %${how === 'less' ? range : ''} ${how} ${what} than ${b}, ${BASELINE_WORDS[rule]}${doubt}: ${takes}, against ${against}; ${among}${within}.`
}
