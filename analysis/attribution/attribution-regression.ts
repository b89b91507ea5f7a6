import type { ScopedEnergy } from '../energy/scoped-energy.ts'
import { scaled, standard } from '../estimators/uncertainty.ts'
import type { Answer } from '../requests/answer.ts'
import type { Span } from '../requests/run-span.ts'
import { type Reason, unknown } from '../schema/reason.ts'
import type { StepRow } from '../schema/stream.ts'
import { NS_PER_S } from '../schema/units.ts'
import {
  addNormal,
  conditionNumber,
  emptyNormal,
  type Normal,
  nonnegativeFit,
} from '../stats/nonnegative-fit.ts'
import { seededRandom } from '../stats/random.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { JouleCurve } from './attribution-curve.ts'
import type { Attribution, PhaseEnergy } from './attribution-phase.ts'
import { type SlicedWork, slicedSteps, slicedTokens, sliceSums } from './attribution-slices.ts'
import { stepWeights } from './attribution-steps.ts'
import { windowWork } from './attribution-work.ts'

const RESAMPLES = 200
const SEED = 20_260_102

/**
 * Joules of prefill and decode where requests overlap: per slice of five refresh periods, energy on seconds (what is
 * drawn anyway) and on what the engine did, no coefficient negative: prompt tokens computed, steps and the context
 * that they decode with, where the engine tells its steps; else uncached prompt tokens whose prefill ended and output
 * tokens that arrived. The phases are scaled so that with the static part they make the window's energy. Errors by
 * resampling blocks of slices, and by what slices eight times as long say otherwise: a prefill that began in the slice
 * before is charged to the wrong one, which makes prompt tokens look cheap and no resampling shows. Assumes that costs
 * add and static power is constant. Columns that do not tell the parts apart, or a range that touches 0:
 * `not_identifiable`.
 * Source: docs/metrics.md, "Prefill and decode"; blocks: Künsch, Annals of Statistics 17 (1989) 1217.
 */
export function regression(
  energy: ScopedEnergy,
  curves: readonly JouleCurve[],
  answers: readonly Answer[],
  steps: readonly StepRow[],
  window: Span,
): Attribution {
  const total_j = energy.energy_j ?? 0
  const slice_ns = THRESHOLDS.slice_periods * Math.max(...curves.map((c) => c.resolution_ns))
  const length_ns = window.end_ns - window.start_ns
  const count = slice_ns > 0 ? Math.floor(length_ns / slice_ns) : 0
  if (count < THRESHOLDS.slices_min) return neither('too_short')
  const slices = { start_ns: window.start_ns, end_ns: window.end_ns, slice_ns, count }
  const decoded = windowWork(answers, window).decoded
  const work = slicedSteps(steps, decoded, slices) ?? slicedTokens(answers, slices)
  if (work === null) return neither('not_recorded')
  const { blocks, all, longer } = sliceSums(curves, work, slices)
  if (Math.max(conditionNumber(all), conditionNumber(longer)) > THRESHOLDS.condition_max)
    return neither('not_identifiable')
  const divide = (sums: Normal) => phases(nonnegativeFit(sums), work, length_ns / NS_PER_S, total_j)
  const found = divide(all)
  const other = divide(longer)
  const spread = resampled(blocks, divide)
  const phase = (i: 0 | 1): PhaseEnergy => {
    const energy_j = found[i]
    const own = [
      { name: 'u_regression_j', value: spread[i], shared: false },
      { name: 'u_slice_j', value: Math.abs(found[i] - other[i]), shared: false },
    ]
    if (energy_j - 2 * standard(own) <= 0) return unknown('not_identifiable')
    const sensor = scaled(energy.components, energy_j / total_j).filter((c) => c.shared)
    return { value: { energy_j, parts: [...sensor, ...own] }, reason: null }
  }
  const attribution: Attribution = {
    method: 'regression',
    prefill: phase(0),
    decode: phase(1),
  }
  if (work.by === 'tokens') return attribution
  const [, , step_j = 0, context_j = 0] = nonnegativeFit(all)
  return { ...attribution, decodeWeight: stepWeights(steps, step_j, context_j) }
}

const neither = (reason: Reason): Attribution => ({
  method: 'regression',
  prefill: unknown(reason),
  decode: unknown(reason),
})

/** Joules of prefill and decode: what static power leaves of the window's energy, as the coefficients divide it. */
function phases(
  [static_w = 0, ...prices]: readonly number[],
  work: SlicedWork,
  seconds: number,
  total_j: number,
): [number, number] {
  const cost = (amounts: readonly number[]) =>
    prices.reduce((sum, price, i) => sum + price * (amounts[i] as number), 0)
  const [prefill, decode] = [cost(work.prefill), cost(work.decode)]
  const dynamic = prefill + decode
  const scale = dynamic > 0 ? Math.max(0, total_j - static_w * seconds) / dynamic : 0
  return [prefill * scale, decode * scale]
}

/** Standard deviation of both phases over the resamples. */
function resampled(
  blocks: readonly Normal[],
  divide: (sums: Normal) => [number, number],
): [number, number] {
  const random = seededRandom(SEED)
  const found: [number, number][] = []
  for (let r = 0; r < RESAMPLES; r++) {
    const drawn = emptyNormal((blocks[0] as Normal).columns)
    for (let b = 0; b < blocks.length; b++)
      addNormal(drawn, blocks[Math.floor(random() * blocks.length)] as Normal)
    found.push(divide(drawn))
  }
  const deviation = (i: 0 | 1) => {
    const mean = found.reduce((sum, f) => sum + f[i], 0) / RESAMPLES
    return Math.sqrt(found.reduce((sum, f) => sum + (f[i] - mean) ** 2, 0) / (RESAMPLES - 1))
  }
  return [deviation(0), deviation(1)]
}
