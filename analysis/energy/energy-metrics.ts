import { dividedParts, scaled, withRange } from '../estimators/uncertainty.ts'
import { noMetric } from '../metric-value.ts'
import type { TokenCounts } from '../requests/tokens.ts'
import { CANON, type CanonId } from '../schema/canon.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component, MetricValue } from '../schema/summary.ts'
import { type Window, windowSeconds } from '../window.ts'
import { baselineDoubt, type IdlePower } from './baseline.ts'
import type { RunEnergies } from './energy-scope.ts'
import type { ScopedEnergy } from './scoped-energy.ts'

type Metrics = Record<string, MetricValue>

/** Joules by scope, with their parts; null with the reason that the devices gave. */
export function scopeMetrics(energies: RunEnergies): Metrics {
  return {
    energy_gpu_j: joules(energies.gpu),
    energy_compute_j: joules(energies.compute),
    energy_host_j: joules(energies.host),
    energy_total_j: joules(energies.total),
    energy_node_j: joules(energies.node),
    energy_overhead_j: joules(energies.overhead),
  }
}

export function joules(energy: ScopedEnergy): MetricValue {
  if (energy.energy_j === null) return noMetric('J', energy.reason ?? 'not_recorded')
  return withRange({
    value: energy.energy_j,
    unit: 'J',
    parts: energy.components,
    n: energy.samples,
    provenance: energy.source,
    scope: energy.scope,
  })
}

/**
 * Compute energy per token, request and second over one window: both operands share its bounds.
 * Source: docs/metrics.md, "Energy".
 */
export function ratioMetrics(energy: ScopedEnergy, window: Window, tokens: TokenCounts): Metrics {
  const per = (id: CanonId, divisor: number | null, why: Reason, u: number | null = null) =>
    quotient(energy, id, divisor, why, u)
  const { output, input, useful_output } = tokens
  const none = tokens.reason ?? 'no_output_tokens'
  const total = output === null || input === null ? null : output + input
  const perToken = per('energy_per_output_token_j', output, none, tokens.u_tokens)
  return {
    power_mean_w: per('power_mean_w', windowSeconds(window), 'no_window'),
    energy_per_output_token_j: perToken,
    energy_per_total_token_j: per(
      'energy_per_total_token_j',
      total,
      input === null && output !== null ? (tokens.input_reason ?? 'not_recorded') : none,
      tokens.u_tokens,
    ),
    energy_per_useful_token_j: per(
      'energy_per_useful_token_j',
      useful_output,
      none,
      tokens.u_tokens,
    ),
    energy_per_request_j: perRequest(energy, window, tokens, perToken),
    tokens_per_joule: tokensPerJoule(energy, tokens),
    goodput_per_joule_req_j: overJoules(energy, 'goodput_per_joule_req_j', tokens.good),
  }
}

/** Whole run: joules / completed. A part of it, whose edges cut requests: per token × mean tokens of a completed one. */
function perRequest(
  energy: ScopedEnergy,
  window: Window,
  tokens: TokenCounts,
  perToken: MetricValue,
): MetricValue {
  if (window.rule === 'run')
    return quotient(energy, 'energy_per_request_j', tokens.completed, 'no_requests', null)
  const length = tokens.mean_output_per_completed_of_run
  if (length === null) return noMetric('J/request', energy.reason ?? 'no_requests')
  if (perToken.value === null) return noMetric('J/request', perToken.reason ?? 'no_output_tokens')
  return withRange({
    value: perToken.value * length,
    unit: 'J/request',
    parts: scaled(perToken.components ?? [], length),
    n: tokens.completed,
    provenance: energy.source,
    scope: energy.scope,
  })
}

function quotient(
  energy: ScopedEnergy,
  id: CanonId,
  divisor: number | null,
  why: Reason,
  u_divisor: number | null,
): MetricValue {
  const { unit } = CANON[id]
  if (energy.energy_j === null) return noMetric(unit, energy.reason ?? 'not_recorded')
  if (divisor === null || divisor <= 0) return noMetric(unit, why)
  return withRange({
    value: energy.energy_j / divisor,
    unit,
    parts: dividedParts(
      { value: energy.energy_j, parts: energy.components },
      divisor,
      u_divisor,
      'u_tokens',
    ),
    n: id === 'power_mean_w' ? energy.samples : Math.round(divisor),
    provenance: energy.source,
    scope: energy.scope,
  })
}

function tokensPerJoule(energy: ScopedEnergy, tokens: TokenCounts): MetricValue {
  if (energy.energy_j !== null && tokens.output === null)
    return noMetric('token/J', tokens.reason ?? 'no_output_tokens')
  return overJoules(energy, 'tokens_per_joule', tokens.output, tokens.u_tokens)
}

