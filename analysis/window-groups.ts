import type { ScopedEnergy } from './energy/scoped-energy.ts'
import {
  dividedParts,
  repeatable,
  scaled,
  standard,
  summed,
  withRange,
} from './estimators/uncertainty.ts'
import type { Mark, MeasuredMark } from './marked-windows.ts'
import { metricOf, noMetric } from './metric-value.ts'
import type { Reason } from './schema/reason.ts'
import type { Component, MetricValue, WindowGroup } from './schema/summary.ts'
import type { Unit } from './schema/units.ts'
import { NS_PER_S } from './schema/units.ts'
import { sampleSd, sum } from './stats/moments.ts'
import { tQuantile } from './stats/student.ts'
import { THRESHOLDS } from './thresholds.ts'
import { windowSeconds } from './window.ts'

/**
 * The marked windows by name: sums, means and their ranges over the repeats, joules per token and request where the
 * program counted them. Windows that were not ended are counted only where none of their name was.
 * Source: docs/metrics.md, "Marked windows".
 */
export function windowGroups(measured: readonly MeasuredMark[]): WindowGroup[] {
  const names = [...new Set(measured.map((m) => m.mark.name))]
  return names.map((name) => {
    const all = measured.filter((m) => m.mark.name === name)
    const ended = all.filter((m) => m.mark.closed)
    return groupOf(name, ended.length > 0 ? ended : all, all.length - ended.length)
  })
}

type Counted = 'tokens' | 'requests'

function groupOf(name: string, windows: readonly MeasuredMark[], unclosed: number): WindowGroup {
  const marks = windows.map((w) => w.mark)
  const duration_s = sum(marks.map((m) => windowSeconds(m.window)))
  const scope = (of: 'compute' | 'gpu' | 'host') => windows.map((w) => w.energies?.[of] ?? null)
  const compute = pooled(scope('compute'), marks)
  const total = totalMetric(compute)
  const tokens = counted(marks, 'tokens')
  const requests = counted(marks, 'requests')
  return {
    name,
    n: windows.length,
    unclosed,
    duration_s,
    tokens,
    requests,
    metrics: {
      energy_compute_j: total,
      energy_compute_j_mean: meanMetric(compute),
      energy_gpu_j: totalMetric(pooled(scope('gpu'), marks)),
      energy_host_j: totalMetric(pooled(scope('host'), marks)),
      power_mean_w: per(total, 'W', duration_s, 'too_short'),
      energy_per_token_j: per(total, 'J/token', tokens, 'not_recorded'),
      energy_per_request_j: per(total, 'J/request', requests, 'not_recorded'),
      duration_s_mean: metricOf('s', duration_s / windows.length, { n: windows.length }),
    },
    devices: devicesOf(windows, marks),
  }
}

/** The windows' energies of one scope; or why there is no sum of them. */
interface Pool {
  readonly each_j: readonly number[]
  readonly parts: readonly Component[]
  readonly source: string | null
  readonly scope: string | null
  readonly reason: Reason | null
}

type Summand = Pick<ScopedEnergy, 'energy_j' | 'reason' | 'components' | 'source' | 'scope'> & {
  readonly period_ns: number
}

function pooled(energies: readonly (ScopedEnergy | null)[], marks: readonly Mark[]): Pool {
  return pool(
    energies.map(
      (e) =>
        e && {
          ...e,
          period_ns: Math.max(0, ...e.parts.map((p) => p.chosen?.origin.period_ns ?? 0)),
        },
    ),
    marks,
  )
}

