import type { Answer } from './answer.ts'
import type { JouleCurve } from './attribution-curve.ts'
import type { Attribution, PhaseEnergy } from './attribution-phase.ts'
import { slicedWork, sliceSums } from './attribution-slices.ts'
import type { Span } from './run-span.ts'
import { type Reason, unknown } from './schema/reason.ts'
import { NS_PER_S } from './schema/units.ts'
import type { ScopedEnergy } from './scoped-energy.ts'
import {
  addNormal,
  conditionNumber,
  emptyNormal,
  type Normal,
  nonnegativeFit,
  type Three,
} from './stats/nonnegative-fit.ts'
import { seededRandom } from './stats/random.ts'
import { THRESHOLDS } from './thresholds.ts'
import { scaled, standard } from './uncertainty.ts'

const RESAMPLES = 200
const SEED = 20_260_102

/**
 * Joules of prefill and decode where requests overlap: per slice of five refresh periods, energy on seconds (what is
 * drawn anyway), uncached prompt tokens whose prefill ended and output tokens that arrived, no coefficient negative.
 * The phases are scaled so that with the static part they make the window's energy. Errors by resampling blocks of
 * slices, and by what slices eight times as long say otherwise: a prefill that began in the slice before is charged
 * to the wrong one, which makes prompt tokens look cheap and no resampling shows. Assumes that costs add and static
 * power is constant. Columns that do not tell the parts apart, or a range that touches 0: `not_identifiable`.
 * Source: docs/metrics.md, "Prefill and decode"; blocks: Künsch, Annals of Statistics 17 (1989) 1217.
 */
export function regression(
  energy: ScopedEnergy,
  curves: readonly JouleCurve[],
  answers: readonly Answer[],
  window: Span,
): Attribution {
  const total_j = energy.energy_j ?? 0
  const slice_ns = THRESHOLDS.slice_periods * Math.max(...curves.map((c) => c.resolution_ns))
  const length_ns = window.end_ns - window.start_ns
  const count = slice_ns > 0 ? Math.floor(length_ns / slice_ns) : 0
  if (count < THRESHOLDS.slices_min) return neither('too_short')
  const work = slicedWork(answers, window, slice_ns, count)
  if (work === null) return neither('not_recorded')
  const { blocks, all, longer } = sliceSums(curves, work, window, slice_ns, count)
  if (Math.max(conditionNumber(all), conditionNumber(longer)) > THRESHOLDS.condition_max)
    return neither('not_identifiable')
  const totals: Three = [length_ns / NS_PER_S, work.prompt_total, work.output_total]
  const found = phases(nonnegativeFit(all), totals, total_j)
  const other = phases(nonnegativeFit(longer), totals, total_j)
  const spread = resampled(blocks, totals, total_j)
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
  return {
    method: 'regression',
    prefill: phase(0),
    decode: phase(1),
  }
}

const neither = (reason: Reason): Attribution => ({
  method: 'regression',
  prefill: unknown(reason),
  decode: unknown(reason),
})

/** Joules of prefill and decode: what static power leaves of the window's energy, as the coefficients divide it. */
function phases(coefficients: Three, totals: Three, total_j: number): [number, number] {
  const [fixed, prefill, decode] = coefficients.map((b, i) => b * (totals[i] as number)) as [
    number,
    number,
    number,
  ]
  const dynamic = prefill + decode
  const scale = dynamic > 0 ? Math.max(0, total_j - fixed) / dynamic : 0
  return [prefill * scale, decode * scale]
}

/** Standard deviation of both phases over the resamples. */
function resampled(blocks: readonly Normal[], totals: Three, total_j: number): [number, number] {
  const random = seededRandom(SEED)
  const found: [number, number][] = []
  for (let r = 0; r < RESAMPLES; r++) {
    const drawn = emptyNormal()
    for (let b = 0; b < blocks.length; b++)
      addNormal(drawn, blocks[Math.floor(random() * blocks.length)] as Normal)
    found.push(phases(nonnegativeFit(drawn), totals, total_j))
  }
  const deviation = (i: 0 | 1) => {
    const mean = found.reduce((sum, f) => sum + f[i], 0) / RESAMPLES
    return Math.sqrt(found.reduce((sum, f) => sum + (f[i] - mean) ** 2, 0) / (RESAMPLES - 1))
  }
  return [deviation(0), deviation(1)]
}
