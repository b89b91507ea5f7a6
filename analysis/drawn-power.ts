import { wattsOf } from './estimators/energy-metric.ts'
import { firstAbove } from './estimators/power-curve.ts'
import { inPowerOrder, type SourceKind, sourceKind } from './estimators/source-choice.ts'
import type { RunData } from './readings/run-data.ts'
import { type Series, seriesOf } from './readings/sample-table.ts'
import { NS_PER_S } from './schema/units.ts'
import { THRESHOLDS } from './thresholds.ts'

/** Power of one device as it is drawn. */
export interface PowerSeries {
  readonly series: Pick<Series, 'device_id' | 'sensor_id' | 't_ns'>
  readonly source: string | null
  readonly watts: Float64Array
}

interface Candidate extends SourceKind {
  readonly series: Series
  /** null: no sensor is described. */
  readonly name: string | null
}

/**
 * One power series of each device, its best source's; a counter shows its mean power between readings. Where that source was not
 * read for longer than any hole that is bridged, the next of its scope is drawn, as joules are taken from it.
 */
export function powerSeries(run: RunData): PowerSeries[] {
  return [...candidatesOf(run)].map(([device_id, sources]) => {
    const kind = run.devices.find((d) => d.device_id === device_id)?.kind ?? ''
    // Of equal ones the fuller.
    sources.sort((a, b) => b.series.t_ns.length - a.series.t_ns.length)
    const [best, ...others] = inPowerOrder(kind, sources) as [Candidate, ...Candidate[]]
    if (!isPower(best)) return drawn(best)
    return others
      .filter((s) => isPower(s) && s.scope === best.scope && s.measured === best.measured)
      .map(drawn)
      .reduce(filled, drawn(best))
  })
}

function candidatesOf(run: RunData): Map<string, Candidate[]> {
  const rows = new Map(run.sensors.map((s) => [s.sensor_id, s]))
  const ofDevice = new Map<string, Candidate[]>()
  for (const series of seriesOf(run.samples)) {
    const row = series.sensor_id === null ? null : (rows.get(series.sensor_id) ?? null)
    const kind = sourceKind(series.metric, row)
    if (kind === undefined) continue
    const known = ofDevice.get(series.device_id) ?? []
    ofDevice.set(series.device_id, [...known, { ...kind, series, name: row?.source ?? null }])
  }
  return ofDevice
}

const isPower = ({ method }: Candidate): boolean => method === 'ring' || method === 'poll'

const drawn = ({ series, name }: Candidate): PowerSeries => ({
  series,
  source: name,
  watts: wattsOf(series) ?? new Float64Array(),
})

/** A series with another's good readings where it has none for longer than the longest hole; itself where there are none. */
function filled(base: PowerSeries, other: PowerSeries): PowerSeries {
  const own = pointsOf(base)
  const more = pointsOf(other)
  const read = own.map((p) => p.t)
  const edges = [...read, ...[more[0], more.at(-1)].flatMap((p) => p?.t ?? [])]
  edges.sort((a, b) => a - b)
  const longest_ns = THRESHOLDS.bridge_s * NS_PER_S
  const inHoles = more.filter(({ t }) => {
    if (read[firstAbove(read, t) - 1] === t) return false
    const k = Math.min(firstAbove(edges, t), edges.length - 1)
    return (edges[k] as number) - (edges[k - 1] as number) > longest_ns
  })
  if (inHoles.length === 0) return base
  const all = [...own, ...inHoles].sort((a, b) => a.t - b.t)
  return {
    series: { ...base.series, t_ns: Float64Array.from(all, (p) => p.t) },
    source: [base.source, other.source].filter((s) => s !== null).join('+') || null,
    watts: Float64Array.from(all, (p) => p.w),
  }
}

const pointsOf = ({ series, watts }: PowerSeries): { readonly t: number; readonly w: number }[] =>
  Array.from(watts, (w, i) => ({ t: series.t_ns[i] as number, w })).filter((p) =>
    Number.isFinite(p.w),
  )
