import { type WallTime, wallTime } from '../cost/wall-time.ts'
import { curveOf } from '../estimators/energy-curve.ts'
import { integrate } from '../estimators/power-curve.ts'
import { standard, summed } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import { usedDevices } from '../readings/used-devices.ts'
import { type Answer, answersOf } from '../requests/answer.ts'
import { completedWithin } from '../requests/ended-within.ts'
import { isGood } from '../requests/goodput.ts'
import { tokensWithin } from '../requests/prefill-balance.ts'
import { countTokens } from '../requests/tokens.ts'
import {
  type Boundary,
  type ComponentName,
  type EnergyMethod,
  type EnergyTimeline,
  energyTimelineSchema,
} from '../schema/energy-timeline.ts'
import { instantText } from '../schema/instant.ts'
import { NS_PER_MS, UJ_PER_J } from '../schema/units.ts'
import { chooseWindow, recordedPhases, type Window, windowSeconds } from '../window.ts'
import { countedPart, type Metered, recordedPart } from './boundary-energy.ts'

export interface TimelineOptions {
  /** `window`: what the summary counts; `recorded`: all of which the energy is known, load and warm-up too. */
  readonly span?: EnergyTimeline['span']
  /** null: the widest that was measured. */
  readonly boundary?: Boundary | null
  /** Length of an interval at most, a divisor of 60. */
  readonly step_min?: number
}

/**
 * Energy of a run over wall time: by component, in intervals cut at the hours of UTC, in whole microjoules that add up to
 * the energy of the summary. The boundary is the widest that was measured: the node at its meter, else GPUs and host,
 * else what the engine computes on.
 * Source: docs/cost.md, "Energy of a run".
 */
export function energyTimeline(run: RunData, options: TimelineOptions = {}): EnergyTimeline {
  const { span = 'window', boundary = null, step_min = 60 } = options
  const answers = answersOf(run)
  const counting = chooseWindow(run, answers).window
  const found =
    span === 'recorded'
      ? recordedPart(run, counting ?? recordedPhases(run), boundary)
      : counting === null
        ? null
        : countedPart(run, counting, boundary)
  const gpus = usedGpus(run)
  const window = found?.window ?? null
  const base = {
    run_id: run.run_id,
    span,
    gpus,
    seconds: window === null ? 0 : windowSeconds(window),
    ...counted(run, answers, window),
    gpu_hours_reserved: window === null ? null : (gpus * windowSeconds(window)) / 3600,
  }
  if (found === null || window === null)
    return energyTimelineSchema.parse({
      ...base,
      boundary: boundary ?? (gpus > 0 ? 'gpu' : 'cpu'),
      intervals: [{ from: null, to: null, energies: nothing(gpus, 'no_window') }],
    })
  const wall = wallTime(run)
  const spans = wall === null ? [window] : cutAtHours(window, wall, step_min)
  const energies = found.reason === null ? componentEnergies(found.meters, window, spans) : []
  return energyTimelineSchema.parse({
    ...base,
    boundary: found.boundary,
    boundary_partial: found.boundary !== 'node',
    intervals: spans.map((s, i) => ({
      from: wall === null ? null : instantText(Math.round(wall.at(s.start_ns))),
      to: wall === null ? null : instantText(Math.round(wall.at(s.end_ns))),
      energies:
        found.reason !== null
          ? nothing(gpus, found.reason)
          : Object.fromEntries(
              energies.map((e) => [
                e.name,
                { energy_uj: e.each_uj[i] as number, method: e.method, reason: null },
              ]),
            ),
    })),
    u: Object.fromEntries(energies.map((e) => [e.name, e.u])),
    notes: [
      ...(wall === null ? ['The run does not tell its wall time.'] : []),
      ...(wall?.note == null ? [] : [wall.note]),
    ],
  })
}

const nothing = (gpus: number, reason: string | null) => ({
  [gpus > 0 ? 'gpu' : 'cpu']: { energy_uj: null, reason: reason ?? 'not_recorded', method: null },
})

const COMPONENT_OF: Readonly<Record<string, ComponentName>> = {
  package: 'cpu',
  dram: 'dram',
  node: 'node',
  supply: 'node',
  platform: 'node',
}

interface ComponentEnergy {
  readonly name: ComponentName
  readonly method: EnergyMethod
  readonly u: number
  readonly each_uj: readonly number[]
}

