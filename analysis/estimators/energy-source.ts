import type { RunData } from '../readings/run-data.ts'
import { type Series, seriesOf } from '../readings/sample-table.ts'
import type { Calibration } from '../schema/calibration.ts'
import type { SensorRow } from '../schema/sensor.ts'
import { NS_PER_MS } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { calibrationFor } from './calibration.ts'
import { type Meaning, meaningOf } from './energy-metric.ts'
import { byProcess, mergedByCoverage, type Spacing } from './merge-series.ts'
import { firstAbove, firstAtLeast } from './power-curve.ts'
import { methodOf, type SourceKind, type SourceMethod, sourceKind } from './source-choice.ts'

/** One source of one device's energy, in its own unit, with what is known of it. */
export interface EnergySource {
  readonly device_id: string
  /** Where it comes from: the sensor's `source`, or the metric where no sensor is described. */
  readonly source: string
  readonly scope: string
  readonly method: SourceMethod
  /** Of a spliced source those that it is made of, best first. */
  readonly members?: readonly EnergySource[]
  /** False for an estimate: shown, never counted in totals. */
  readonly measured: boolean
  readonly t_ns: Float64Array
  readonly value: Float64Array
  /** Readings times this are watts (joules of a counter). */
  readonly factor: number
  /** Refresh period; of a poll the usual spacing. */
  readonly period_ns: number
  /** Half the averaging span: by so much the readings are late. */
  readonly shift_ns: number
  /** By how much its readings may be older than their stamps, at most: of a meter its refresh and half its answer. */
  readonly lag_ns: number
  /** Where a counter wraps, in its own unit; null: never. */
  readonly range: number | null
  /** The most that can be drawn, W; null: not told. */
  readonly max_w: number | null
  /** Bound of the relative error, and of the absolute one. */
  readonly gain_rel: number
  readonly offset_w: number
  /** Share of each period that it looks at; null: not known. */
  readonly duty: number | null
  /** What it was found to be wrong by; null: only the bounds above are known. */
  readonly calibration: Calibration | null
  /** True where the error was measured against a meter. */
  readonly calibrated: boolean
  readonly failure: string | null
}

/**
 * Every source of energy of a run, or of one device of it. Readings of one device, source and scope are one source, whoever recorded them:
 * two samplers of one GPU are merged by coverage, never added.
 */
export function energySources(run: RunData, device_id: string | null = null): EnergySource[] {
  const groups = new Map<string, { row: SensorRow | null; series: Series[] }>()
  for (const series of seriesOf(run.samples)) {
    if (meaningOf(series.metric) === undefined || series.t_ns.length === 0) continue
    if (device_id !== null && series.device_id !== device_id) continue
    const row = sensorOf(run, series)
    const key = JSON.stringify([series.device_id, series.metric, row?.source, row?.scope])
    const group = groups.get(key)
    if (group) group.series.push(...byProcess(series))
    else groups.set(key, { row, series: byProcess(series) })
  }
  return [...groups.values()].map(({ row, series }) =>
    describe(
      run,
      row,
      series.length === 1
        ? (series[0] as Series)
        : mergedByCoverage(series, spacingOf(row, series)),
    ),
  )
}

/** The rows from the last one at or before `start_ns` to the first at or after `end_ns`, and one more each way. */
export function rowsAround(
  source: EnergySource,
  start_ns: number,
  end_ns: number,
): { t_ns: Float64Array; value: Float64Array } {
  const { t_ns, value } = source
  const readable = (i: number) => Number.isFinite(value[i])
  let from = firstAbove(t_ns, start_ns) - 1
  let to = firstAtLeast(t_ns, end_ns)
  // A failed reading brackets nothing: on to the next good one, and past it.
  for (let extra = 2; from > 0 && extra > 0; from--) if (readable(from)) extra--
  for (let extra = 2; to < t_ns.length && extra > 0; to++) if (readable(to)) extra--
  return {
    t_ns: t_ns.subarray(Math.max(from, 0), to),
    value: value.subarray(Math.max(from, 0), to),
  }
}

