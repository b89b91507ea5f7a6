import { computeEnergyOf } from '../energy/energy-scope.ts'
import { scaled, summed } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import { type Answer, answersOf } from '../requests/answer.ts'
import { tokensWithin } from '../requests/prefill-balance.ts'
import type { Span } from '../requests/run-span.ts'
import { type Maybe, type Reason, unknown } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import { chooseWindow } from '../window.ts'
import { type Division, divide } from './attribution-division.ts'
import { clip, holdsAllTokens, longEnough, spansEnergy } from './attribution-phase.ts'
import { openingTokens, uncachedPrompt } from './attribution-work.ts'

/** Joules, with the parts of their uncertainty. */
export interface Joules {
  readonly energy_j: number
  readonly parts: readonly Component[]
}

/** What the requests of a window took of its energy. */
export interface RequestEnergies {
  readonly method: Division['attribution']['method']
  /** Whether joules were measured over a request's own time, or given to it by its tokens. */
  readonly scope: 'measured' | 'allocated'
  /** The whole of one request. */
  of(a: Answer): Maybe<Joules>
  /** Several of them together. */
  sum(answers: readonly Answer[]): Joules
  /** Within the window, of all requests, those that its edges cut and those that failed too. */
  readonly within: Joules
  /** What is drawn anyway; null where the method leaves it in the requests. */
  readonly static_j: number | null
  /** The rest: requests, static and this make the window's energy. */
  readonly unattributed_j: number
}

/**
 * Joules of each request of a division: watts × its own time where it was alone; else its uncached prompt tokens, and
 * its output tokens or its share of steps and its context, at the price that the division gives each.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function requestEnergies(division: Division): Maybe<RequestEnergies> {
  const { method } = division.attribution
  return method === 'exclusive' ? byTime(division) : byTokens(division, method)
}

/** {@link requestEnergies} of a run's counted window. */
export function requestEnergiesOf(
  run: RunData,
  answers: readonly Answer[] = answersOf(run),
): Maybe<RequestEnergies> {
  const { window, reason } = chooseWindow(run, answers)
  if (window === null) return unknown(reason ?? 'no_window')
  const division = divide(run, computeEnergyOf(run, window), answers, window)
  return division.value === null ? division : requestEnergies(division.value)
}

/** One request at a time: from sent to its last token. What a window's edge cuts has no whole. */
function byTime({ answers, curves, window, energy_j }: Division): Maybe<RequestEnergies> {
  const spansOf = (list: readonly Answer[]): Span[] => {
    const spans: Span[] = []
    for (const { sent_ns, last_ns } of list)
      if (sent_ns !== null && last_ns !== null) clip(sent_ns, last_ns, window, spans)
    return spans
  }
  const all = spansOf(answers)
  if (!longEnough(curves, all)) return unknown('too_short')
  const sum = (list: readonly Answer[]) => spansEnergy(curves, spansOf(list))
  const within = spansEnergy(curves, all)
  return {
    value: {
      method: 'exclusive',
      scope: 'measured',
      of: (a) => {
        const why = outside(a, window, a.sent_ns)
        return why === null ? { value: sum([a]), reason: null } : unknown(why)
      },
      sum,
      within,
      static_j: null,
      unattributed_j: energy_j - within.energy_j,
    },
    reason: null,
  }
}

/** Shares of the two phases by tokens: what lies before the window has the same price as what lies in it. */
function byTokens(
  { attribution, work, answers, window, energy_j }: Division,
  method: 'regression' | 'disaggregated',
): Maybe<RequestEnergies> {
  const prefill = attribution.prefill
  const decode = attribution.decode
  if (prefill.value === null) return prefill
  if (decode.value === null) return decode
  if (work.uncached === null) return unknown('not_recorded')
  const opening = (a: Answer) => (holdsAllTokens(attribution) ? 0 : openingTokens(a))
  const begins = (a: Answer) =>
    a.first_ns !== null && a.first_ns > window.start_ns && a.first_ns <= window.end_ns
  const decoded = (a: Answer, span: Span | null): number => {
    if (attribution.decodeWeight !== undefined) return attribution.decodeWeight(a, span)
    if (span === null) return a.output_tokens - opening(a)
    return tokensWithin(a, span) - (begins(a) ? opening(a) : 0)
  }
  const prompts = work.uncached
  const tokens = total(answers, (a) => decoded(a, window))
  const shared = (prompt: number, output: number): Joules => {
    const phases = [
      times(prefill.value, prompts > 0 ? prompt / prompts : 0),
      times(decode.value, tokens > 0 ? output / tokens : 0),
    ]
    return {
      energy_j: phases.reduce((total, p) => total + p.energy_j, 0),
      parts: summed(phases.map((p) => p.parts)),
    }
  }
  const sum = (list: readonly Answer[]) =>
    shared(
      total(list, (a) => uncachedPrompt(a) ?? 0),
      total(list, (a) => decoded(a, null)),
    )
  const within = shared(
    total(answers, (a) => (begins(a) ? (uncachedPrompt(a) ?? 0) : 0)),
    tokens,
  )
  const dynamic_j = prefill.value.energy_j + decode.value.energy_j
  const static_j = method === 'regression' ? energy_j - dynamic_j : null
  return {
    value: {
      method,
      scope: 'allocated',
      of: (a) => {
        const why = outside(a, window, null) ?? (uncachedPrompt(a) === null ? 'not_recorded' : null)
        return why === null ? { value: sum([a]), reason: null } : unknown(why)
      },
      sum,
      within,
      static_j,
      unattributed_j: energy_j - (static_j ?? 0) - within.energy_j,
    },
    reason: null,
  }
}

/** Why a request has no joules of its own; null where it has. @param from what must not lie before the window */
function outside(a: Answer, window: Span, from: number | null): Reason | null {
  if (a.last_ns === null) return 'no_output_tokens'
  const ends = a.end_ns > window.start_ns && a.end_ns <= window.end_ns
  return ends && (from === null || from >= window.start_ns) ? null : 'outside_window'
}

const total = (list: readonly Answer[], of: (a: Answer) => number): number =>
  list.reduce((sum, a) => sum + of(a), 0)

const times = ({ energy_j, parts }: Joules, share: number): Joules => ({
  energy_j: energy_j * share,
  parts: scaled(parts, share),
})
