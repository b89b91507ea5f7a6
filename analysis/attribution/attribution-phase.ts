import type { DeviceEnergy } from '../energy/device-energy.ts'
import { measurable } from '../energy/energy-scope.ts'
import type { ScopedEnergy } from '../energy/scoped-energy.ts'
import { sensorPart } from '../estimators/energy-uncertainty.ts'
import { wattsAt } from '../estimators/power-curve.ts'
import { summed } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import type { Span } from '../requests/run-span.ts'
import { type Maybe, unknown } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { type JouleCurve, joulesWithin } from './attribution-curve.ts'

/** Joules of one phase of all the requests of a window, with the parts of their uncertainty. */
export type PhaseEnergy = Maybe<{ readonly energy_j: number; readonly parts: readonly Component[] }>

export interface Attribution {
  readonly method: 'disaggregated' | 'exclusive' | 'regression'
  readonly prefill: PhaseEnergy
  readonly decode: PhaseEnergy
  /** What of decode is each request's, where engine steps tell more than its tokens do. */
  readonly decodeWeight?: (a: Answer, span: Span | null) => number
}

/** The first token is the prefill's, but a regression on tokens has all of them in one column. */
export const holdsAllTokens = ({ method, decodeWeight }: Attribution): boolean =>
  method === 'regression' && decodeWeight === undefined

type Phase = 'prefill' | 'decode'

/**
 * Joules of prefill and decode where different devices do them: those of the workers of each phase, as measured.
 * null where the processes name no such division, or one device does both.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function disaggregated(run: RunData, energy: ScopedEnergy): Attribution | null {
  const of = (phase: Phase) => energy.parts.filter((p) => doing(run, phase).has(p.device_id))
  const [prefill, decode] = [of('prefill'), of('decode')]
  if (prefill.length === 0 || decode.length === 0) return null
  if (prefill.some((p) => decode.includes(p))) return null
  return { method: 'disaggregated', prefill: together(prefill), decode: together(decode) }
}

/** The devices whose energy stands for the workers of a phase. */
const doing = (run: RunData, phase: Phase): ReadonlySet<string> =>
  new Set(
    run.processes
      .filter((p) => p.role === 'worker' && p.phase === phase)
      .flatMap((p) => p.device_ids.map((id) => measurable(run, id))),
  )

function together(devices: readonly DeviceEnergy[]): PhaseEnergy {
  const energy_j = devices.reduce((sum, d) => sum + (d.energy_j ?? 0), 0)
  return { value: { energy_j, parts: summed(devices.map((d) => d.components)) }, reason: null }
}

/**
 * Gross joules of prefill (sent to first token) and decode (first to last token), where at most one request is in
 * flight: each phase's spans, clipped to the window, integrated and pooled. What lies between requests is neither.
 * A pool shorter than 20 refresh periods of the source is `too_short`.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function exclusive(
  curves: readonly JouleCurve[],
  answers: readonly Answer[],
  window: Span,
): Attribution {
  const prefill: Span[] = []
  const decode: Span[] = []
  for (const a of answers) {
    if (a.sent_ns === null || a.first_ns === null || a.last_ns === null) continue
    clip(a.sent_ns, a.first_ns, window, prefill)
    clip(a.first_ns, a.last_ns, window, decode)
  }
  return { method: 'exclusive', prefill: pooled(curves, prefill), decode: pooled(curves, decode) }
}

/** The part of a span within a window, if any, added to a list. */
export function clip(start_ns: number, end_ns: number, window: Span, into: Span[]): void {
  const from = Math.max(start_ns, window.start_ns)
  const to = Math.min(end_ns, window.end_ns)
  if (to > from) into.push({ start_ns: from, end_ns: to })
}

function pooled(curves: readonly JouleCurve[], spans: readonly Span[]): PhaseEnergy {
  return longEnough(curves, spans)
    ? { value: spansEnergy(curves, spans), reason: null }
    : unknown('too_short')
}

/** Whether spans together hold 20 refresh periods of the slowest source. */
export function longEnough(curves: readonly JouleCurve[], spans: readonly Span[]): boolean {
  const resolution_ns = Math.max(...curves.map((c) => c.resolution_ns))
  const length_ns = lengthOf(spans)
  return length_ns > 0 && length_ns >= THRESHOLDS.phase_min_refreshes * resolution_ns
}

const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, s) => sum + s.end_ns - s.start_ns, 0)

/** Joules of all the devices within spans, however short. */
export function spansEnergy(
  curves: readonly JouleCurve[],
  spans: readonly Span[],
): { readonly energy_j: number; readonly parts: readonly Component[] } {
  const seconds = lengthOf(spans) / NS_PER_S
  const devices = curves.map((curve) => {
    let energy_j = 0
    let edges = 0
    for (const { start_ns, end_ns } of spans) {
      energy_j += joulesWithin([curve], start_ns, end_ns)
      edges += edgeDoubt(curve, start_ns) ** 2 + edgeDoubt(curve, end_ns) ** 2
    }
    const sensor = sensorPart(curve.source, energy_j, seconds)
    const edge: Component = { name: 'u_edge_j', value: Math.sqrt(edges), shared: false }
    return { energy_j, parts: edges > 0 ? [sensor, edge] : [sensor] }
  })
  const energy_j = devices.reduce((sum, d) => sum + d.energy_j, 0)
  return { energy_j, parts: summed(devices.map((d) => d.parts)) }
}

/** Watt step around an instant × period / 2 / root 3: the reading over it belongs to both sides. */
function edgeDoubt({ curve, resolution_ns }: JouleCurve, t_ns: number): number {
  const before = wattsAt(curve, t_ns - resolution_ns)
  const after = wattsAt(curve, t_ns + resolution_ns)
  if (before === null || after === null) return 0
  return (Math.abs(after - before) * (resolution_ns / NS_PER_S)) / 2 / Math.sqrt(3)
}