function sensorOf(run: RunData, series: Series): SensorRow | null {
  if (series.sensor_id !== null)
    return run.sensors.find((s) => s.sensor_id === series.sensor_id) ?? null
  const rows = run.sensors.filter(
    (s) => s.device_id === series.device_id && s.metric === series.metric,
  )
  return rows.length === 1 ? (rows[0] as SensorRow) : null
}

function describe(run: RunData, row: SensorRow | null, series: Series): EnergySource {
  const meaning = meaningOf(series.metric) as Meaning
  const { source, scope, method, measured, averaging_ms } = sourceKind(
    series.metric,
    row,
  ) as SourceKind
  const period_ms = row?.period_ms ?? meaning.period_ms
  const calibration = calibrationFor(run, series.device_id, source)
  // NVIDIA states watts beside the share; RAPL and meters err in proportion.
  const isGpu = series.metric.startsWith('gpu_')
  return {
    device_id: series.device_id,
    source,
    scope,
    method,
    measured,
    t_ns: series.t_ns,
    value: series.value,
    factor: 1 / meaning.per_unit,
    period_ns:
      period_ms === null || method === 'poll' ? usualSpacing(series.t_ns) : period_ms * NS_PER_MS,
    shift_ns: method === 'poll' ? (averaging_ms * NS_PER_MS) / 2 : 0,
    lag_ns: lagOf(run, row),
    range: row?.range ?? null,
    max_w: row?.max_w ?? null,
    gain_rel:
      row?.accuracy?.gain_rel ?? (measured ? THRESHOLDS.sensor_gain : THRESHOLDS.estimate_gain),
    offset_w: row?.accuracy?.offset_w ?? (isGpu ? THRESHOLDS.sensor_offset_w : 0),
    duty: row?.duty ?? null,
    calibration,
    calibrated: calibration !== null || row?.accuracy?.basis === 'measured',
    failure: series.failure,
  }
}

/** What the sensor states, and half of the longest time that it took to answer: its stamp is the middle of that. */
function lagOf(run: RunData, row: SensorRow | null): number {
  if (row?.lag_ms == null) return 0
  const spans = run.sensors.filter(
    (s) => s.metric === 'meter_span_ms' && s.device_id === row.device_id && s.source === row.source,
  )
  const longest_ms = seriesOf(run.samples)
    .filter((series) => spans.some((s) => s.sensor_id === series.sensor_id))
    .flatMap((series) => [...series.value].filter(Number.isFinite))
    .reduce((a, b) => Math.max(a, b), 0)
  return (row.lag_ms + longest_ms / 2) * NS_PER_MS
}

/** Median distance of the first readings; 0 of a single one. */
function usualSpacing(t_ns: Float64Array): number {
  const gaps: number[] = []
  for (let i = 1; i < t_ns.length && gaps.length < 501; i++) {
    const gap = (t_ns[i] as number) - (t_ns[i - 1] as number)
    if (gap > 0) gaps.push(gap)
  }
  gaps.sort((a, b) => a - b)
  return gaps[gaps.length >> 1] ?? 0
}

/** Of all recordings the closest readings say how far apart they are meant to be. */
function spacingOf(row: SensorRow | null, series: readonly Series[]): Spacing {
  const { method, period_ms } = meaningOf((series[0] as Series).metric) as Meaning
  const stated_ms = row?.period_ms ?? period_ms
  const isRing = methodOf(method, row?.source ?? '') === 'ring'
  const period_ns = isRing && stated_ms !== null ? stated_ms * NS_PER_MS : 0
  const usual = series.map((s) => usualSpacing(s.t_ns)).filter((gap) => gap > 0)
  const apart_ns = period_ns > 0 ? period_ns : Math.min(...usual)
  return {
    period_ns,
    longest_ns: usual.length === 0 ? 0 : THRESHOLDS.ring_gap_periods * apart_ns,
  }
}
