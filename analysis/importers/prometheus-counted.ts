import { dividedParts, summed, withRange } from '../estimators/uncertainty.ts'
import type { ResultMetric } from '../schema/result.ts'
import type { Component } from '../schema/summary.ts'
import type { Unit } from '../schema/units.ts'
import { gpuEnergies, type PromEnergy } from './prometheus-energy.ts'
import {
  counterRise,
  type PromKind,
  type PromSeries,
  readingInterval,
} from './prometheus-series.ts'
import { resultMetric } from './result-metric.ts'

/** A series whose kind is known here. */
export interface Held {
  readonly kind: PromKind
  readonly series: PromSeries
}
/** Unix seconds. */
export interface Window {
  readonly start: number
  readonly end: number
}

/** Joules, tokens and requests between two instants, and their quotients. */
export function counted(held: readonly Held[], window: Window) {
  const seconds = window.end - window.start
  const of = (kind: PromKind) => held.filter((h) => h.kind === kind).map((h) => h.series)
  const energies = gpuEnergies(of('gpu_energy_mj'), of('gpu_power_w'), window.start, window.end)
  const metrics: Record<string, ResultMetric> = {}
  const put = (
    id: string,
    unit: Unit,
    told: { value: number; parts: readonly Component[]; from: string } | null,
    reason: 'not_recorded' | 'counter_reset' = 'not_recorded',
  ) => {
    const beside = { window: 'query', reason }
    metrics[id] =
      told === null
        ? resultMetric(id, null, beside)
        : {
            ...withRange({ value: told.value, unit, parts: told.parts, provenance: told.from }),
            window: 'query',
          }
  }
  const energy = totalEnergy(energies)
  const energyReason = energies.some((e) => e.reset) ? 'counter_reset' : 'not_recorded'
  put('energy_gpu_j', 'J', energy, energyReason)
  put('power_mean_w', 'W', divided(energy, seconds, 0, 'u_window'), energyReason)
  const output = risen(of('output_tokens'), window)
  const input = risen(of('input_tokens'), window)
  const requests = risen(of('requests'), window)
  put('output_tokens', 'token', output.told, output.reason)
  put('input_tokens', 'token', input.told, input.reason)
  put('requests_completed', 'request', requests.told, requests.reason)
  put(
    'output_throughput_tok_s',
    'token/s',
    divided(output.told, seconds, 0, 'u_window'),
    output.reason,
  )
  const each = (n: typeof output) =>
    n.told === null ? null : divided(energy, n.told.value, n.u, 'u_tokens')
  put('energy_per_output_token_j', 'J/token', each(output), output.reason)
  put('energy_per_request_j', 'J/request', each(requests), requests.reason)
  return { metrics, energies }
}

interface ToldValue {
  readonly value: number
  readonly parts: readonly Component[]
  readonly from: string
}

/** null: a GPU's energy is missing, and a sum without it would be too low. */
function totalEnergy(energies: readonly PromEnergy[]): ToldValue | null {
  const known = energies.flatMap((e) => (e.energy_j === null ? [] : [e.energy_j]))
  const [first] = energies
  if (first === undefined || known.length < energies.length) return null
  return {
    value: known.reduce((a, b) => a + b, 0),
    parts: summed(energies.map((e) => e.parts)),
    from: first.from,
  }
}

/** Rise of counters together, with what of it may lie before or after its edges. */
function risen(
  series: readonly PromSeries[],
  window: Window,
): { told: ToldValue | null; u: number; reason: 'not_recorded' | 'counter_reset' } {
  const rises = series.map((s) => counterRise(s, window.start, window.end))
  if (series.length === 0) return { told: null, u: 0, reason: 'not_recorded' }
  if (rises.includes(null)) return { told: null, u: 0, reason: 'counter_reset' }
  const value = (rises as number[]).reduce((a, b) => a + b, 0)
  const seconds = window.end - window.start
  // Two edges, each late by up to one interval at the mean rate.
  const u = Math.hypot(
    ...series.map((s, i) => (readingInterval(s) * (rises[i] as number)) / seconds / Math.sqrt(6)),
  )
  const parts = u === 0 ? [] : [{ name: 'u_scrape', value: u, shared: false }]
  return { told: { value, parts, from: series[0]?.name ?? '' }, u, reason: 'not_recorded' }
}

function divided(told: ToldValue | null, by: number, u: number, name: string): ToldValue | null {
  if (told === null || by <= 0) return null
  return { value: told.value / by, parts: dividedParts(told, by, u, name), from: told.from }
}
