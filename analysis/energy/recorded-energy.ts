import { counterFault } from '../estimators/counter-fault.ts'
import { counterSteps } from '../estimators/energy-counter.ts'
import { curveOf } from '../estimators/energy-curve.ts'
import { type EnergySource, energySources } from '../estimators/energy-source.ts'
import { sensorPart } from '../estimators/energy-uncertainty.ts'
import { integrate, type PowerCurve } from '../estimators/power-curve.ts'
import { choiceRank } from '../estimators/source-choice.ts'
import { summed } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { DeviceEnergy } from './device-energy.ts'

/** All that one source recorded of a device. */
export interface Recording {
  readonly source: EnergySource
  readonly curve: PowerCurve
}

export interface Span {
  readonly start_ns: number
  readonly end_ns: number
}

export type Amount =
  | {
      readonly joules: number
      readonly seconds: number
      readonly parts: readonly Component[]
      readonly reason: null
    }
  | { readonly joules: null; readonly reason: Reason }

/** What was recorded of devices together; span null: of one of them nothing was, or they share no time. */
export interface Recorded {
  readonly recordings: readonly Recording[]
  readonly span: Span | null
}

/**
 * What was recorded of the devices of an energy, each by the source that its window's energy came from, else by the best, over the
 * time that all of them cover: **the recorded span**, the one on which ledger, totals, statements and cost rest.
 * Source: docs/metrics.md, "Energy", ledger.
 */
export function recordedOf(run: RunData, parts: readonly DeviceEnergy[]): Recorded {
  const recordings = parts.flatMap((p) => recordingOf(run, p) ?? [])
  return {
    recordings,
    span: recordings.length === parts.length ? commonSpan(recordings) : null,
  }
}

function recordingOf(run: RunData, part: DeviceEnergy): Recording | null {
  const source =
    part.chosen?.origin ??
    energySources(run, part.device_id)
      .filter((s) => part.scope === null || s.scope === part.scope)
      .sort((a, b) => choiceRank(a) - choiceRank(b))
      .find(counts)
  if (source === undefined) return null
  const curve = curveOf(source, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
  return curve.pieces === 0 ? null : { source, curve }
}

/** False of a counter that shows no energy anywhere: zero joules of it would be no measurement. */
function counts(source: EnergySource): boolean {
  if (source.method !== 'counter') return true
  const steps = counterSteps(source, source)
  const fault = counterFault(source, steps, 0, steps.t_ns.length - 1)
  return fault === null || fault === 'fell'
}

function commonSpan(recordings: readonly Recording[]): Span | null {
  if (recordings.length === 0) return null
  const start_ns = Math.max(...recordings.map(({ curve }) => curve.edge_ns[0] as number))
  const end_ns = Math.min(...recordings.map(({ curve }) => curve.edge_ns[curve.pieces] as number))
  return end_ns > start_ns ? { start_ns, end_ns } : null
}

/** Energy of the recordings over those parts of the spans that lie in the recorded one. */
export function recordedEnergy(
  { recordings, span: whole }: Recorded,
  spans: readonly Span[],
): Amount {
  if (whole === null) return { joules: null, reason: 'uncovered' }
  const spent = recordings.map(() => 0)
  let seconds = 0
  for (const span of spans) {
    const from = Math.max(span.start_ns, whole.start_ns)
    const to = Math.min(span.end_ns, whole.end_ns)
    if (to <= from) continue
    seconds += (to - from) / NS_PER_S
    for (const [i, { curve }] of recordings.entries()) {
      const found = integrate(curve, from, to)
      if (found.gap_s > 0) return { joules: null, reason: 'gap' }
      spent[i] = (spent[i] as number) + found.energy_j
    }
  }
  if (seconds === 0)
    return spans.some((s) => s.end_ns > s.start_ns)
      ? { joules: null, reason: 'uncovered' }
      : { joules: 0, seconds, parts: [], reason: null }
  return {
    joules: spent.reduce((a, b) => a + b, 0),
    seconds,
    parts: summed(recordings.map((r, i) => [sensorPart(r.source, spent[i] as number, seconds)])),
    reason: null,
  }
}

/**
 * Energy of one recording over a span that another's devices give: a host's counter or a node's meter beside the engine's GPUs. What
 * it lacks of the span at its ends, up to the longest hole that is bridged, was not recorded and is not in it.
 */
export function recordedWithin({ source, curve }: Recording, span: Span): Amount {
  const own = {
    start_ns: curve.edge_ns[0] as number,
    end_ns: curve.edge_ns[curve.pieces] as number,
  }
  const from = Math.max(span.start_ns, own.start_ns)
  const to = Math.min(span.end_ns, own.end_ns)
  const lacks_s = (span.end_ns - span.start_ns - Math.max(0, to - from)) / NS_PER_S
  if (to <= from || lacks_s > THRESHOLDS.bridge_s) return { joules: null, reason: 'uncovered' }
  return recordedEnergy({ recordings: [{ source, curve }], span: own }, [span])
}
