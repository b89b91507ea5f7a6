import { ownValue } from '../schema/own.ts'
import type { SensorRow } from '../schema/sensor.ts'
import { type Meaning, meaningOf } from './energy-metric.ts'

/**
 * How a source's readings become energy. ring: each the mean of its short period before; hold: the mean since the
 * reading before; poll: momentary, or a running average shifted back; counter: joules since some start; splice: several
 * rings and polls, each where no better one is read.
 */
export type SourceMethod = 'ring' | 'hold' | 'poll' | 'counter' | 'splice'

/** What of a source decides whether it is taken. */
export interface SourceKind {
  /** The sensor's `source`, or the metric where no sensor is described. */
  readonly source: string
  readonly scope: string
  readonly method: SourceMethod
  /** False for an estimate: shown, never counted in totals. */
  readonly measured: boolean
  /** Span that each reading is the mean of, ms. */
  readonly averaging_ms: number
}

/** The kind of a source by its metric and its sensor's description; undefined: the metric holds no energy. */
export function sourceKind(
  metric: string,
  row: Pick<SensorRow, 'source' | 'scope' | 'averaging_ms'> | null,
): SourceKind | undefined {
  const meaning = meaningOf(metric)
  if (meaning === undefined) return undefined
  const source = row?.source ?? (metric === 'cpu_power_mw' ? 'cpu_estimate' : metric)
  return {
    source,
    scope: row?.scope ?? meaning.scope,
    method: methodOf(meaning.method, source),
    measured: source !== 'cpu_estimate',
    averaging_ms: row?.averaging_ms ?? (source === 'nvml_power_average' ? 1000 : 0),
  }
}

export function methodOf(method: Meaning['method'], source: string): SourceMethod {
  if (method === 'counter') return 'counter'
  if (source.endsWith('_ring')) return 'ring'
  return source === 'cpu_estimate' ? 'hold' : 'poll'
}

/** Scopes that are a device of this kind itself, the closest first. Its other scopes are devices of their own. */
const OWN_SCOPES: Readonly<Record<string, readonly string[]>> = {
  gpu: ['gpu', 'module'],
  gpu_instance: ['gpu'],
  cpu_package: ['package'],
  dram: ['dram'],
  soc: ['package', 'module', 'gpu'],
  module: ['module'],
  node: ['node'],
  battery: ['node', 'platform'],
  rail: ['rail'],
  supply: ['supply'],
}

/** Of the scopes that are read of a device those that are the device itself, the closest first. */
export function ownScopes(kind: string, read: readonly string[]): string[] {
  const here = [...new Set(read)]
  const known = (ownValue(OWN_SCOPES, kind) ?? []).filter((s) => here.includes(s))
  // The cores are a part of their package, and never stand for it.
  return known.length > 0 ? known : here.filter((s) => s !== 'core').slice(0, 1)
}

/**
 * What a source is chosen for. energy: joules of a window. power: watts from moment to moment, which a counter that is
 * read at the edges of phases can't show.
 */
export type Use = 'energy' | 'power'

type Method = SourceMethod | 'burst'
const ORDER: Readonly<Record<Use, readonly Method[]>> = {
  energy: ['burst', 'ring', 'counter', 'splice', 'poll', 'hold'],
  power: ['burst', 'ring', 'splice', 'poll', 'counter', 'hold'],
}

/**
 * The one order in which sources of a device are taken: measured before estimated, then by method. Smaller is better.
 * Source: docs/metrics.md, "Energy", choice.
 */
export const choiceRank = (
  source: { readonly measured: boolean; readonly method: Method },
  use: Use = 'energy',
): number => (source.measured ? 0 : ORDER[use].length) + ORDER[use].indexOf(source.method)

/** The best of a device's sources of power first: its own scopes, then by rank, then the shorter mean. */
export function inPowerOrder<T extends SourceKind>(kind: string, sources: readonly T[]): T[] {
  const scopes = ownScopes(
    kind,
    sources.map((s) => s.scope),
  )
  const place = ({ scope }: T) => (scopes.includes(scope) ? scopes.indexOf(scope) : scopes.length)
  return [...sources].sort(
    (a, b) =>
      place(a) - place(b) ||
      choiceRank(a, 'power') - choiceRank(b, 'power') ||
      a.averaging_ms - b.averaging_ms,
  )
}
