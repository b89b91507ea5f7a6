import type { RunData } from '../readings/run-data.ts'
import { pooledLatencyOf } from '../requests/latency.ts'
import type { Finding, FindingCode } from '../schema/finding.ts'
import type { Reason } from '../schema/reason.ts'
import {
  type Definition,
  definitionSchema,
  type MetricValue,
  type Summary,
} from '../schema/summary.ts'
import type { Unit } from '../schema/units.ts'
import { meanInterval } from '../stats/cycles.ts'
import { mean } from '../stats/moments.ts'
import { chooseWindow } from '../window.ts'

/** A metric over the cycles of one experiment. */
export interface AggregateMetric {
  readonly mean: number | null
  /** 95 %, the sensor's shared part included; null with one cycle. */
  readonly low: number | null
  readonly high: number | null
  /** 95 % over cycles alone: what a repetition would show. */
  readonly repeat_low: number | null
  readonly repeat_high: number | null
  /** Sample sd / absolute mean. */
  readonly cv: number | null
  /** Cycles that have the metric. */
  readonly n: number
  readonly unit: Unit
  readonly reason: Reason | null
}

export interface Aggregate {
  readonly experiment_key: string
  readonly run_ids: readonly string[]
  /** Runs that were left out as invalid, with their codes. */
  readonly excluded: readonly { readonly run_id: string; readonly codes: readonly FindingCode[] }[]
  readonly cycles: number
  readonly valid: boolean
  readonly metrics: Readonly<Record<string, AggregateMetric>>
  readonly findings: readonly Finding[]
}

/**
 * One experiment over its runs: cycles replicate, requests do not. Invalid runs are left out and named, unless
 * all are; then the aggregate is invalid as they are.
 * @throws RangeError where there is no summary or they are of different experiments (names the keys)
 * Source: docs/metrics.md, "Late aggregation", cycles.
 */
export function aggregateRuns(summaries: readonly Summary[]): Aggregate {
  const [first] = summaries
  if (!first) throw new RangeError('There is no run to aggregate; give at least one summary.')
  const other = summaries.find((s) => s.experiment_key !== first.experiment_key)
  if (other)
    throw new RangeError(
      `Runs of experiments ${first.experiment_key} and ${other.experiment_key} can't be one; aggregate each apart.`,
    )
  const valid = summaries.filter((s) => s.valid)
  const used = valid.length > 0 ? valid : summaries
  const mixed = mixedDefinition(used)
  const keys = new Set(used.flatMap((s) => Object.keys(s.metrics)))
  return {
    experiment_key: first.experiment_key,
    run_ids: used.map((s) => s.run_id),
    excluded: summaries
      .filter((s) => !used.includes(s))
      .map((s) => ({ run_id: s.run_id, codes: codesOf(s, 'invalid') })),
    cycles: used.length,
    valid: valid.length > 0 && mixed.length === 0,
    metrics: Object.fromEntries(
      [...keys].sort().map((key) => [key, overCycles(used.flatMap((s) => s.metrics[key] ?? []))]),
    ),
    findings: [...mixed, ...united(used), ...fewCycles(used.length)],
  }
}

/** One metric over the cycles of an experiment, each a value with its ranges; those that are null are left out. */
export function overCycles(rows: readonly MetricValue[]): AggregateMetric {
  const known = rows.filter((m) => m.value !== null)
  const unit = rows[0]?.unit ?? '1'
  const interval = meanInterval(known.map((m) => m.value as number))
  if (interval === null)
    return {
      mean: null,
      low: null,
      high: null,
      repeat_low: null,
      repeat_high: null,
      cv: null,
      n: 0,
      unit,
      reason: rows[0]?.reason ?? 'not_recorded',
    }
  const shared = 2 * (mean(known.map(sharedPart)) ?? 0)
  const { low, high } = interval
  return {
    mean: interval.mean,
    low: low === null ? null : interval.mean - Math.hypot(interval.mean - low, shared),
    high: high === null ? null : interval.mean + Math.hypot(high - interval.mean, shared),
    repeat_low: low,
    repeat_high: high,
    cv: interval.cv,
    n: known.length,
    unit,
    reason: null,
  }
}

/**
 * Standard uncertainty that all runs of a device share, in the metric's unit: its components, or, where only
 * ranges are given, what the whole one has beyond the repeatable one.
 */
function sharedPart(m: MetricValue): number {
  const parts = (m.components ?? []).filter((c) => c.shared)
  if (parts.length > 0) return Math.hypot(...parts.map((c) => c.value))
  if (m.low === null || m.high === null || m.repeat_low === null || m.repeat_high === null) return 0
  const whole = (m.high - m.low) / 4
  const repeatable = (m.repeat_high - m.repeat_low) / 4
  return Math.sqrt(Math.max(0, whole ** 2 - repeatable ** 2))
}

const codesOf = (s: Summary, severity: Finding['severity']): FindingCode[] => [
  ...new Set(s.findings.filter((f) => f.severity === severity).map((f) => f.code)),
]

/** Each code and severity once, with the runs that have it. */
function united(summaries: readonly Summary[]): Finding[] {
  const byCode = new Map<string, { finding: Finding; run_ids: string[] }>()
  for (const s of summaries)
    for (const finding of s.findings) {
      const key = `${finding.code} ${finding.severity}`
      const known = byCode.get(key)
      if (known === undefined) byCode.set(key, { finding, run_ids: [s.run_id] })
      else if (!known.run_ids.includes(s.run_id)) known.run_ids.push(s.run_id)
    }
  return [...byCode.values()].map(({ finding, run_ids }) => ({
    ...finding,
    evidence: { ...finding.evidence, run_ids },
  }))
}

/** What must be alike of runs that are counted as one; what a run does not say contradicts nothing. */
function mixedDefinition(summaries: readonly Summary[]): Finding[] {
  const fields = Object.keys(definitionSchema.shape) as (keyof Definition)[]
  return fields.flatMap((field): Finding[] => {
    const byValue = new Map<string, string[]>()
    for (const { run_id, definition } of summaries) {
      const value = definition?.[field] ?? null
      if (value !== null) byValue.set(value, [...(byValue.get(value) ?? []), run_id])
    }
    if (byValue.size < 2) return []
    const values = [...byValue].map(([value, runs]) => `${value} in ${runs[0]}`)
    return [
      {
        code: 'mixed_definition',
        severity: 'invalid',
        message: `The runs differ in ${field.replace('_', ' ')} (${values.join('; ')}), so their mean is of no one thing. Aggregate each apart.`,
        evidence: { field, run_ids: Object.fromEntries(byValue) },
      },
    ]
  })
}

function fewCycles(cycles: number): Finding[] {
  if (cycles >= 3) return []
  const how =
    cycles === 1 ? 'One cycle has no interval over cycles' : 'Two cycles give a very wide interval'
  return [
    {
      code: 'ci_unreliable',
      severity: 'info',
      message: `${how}; a claim needs five, paired. Set repeat.cycles.`,
      evidence: { cycles },
    },
  ]
}

/**
 * Latency distributions of several runs of one experiment as one: requests and gaps are pooled before any
 * statistic is taken. Keys and rules as `latencyMetrics`; each run counts in its own window.
 */
export function pooledLatency(runs: readonly RunData[]): Record<string, MetricValue> {
  return pooledLatencyOf(runs.map((run) => ({ run, window: chooseWindow(run).window })))
}
