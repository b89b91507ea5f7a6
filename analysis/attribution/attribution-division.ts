import type { ScopedEnergy } from '../energy/scoped-energy.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import { concurrencyPeak } from '../requests/concurrency.ts'
import { type Maybe, unknown } from '../schema/reason.ts'
import type { Window } from '../window.ts'
import { type JouleCurve, jouleCurves } from './attribution-curve.ts'
import { type Attribution, disaggregated, exclusive } from './attribution-phase.ts'
import { regression } from './attribution-regression.ts'
import { type WindowWork, windowWork } from './attribution-work.ts'

/** How a window's compute energy divides into the phases of its requests, and what of each was done in it. */
export interface Division {
  readonly energy_j: number
  readonly attribution: Attribution
  readonly work: WindowWork
  readonly window: Window
  /** Requests with a token and some time in the window. */
  readonly answers: readonly Answer[]
  /** Power of each device; empty where the devices themselves are divided. */
  readonly curves: readonly JouleCurve[]
}

/**
 * The first way that applies: workers of one phase each, spans of single requests where at most one was in flight,
 * else a regression.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function divide(
  run: RunData,
  energy: ScopedEnergy,
  answers: readonly Answer[],
  window: Window,
): Maybe<Division> {
  const { energy_j } = energy
  if (energy_j === null) return unknown(energy.reason ?? 'not_recorded')
  if (!energy.measured) return unknown('estimate_only')
  const here = answers.filter(
    (a) => a.first_ns !== null && a.end_ns > window.start_ns && startOf(a) < window.end_ns,
  )
  const division = (attribution: Attribution, curves: readonly JouleCurve[]): Maybe<Division> => ({
    value: {
      energy_j,
      attribution,
      work: windowWork(here, window),
      window,
      answers: here,
      curves,
    },
    reason: null,
  })
  const apart = disaggregated(run, energy)
  if (apart !== null) return division(apart, [])
  if (here.length === 0) return unknown('no_requests')
  if (here.some((a) => !a.streamed)) return unknown('not_streamed')
  const curves = jouleCurves(energy.parts, window)
  const alone = concurrencyPeak(answers, window) <= 1 && here.every((a) => a.sent_ns !== null)
  return division(
    alone ? exclusive(curves, here, window) : regression(energy, curves, here, run.steps, window),
    curves,
  )
}

const startOf = (a: Answer): number => a.sent_ns ?? a.first_ns ?? Number.POSITIVE_INFINITY
