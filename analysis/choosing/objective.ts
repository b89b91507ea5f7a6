import { choiceMetricOf } from './choice-metric.ts'

export type Direction = 'min' | 'max'

/** What a good configuration has little, or much, of. */
export interface Objective {
  readonly metric: string
  readonly direction: Direction
}

/** What can be chosen by, in the words of a refusal. */
export const A_METRIC =
  'a metric such as itl_ms_p50 (docs/glossary.md lists them), or carbon_location_per_mtok_out, money_per_mtok_out and the like under a scenario (docs/choosing.md)'

/**
 * An objective as it is written: a metric, whose better way the registry knows; `min:METRIC` or `max:METRIC`; or
 * `-METRIC` for max, as lists sort.
 * @returns a sentence, without its subject, where it can't be read
 */
export function readObjective(text: string): Objective | string {
  const [, prefix = '', metric = ''] = /^(min:|max:|-)?(.*)$/s.exec(text) ?? []
  const row = choiceMetricOf(metric)
  if (row === undefined) return `must be ${A_METRIC}, perhaps with min: or max: before it`
  if (prefix !== '') return { metric, direction: prefix === 'min:' ? 'min' : 'max' }
  if (row.better === null)
    return `must say which way is better, since neither is by nature: min:${metric} or max:${metric}`
  return { metric, direction: row.better === 'low' ? 'min' : 'max' }
}

/** A bound that a configuration must keep, inclusive. */
export interface Bound {
  readonly metric: string
  readonly bound: 'min' | 'max'
  readonly limit: number
}

/** Does a value keep a bound? */
export const keeps = (value: number, { bound, limit }: Bound): boolean =>
  bound === 'max' ? value <= limit : value >= limit
