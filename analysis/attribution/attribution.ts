import type { ScopedEnergy } from '../energy/scoped-energy.ts'
import { dividedParts, scaled, withRange } from '../estimators/uncertainty.ts'
import { noMetric } from '../metric-value.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import { CANON, type CanonId } from '../schema/canon.ts'
import type { Maybe, Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import type { Window } from '../window.ts'
import { divide } from './attribution-division.ts'
import { type Attribution, holdsAllTokens, type PhaseEnergy } from './attribution-phase.ts'
import type { WindowWork } from './attribution-work.ts'
import { requestEnergies } from './request-energy.ts'
import { requestEnergyMetrics, withoutRequestEnergy } from './request-energy-metrics.ts'

type Metrics = Record<string, MetricValue>

const IDS = [
  'energy_prefill_j',
  'energy_decode_j',
  'energy_per_prompt_j',
  'energy_per_uncached_input_token_j',
  'energy_per_decoded_token_j',
  'energy_per_cached_input_token_j',
  'energy_reasoning_j',
  'energy_rejected_draft_j',
] as const satisfies readonly CanonId[]

/**
 * What prefill and decode took of a window's compute energy, per prompt and token, and what of decode went to
 * reasoning, to rejected drafts and to each request.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function attributionMetrics(
  run: RunData,
  energy: ScopedEnergy,
  answers: readonly Answer[],
  window: Window,
): Metrics {
  const found = divide(run, energy, answers, window)
  if (found.value === null) return { ...none(found.reason), ...withoutRequestEnergy(found.reason) }
  const { attribution, work } = found.value
  return {
    ...metricsOf(attribution, work),
    ...requestEnergyMetrics(requestEnergies(found.value), answers, window),
  }
}

const none = (reason: Reason): Metrics =>
  Object.fromEntries(IDS.map((id) => [id, noMetric(CANON[id].unit, reason)]))

function metricsOf(attribution: Attribution, work: WindowWork): Metrics {
  const { method, prefill, decode } = attribution
  const decoded = holdsAllTokens(attribution) ? work.output : work.decoded
  const per = (id: CanonId, phase: PhaseEnergy, divisor: number | null, u = 0) =>
    quotient(method, id, phase, divisor, u)
  return {
    energy_prefill_j: per('energy_prefill_j', prefill, 1),
    energy_decode_j: per('energy_decode_j', decode, 1),
    energy_per_prompt_j: per('energy_per_prompt_j', prefill, work.prompts, work.u_prompts),
    energy_per_uncached_input_token_j: per(
      'energy_per_uncached_input_token_j',
      prefill,
      work.uncached,
      work.u_uncached,
    ),
    energy_per_decoded_token_j: per('energy_per_decoded_token_j', decode, decoded),
    energy_per_cached_input_token_j: noMetric(
      'J/token',
      work.cached > 0 ? 'not_identifiable' : 'not_recorded',
    ),
    energy_reasoning_j: allocated(method, decode, work.reasoning),
    energy_rejected_draft_j: allocated(method, decode, work.rejected),
  }
}

function quotient(
  method: string,
  id: CanonId,
  phase: PhaseEnergy,
  divisor: number | null,
  u_divisor: number,
): MetricValue {
  const { unit } = CANON[id]
  if (phase.value === null) return noMetric(unit, phase.reason)
  if (divisor === null) return noMetric(unit, 'not_recorded')
  if (divisor <= 0) return noMetric(unit, 'zero_denominator')
  const { energy_j, parts } = phase.value
  return withRange({
    value: energy_j / divisor,
    unit,
    parts: dividedParts({ value: energy_j, parts }, divisor, u_divisor, 'u_tokens'),
    n: unit === 'J' ? null : Math.round(divisor),
    provenance: method,
    scope: 'measured',
  })
}

/** A share of decode by token counts: no measurement of its own. */
function allocated(method: string, decode: PhaseEnergy, part: Maybe): MetricValue {
  if (part.value === null) return noMetric('J', part.reason)
  if (decode.value === null) return noMetric('J', decode.reason)
  return withRange({
    value: decode.value.energy_j * part.value,
    unit: 'J',
    parts: scaled(decode.value.parts, part.value),
    provenance: method,
    scope: 'allocated',
  })
}