function pool(all: readonly (Summand | null)[], marks: readonly Mark[]): Pool {
  const none = (reason: Reason): Pool => ({
    ...{ each_j: [], parts: [], source: null, scope: null },
    reason,
  })
  const known = all.filter((e) => e !== null)
  const missing = known.find((e) => e.energy_j === null)
  if (missing) return none(missing.reason ?? 'not_recorded')
  const [first] = known
  if (first === undefined) return none('too_short')
  const seconds = marks.map((m) => windowSeconds(m.window))
  const period_s = Math.max(...known.map((e) => e.period_ns)) / NS_PER_S
  // Of short windows only many together are told: what a source shows late or early then weighs little.
  const short = seconds.some((s) => s < THRESHOLDS.window_single_s)
  if (short && sum(seconds) < THRESHOLDS.phase_min_refreshes * period_s) return none('too_short')
  if (short && known.length < 2) return none('too_short')
  const words = (of: (e: Summand) => string | null) =>
    [...new Set(known.map(of).filter((w) => w !== null))].join('+') || null
  return {
    each_j: known.map((e) => e.energy_j as number),
    parts: summedWindows(known.map((e) => e.components)),
    source: words((e) => e.source),
    scope: words((e) => e.scope),
    reason: null,
  }
}

/**
 * Parts of a sum over windows of one device. A sensor's gain is common to them, and what a ring shows late has one sign:
 * both add up; the rest is as often one way as the other.
 */
function summedWindows(windows: readonly (readonly Component[])[]): Component[] {
  const late = (c: Component) => c.name === 'u_lag_j'
  const added = summed(
    windows.map((parts) => parts.map((c) => (late(c) ? { ...c, shared: true } : c))),
  )
  return added.map((c) => (late(c) ? { ...c, shared: false } : c))
}

function totalMetric(pool: Pool): MetricValue {
  if (pool.reason !== null) return noMetric('J', pool.reason)
  const { parts, source: provenance, scope } = pool
  const n = pool.each_j.length
  return withRange({ value: sum(pool.each_j), unit: 'J', parts, n, provenance, scope })
}

/**
 * Mean joules of a window. Its repeatable range is Student's t over the windows, or what is known of one's own doubt
 * where that is wider; the whole range adds what all of them share.
 */
function meanMetric(pool: Pool): MetricValue {
  if (pool.reason !== null) return noMetric('J', pool.reason)
  const n = pool.each_j.length
  const value = sum(pool.each_j) / n
  const parts = scaled(pool.parts, 1 / n)
  const sd = sampleSd(pool.each_j)
  const spread = sd === null ? 0 : (tQuantile(0.975, n - 1) * sd) / Math.sqrt(n)
  const repeat = Math.max(spread, 2 * repeatable(parts))
  const whole = Math.hypot(repeat, 2 * standard(parts.filter((c) => c.shared)))
  return {
    ...withRange({ value, unit: 'J', parts, n, provenance: pool.source, scope: pool.scope }),
    low: value - whole,
    high: value + whole,
    repeat_low: value - repeat,
    repeat_high: value + repeat,
  }
}

function per(total: MetricValue, unit: Unit, divisor: number | null, why: Reason): MetricValue {
  if (total.value === null) return noMetric(unit, total.reason ?? 'not_recorded')
  if (divisor === null) return noMetric(unit, why)
  if (divisor <= 0) return noMetric(unit, 'zero_denominator')
  return withRange({
    value: total.value / divisor,
    unit,
    parts: dividedParts({ value: total.value, parts: total.components ?? [] }, divisor, null, ''),
    n: unit === 'W' ? total.n : divisor,
    provenance: total.provenance,
    scope: total.scope ?? null,
  })
}

/** Of all windows together; null where one of them was not counted. */
function counted(marks: readonly Mark[], what: Counted): number | null {
  const counts = marks.map((m) => m[what])
  return counts.some((c) => c === null) ? null : sum(counts as number[])
}

function devicesOf(
  windows: readonly MeasuredMark[],
  marks: readonly Mark[],
): WindowGroup['devices'] {
  const ids = new Set(windows.flatMap((w) => w.energies?.devices.map((d) => d.device_id) ?? []))
  return [...ids].map((device_id) => {
    const each = windows.map((w) => {
      const found = w.energies?.devices.find((d) => d.device_id === device_id)
      return found ? { ...found, period_ns: found.chosen?.origin.period_ns ?? 0 } : null
    })
    const { value, low, high, reason } = totalMetric(pool(each, marks))
    return { device_id, energy_j: value, low, high, reason }
  })
}