/** The meters of the boundary by component; each interval's share by the same sensors, the sum as over the whole. */
function componentEnergies(
  meters: readonly Metered[],
  window: Window,
  spans: readonly Window[],
): ComponentEnergy[] {
  const groups = new Map<ComponentName, Metered[]>()
  for (const meter of meters) {
    const name = COMPONENT_OF[meter.scope ?? ''] ?? 'gpu'
    groups.set(name, [...(groups.get(name) ?? []), meter])
  }
  return [...groups].map(([name, parts]) => {
    const joules = parts.reduce((sum, p) => sum + p.energy_j, 0)
    const weights = spans.length === 1 ? [1] : shares(parts, spans)
    const even = spans.map((s) => windowSeconds(s) / windowSeconds(window))
    return {
      name,
      method: methodOf(parts),
      u: joules === 0 ? 0 : standard(summed(parts.map((p) => p.components))) / Math.abs(joules),
      each_uj: inWholes(Math.round(joules * UJ_PER_J), weights ?? even),
    }
  })
}

/** Each interval's share of the meters' energy, by the curve of power of the source that was chosen for the whole. */
function shares(parts: readonly Metered[], spans: readonly Window[]): number[] | null {
  const first = spans[0]?.start_ns ?? 0
  const last = spans.at(-1)?.end_ns ?? 0
  const curves = parts.flatMap(({ origin }) =>
    origin === null ? [] : [curveOf(origin, first, last)],
  )
  const joules = spans.map((s) =>
    curves.reduce((sum, c) => sum + Math.max(0, integrate(c, s.start_ns, s.end_ns).energy_j), 0),
  )
  const whole = joules.reduce((a, b) => a + b, 0)
  return whole > 0 ? joules.map((j) => j / whole) : null
}

/** A whole number in whole parts that add up to it. */
export function inWholes(whole: number, weights: readonly number[]): number[] {
  let weight = 0
  let given = 0
  return weights.map((w, i) => {
    weight += w
    const until = i === weights.length - 1 ? whole : Math.round(whole * weight)
    const own = until - given
    given = until
    return own
  })
}

function methodOf(parts: readonly Metered[]): EnergyMethod {
  if (parts.some((p) => !p.measured)) return 'modelled'
  if (!parts.every((p) => p.method === 'counter')) return 'power_integral'
  return parts.every((p) => p.scope === 'package' || p.scope === 'dram') ? 'rapl' : 'counter'
}

/** A window cut at the hours of UTC, or at what parts of them. */
function cutAtHours(window: Window, wall: WallTime, step_min: number): Window[] {
  const step_ms = step_min * 60_000
  const cuts: number[] = []
  const from_ms = wall.at(window.start_ns)
  const to_ms = wall.at(window.end_ns)
  for (let at = (Math.floor(from_ms / step_ms) + 1) * step_ms; at < to_ms; at += step_ms)
    cuts.push(timeOf(window, wall, at))
  // What rounds to no millisecond is no interval.
  const inside = cuts.filter(
    (t) => t - window.start_ns >= NS_PER_MS && window.end_ns - t >= NS_PER_MS,
  )
  const edges = [window.start_ns, ...inside, window.end_ns]
  return edges
    .slice(1)
    .map((end_ns, i) => ({ start_ns: edges[i] as number, end_ns, rule: window.rule }))
}

/** The run's time at which the wall shows an instant, by halving: the wall's clock may run a little fast or slow. */
function timeOf(window: Window, wall: WallTime, at_ms: number): number {
  let low = window.start_ns
  let high = window.end_ns
  while (high - low > 1) {
    const mid = Math.floor((low + high) / 2)
    if (wall.at(mid) < at_ms) low = mid
    else high = mid
  }
  return high
}

function counted(run: RunData, answers: readonly Answer[], window: Window | null) {
  const none = { input: null, output: null, good: null }
  if (window === null || answers.length === 0)
    return { tokens: none, requests: null, requests_good: null }
  const { input, output, completed } = countTokens(run, answers, window)
  const limits = run.experiment.slo
  const good = answers
    .filter((a) => isGood(a, limits))
    .reduce((sum, a) => sum + tokensWithin(a, window), 0)
  return {
    tokens: { input, output, good },
    requests: completed,
    requests_good: completedWithin(answers, window).filter((a) => isGood(a, limits)).length,
  }
}

/** Whole GPUs that the engine computes on: a part of one reserves all of it. */
function usedGpus(run: RunData): number {
  const whole = usedDevices(run).flatMap((id) => {
    const device = run.devices.find((d) => d.device_id === id)
    if (device?.kind === 'gpu') return [id]
    return device?.kind === 'gpu_instance' ? [device.parent_device_id ?? id] : []
  })
  return new Set(whole).size
}
