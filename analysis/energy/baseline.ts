import { curveOf } from '../estimators/energy-curve.ts'
import { energySources } from '../estimators/energy-source.ts'
import { sensorPart } from '../estimators/energy-uncertainty.ts'
import { integrate, type PowerCurve } from '../estimators/power-curve.ts'
import { choiceRank } from '../estimators/source-choice.ts'
import { scaled } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { mean, sampleSd } from '../stats/moments.ts'
import { idleAfter, phaseWindow, type Window } from '../window.ts'
import type { DeviceEnergy } from './device-energy.ts'

/** Mean power of one or more devices in a phase without load, and how sure it is. */
export interface IdlePower {
  readonly watts: number | null
  readonly reason: Reason | null
  readonly window: Window | null
  readonly source: string | null
  /** Of the mean, from the spread of one-second means. */
  readonly standard_error_w: number
  /** Least-squares slope × span, or what changed from before the load to after it, whichever is more. */
  readonly drift_w: number
  /** Spread of the one-second means, standard deviation. */
  readonly spread_w: number
  /** Means before and after the load, where both were recorded: `watts` is the middle of them. */
  readonly readings: { readonly before_w: number; readonly after_w: number } | null
  readonly components: readonly Component[]
}

const NONE: Omit<IdlePower, 'reason'> = {
  readings: null,
  watts: null,
  window: null,
  source: null,
  standard_error_w: 0,
  drift_w: 0,
  spread_w: 0,
  components: [],
}

/** Share of the phase that a source must cover: recording may begin within the first of them. */
const COVERAGE_SHARE = 0.9

type Metered = Pick<DeviceEnergy, 'device_id' | 'scope' | 'chosen'>

/**
 * Mean watts of one device in phase `baseline` (nothing loaded: cold) or `idle` (loaded, no requests: resident), by
 * the source that its energy was taken from, else by the best that covers the phase. Where idle was recorded after
 * the load too, the middle of both: what changed between them is taken to have changed evenly.
 * Source: docs/metrics.md, "Energy", idle_resident_w and u_baseline_j.
 */
export function idlePower(run: RunData, device: Metered, phase: 'baseline' | 'idle'): IdlePower {
  const before = idleWithin(run, device, phaseWindow(run, phase))
  if (phase === 'baseline') return before
  const after = idleWithin(run, device, idleAfter(run))
  if (before.watts === null) return after.watts === null ? before : after
  return after.watts === null ? before : middle(before, before.watts, after, after.watts)
}

function middle(before: IdlePower, before_w: number, after: IdlePower, after_w: number): IdlePower {
  const changed_w = after_w - before_w
  const watts = (before_w + after_w) / 2
  const doubt = {
    standard_error_w: Math.hypot(before.standard_error_w, after.standard_error_w) / 2,
    drift_w: Math.abs(changed_w) > Math.abs(before.drift_w) ? changed_w : before.drift_w,
  }
  const ofSensor = before.components.filter((c) => c.name === 'u_sensor_w')
  return {
    ...before,
    ...doubt,
    watts,
    spread_w: Math.max(before.spread_w, after.spread_w),
    readings: { before_w, after_w },
    components: [
      ...scaled(ofSensor, before_w === 0 ? 1 : watts / before_w),
      { name: 'u_baseline_w', value: baselineDoubt(doubt), shared: false },
    ],
  }
}

function idleWithin(run: RunData, device: Metered, window: Window | null): IdlePower {
  if (window === null) return { ...NONE, reason: 'not_recorded' }
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  const others = energySources(run, device.device_id)
    .filter((s) => device.scope === null || s.scope === device.scope)
    .sort((a, b) => choiceRank(a) - choiceRank(b))
  const own = device.chosen === null ? [] : [device.chosen.origin]
  for (const source of [...own, ...others]) {
    const curve = curveOf(source, window.start_ns, window.end_ns)
    const found = integrate(curve, window.start_ns, window.end_ns)
    const held_s = found.covered_s + found.bridged_s
    if (held_s < COVERAGE_SHARE * seconds) continue
    const watts = found.energy_j / held_s
    const { name: _, ...part } = sensorPart(source, watts, 1)
    const steadiness = blocks(curve, window)
    return {
      watts,
      reason: null,
      window,
      source: source.source,
      readings: null,
      ...steadiness,
      components: [
        { name: 'u_sensor_w', ...part },
        { name: 'u_baseline_w', value: baselineDoubt(steadiness), shared: false },
      ],
    }
  }
  return { ...NONE, window, reason: 'uncovered' }
}

/** Standard uncertainty of the mean power: block standard error and an evenly spread drift. */
export const baselineDoubt = (idle: Pick<IdlePower, 'standard_error_w' | 'drift_w'>): number =>
  Math.sqrt(idle.standard_error_w ** 2 + idle.drift_w ** 2 / 12)

/** One-second means: their standard error, spread and drift. */
function blocks(
  curve: PowerCurve,
  window: Window,
): Pick<IdlePower, 'standard_error_w' | 'drift_w' | 'spread_w'> {
  const means: number[] = []
  for (let at = window.start_ns; at + NS_PER_S <= window.end_ns; at += NS_PER_S) {
    const second = integrate(curve, at, at + NS_PER_S)
    const held_s = second.covered_s + second.bridged_s
    if (held_s > 0) means.push(second.energy_j / held_s)
  }
  const spread_w = sampleSd(means) ?? 0
  return {
    spread_w,
    standard_error_w: means.length > 0 ? spread_w / Math.sqrt(means.length) : 0,
    drift_w: slope(means) * means.length,
  }
}

function slope(values: readonly number[]): number {
  const centre = mean(values) ?? 0
  const middle = (values.length - 1) / 2
  let xy = 0
  let xx = 0
  for (const [x, y] of values.entries()) {
    xy += (x - middle) * (y - centre)
    xx += (x - middle) ** 2
  }
  return xx === 0 ? 0 : xy / xx
}

/** Idle power of several devices together: null where one lacks it. */
export function summedIdle(parts: readonly IdlePower[], components: Component[]): IdlePower {
  const missing = parts.find((p) => p.watts === null)
  const first = parts[0]
  if (first === undefined) return { ...NONE, reason: 'no_device' }
  if (missing !== undefined) return { ...NONE, window: missing.window, reason: missing.reason }
  const total = (of: (p: IdlePower) => number) => parts.reduce((n, p) => n + of(p), 0)
  return {
    watts: total((p) => p.watts ?? 0),
    reason: null,
    window: first.window,
    source: [...new Set(parts.map((p) => p.source))].join('+'),
    standard_error_w: Math.hypot(...parts.map((p) => p.standard_error_w)),
    drift_w: Math.hypot(...parts.map((p) => p.drift_w)),
    spread_w: total((p) => p.spread_w),
    readings: parts.every((p) => p.readings !== null)
      ? {
          before_w: total((p) => p.readings?.before_w ?? 0),
          after_w: total((p) => p.readings?.after_w ?? 0),
        }
      : null,
    components,
  }
}