/** A count per joule: relative squares add as in the ratio the other way round. */
function overJoules(
  energy: ScopedEnergy,
  id: CanonId,
  count: number | null,
  u_count: number | null = null,
): MetricValue {
  const { unit } = CANON[id]
  if (energy.energy_j === null) return noMetric(unit, energy.reason ?? 'not_recorded')
  if (count === null) return noMetric(unit, 'not_recorded')
  if (energy.energy_j <= 0) return noMetric(unit, 'zero_denominator')
  const value = count / energy.energy_j
  const parts: Component[] = scaled(energy.components, value / energy.energy_j)
  if (u_count !== null && u_count > 0)
    parts.push({ name: 'u_tokens', value: u_count / energy.energy_j, shared: false })
  return withRange({
    value,
    unit,
    parts,
    n: Math.round(count),
    provenance: energy.source,
    scope: energy.scope,
  })
}

/** Output throughput per mean watt: the same ratio by the other way, and a check of the windows. */
export function throughputPerWatt(throughput: MetricValue, power: MetricValue): MetricValue {
  const unit = 'token/s/W'
  if (throughput.value === null) return noMetric(unit, throughput.reason ?? 'no_output_tokens')
  if (power.value === null) return noMetric(unit, power.reason ?? 'not_recorded')
  if (power.value <= 0) return noMetric(unit, 'zero_denominator')
  const value = throughput.value / power.value
  // The tokens' own range is ± 2 standard.
  const u_rate = throughput.high === null ? 0 : (throughput.high - throughput.value) / 2
  const parts = scaled(power.components ?? [], value / power.value)
  if (u_rate > 0) parts.push({ name: 'u_tokens', value: u_rate / power.value, shared: false })
  return withRange({
    value,
    unit,
    parts,
    n: throughput.n,
    provenance: power.provenance,
    scope: power.scope ?? null,
  })
}

/** Energy per request × mean end-to-end seconds. */
export function energyDelayProduct(perRequest: MetricValue, e2e_ms: MetricValue): MetricValue {
  if (perRequest.value === null) return noMetric('J·s', perRequest.reason ?? 'no_requests')
  if (e2e_ms.value === null) return noMetric('J·s', e2e_ms.reason ?? 'no_requests')
  const seconds = e2e_ms.value / 1000
  return withRange({
    value: perRequest.value * seconds,
    unit: 'J·s',
    parts: scaled(perRequest.components ?? [], seconds),
    n: e2e_ms.n,
    provenance: perRequest.provenance,
    scope: perRequest.scope ?? null,
  })
}

export function idleMetric(idle: IdlePower): MetricValue {
  if (idle.watts === null) return noMetric('W', idle.reason ?? 'not_recorded')
  return withRange({
    value: idle.watts,
    unit: 'W',
    parts: idle.components,
    provenance: idle.source,
  })
}

/**
 * Gross less idle power over the same seconds, its sign kept: a clamp would bias means. The range reaches to what
 * idle power without the model loaded would leave.
 * @param voided why idle power says nothing of the window; null: it does
 */
export function aboveIdle(
  energy: ScopedEnergy,
  window: Window,
  resident: IdlePower,
  cold: IdlePower,
  voided: Reason | null,
): MetricValue {
  if (energy.energy_j === null) return noMetric('J', energy.reason ?? 'not_recorded')
  if (resident.watts === null) return noMetric('J', resident.reason ?? 'not_recorded')
  if (voided !== null) return noMetric('J', voided)
  const seconds = windowSeconds(window)
  const baseline = { name: 'u_baseline_j', value: seconds * baselineDoubt(resident), shared: false }
  const found = withRange({
    value: energy.energy_j - resident.watts * seconds,
    unit: 'J',
    parts: [...energy.components, baseline],
    n: energy.samples,
    provenance: energy.source,
    scope: energy.scope,
  })
  if (cold.watts === null) return found
  const other = energy.energy_j - cold.watts * seconds
  return {
    ...found,
    low: Math.min(found.low ?? other, other),
    high: Math.max(found.high ?? other, other),
  }
}

/** Watts over a stated bound of the devices, TDP or enforced limit, in per cent; null where one is not stated. */
export function powerShare(
  energy: ScopedEnergy,
  bounds_w: readonly (number | null)[],
): MetricValue {
  if (energy.energy_j === null) return noMetric('%', energy.reason ?? 'not_recorded')
  const total = bounds_w.reduce<number | null>(
    (a, b) => (a === null || b === null ? null : a + b),
    0,
  )
  const watts = energy.parts.reduce((sum, p) => sum + (p.power_mean_w ?? 0), 0)
  if (total === null || total <= 0) return noMetric('%', 'not_recorded')
  const seconds = energy.parts[0]?.seconds ?? 1
  return withRange({
    value: (watts / total) * 100,
    unit: '%',
    parts: scaled(energy.components, 100 / total / seconds),
    provenance: energy.source,
    scope: energy.scope,
  })
}
