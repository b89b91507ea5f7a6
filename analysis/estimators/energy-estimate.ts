import { ownValue } from '../schema/own.ts'
import { REASONS, type Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { CounterFault } from './counter-fault.ts'
import { counterEnergy } from './energy-counter.ts'
import { curveOf } from './energy-curve.ts'
import { type EnergySource, rowsAround } from './energy-source.ts'
import { counterParts, samplingParts, sensorPart } from './energy-uncertainty.ts'
import { firstAbove, integrate, type PowerCurve } from './power-curve.ts'
import type { SourceMethod } from './source-choice.ts'
import { type SplicedPart, splicedEnergy } from './spliced-energy.ts'

/** Two times between which energy is asked for, ns since the run's origin. */
export interface Bounds {
  readonly start_ns: number
  readonly end_ns: number
}

/** One way to know a device's energy over a window: kept beside the chosen one as its cross-check. */
export interface EnergyEstimate {
  readonly source: string
  readonly method: SourceMethod | 'burst'
  readonly scope: string
  readonly measured: boolean
  readonly energy_j: number | null
  readonly reason: Reason | null
  /** Of a counter: what its readings show that is no energy. */
  readonly fault?: CounterFault | null
  readonly covered_s: number
  readonly bridged_s: number
  /** Joules of the covered part: what is there where the whole is null. */
  readonly partial_j: number
  /** Good readings within the window. */
  readonly samples: number
  readonly components: readonly Component[]
  readonly origin: EnergySource
  /** Of a spliced source what each of its members gives of the window, in order of time. */
  readonly parts?: readonly SplicedPart[]
}

/**
 * Energy of a window by one source.
 * @param power another source's curve of the same device, for a counter's way from its reading to the bound
 */
export function estimate(
  source: EnergySource,
  window: Bounds,
  clock_error_ns: number,
  power: PowerCurve | null,
): EnergyEstimate {
  if (source.method === 'counter') return byCounter(source, window, power)
  return source.members === undefined
    ? byCurve(source, window, clock_error_ns)
    : bySplice(source, source.members, window, clock_error_ns)
}

const marginOf = (source: EnergySource): number =>
  Math.max(THRESHOLDS.burst_after_s * NS_PER_S, source.lag_ns)

function byCurve(source: EnergySource, window: Bounds, clock_error_ns: number): EnergyEstimate {
  const { start_ns, end_ns } = window
  const margin_ns = marginOf(source)
  const curve = curveOf(source, start_ns - margin_ns, end_ns + margin_ns)
  const found = integrate(curve, start_ns, end_ns)
  const reason = curveReason(source, found)
  const base = {
    ...identity(source),
    covered_s: found.covered_s,
    bridged_s: found.bridged_s,
    partial_j: found.energy_j,
    samples: samplesWithin(source, window),
  }
  if (reason !== null) return { ...base, energy_j: null, reason, components: [] }
  return {
    ...base,
    energy_j: found.energy_j,
    reason: null,
    components: [
      sensorPart(source, found.energy_j, (end_ns - start_ns) / NS_PER_S),
      ...samplingParts(source, curve, start_ns, end_ns, clock_error_ns),
    ],
  }
}

/** Its parts add up to it; its source is that of the parts, in the order in which they are read. */
function bySplice(
  source: EnergySource,
  members: readonly EnergySource[],
  window: Bounds,
  clock_error_ns: number,
): EnergyEstimate {
  const { start_ns, end_ns } = window
  const margin_ns = marginOf(source)
  const spliced = splicedEnergy(members, start_ns, end_ns, margin_ns, clock_error_ns)
  const found = integrate(spliced.curve, start_ns, end_ns)
  const reason = curveReason(source, found)
  const names = spliced.parts.flatMap((p) => p.source?.source ?? [])
  return {
    ...identity(source),
    source: [...new Set(names)].join('+'),
    energy_j: reason === null ? found.energy_j : null,
    reason,
    covered_s: found.covered_s,
    bridged_s: found.bridged_s,
    partial_j: found.energy_j,
    samples: spliced.parts.reduce((n, p) => n + (p.source ? samplesWithin(p.source, p) : 0), 0),
    components: reason === null ? spliced.components : [],
    parts: spliced.parts,
  }
}

function curveReason(source: EnergySource, found: ReturnType<typeof integrate>): Reason | null {
  if (found.covered_s + found.bridged_s + found.gap_s === 0)
    return source.value.some(Number.isFinite) ? 'uncovered' : failureOf(source)
  // Where its last readings failed, that is why.
  if (!found.bracketed)
    return Number.isNaN(source.value.at(-1)) || source.failure === 'lost'
      ? failureOf(source)
      : 'window_not_bracketed'
  return found.gap_s > 0 ? 'gap' : null
}

function byCounter(source: EnergySource, window: Bounds, power: PowerCurve | null): EnergyEstimate {
  const { start_ns, end_ns } = window
  const found = counterEnergy(source, rowsAround(source, start_ns, end_ns), start_ns, end_ns, power)
  const seconds = (end_ns - start_ns) / NS_PER_S
  const unread =
    (found.reason === 'uncovered' && !source.value.some(Number.isFinite)) ||
    // Where its last readings failed, that is why.
    (found.reason === 'window_not_bracketed' && Number.isNaN(source.value.at(-1)))
  return {
    ...identity(source),
    energy_j: found.energy_j,
    reason: unread ? failureOf(source) : found.reason,
    fault: found.fault,
    covered_s: found.energy_j === null ? 0 : seconds,
    bridged_s: 0,
    partial_j: found.energy_j ?? 0,
    samples: found.samples,
    components:
      found.energy_j === null
        ? []
        : [
            sensorPart(source, found.energy_j, seconds),
            ...counterParts(source, found.edge_w, found.edge_j),
          ],
  }
}

/** Whether a counter holds enough of its refreshes to be chosen; every other source may be. */
export function resolves(estimate: EnergyEstimate, window: Bounds): boolean {
  return (
    estimate.method !== 'counter' ||
    window.end_ns - window.start_ns >= THRESHOLDS.counter_min_refreshes * estimate.origin.period_ns
  )
}

const identity = (source: EnergySource) => ({
  source: source.source,
  method: source.method,
  scope: source.scope,
  measured: source.measured,
  origin: source,
})

function failureOf(source: EnergySource): Reason {
  return source.failure !== null && ownValue(REASONS, source.failure) !== undefined
    ? (source.failure as Reason)
    : 'not_recorded'
}

function samplesWithin(source: EnergySource, window: Bounds): number {
  const { t_ns, value, shift_ns } = source
  let n = 0
  for (let i = firstAbove(t_ns, window.start_ns + shift_ns); i < t_ns.length; i++) {
    if ((t_ns[i] as number) - shift_ns > window.end_ns) break
    if (Number.isFinite(value[i])) n++
  }
  return n
}
