import type { Component } from '../schema/summary.ts'
import {
  counterRise,
  type PromSeries,
  powerIntegral,
  readingInterval,
  valueAt,
} from './prometheus-series.ts'

/** Energy of one GPU over a window of range queries. */
export interface PromEnergy {
  readonly device: string
  /** null: a counter that fell, or readings that don't cover the window. */
  readonly energy_j: number | null
  readonly reset: boolean
  readonly parts: readonly Component[]
  /** The metric that it is from. */
  readonly from: string
}

/** Of each GPU by its counter, where it has one, else by its power; two series of one GPU are one GPU. */
export function gpuEnergies(
  counters: readonly PromSeries[],
  powers: readonly PromSeries[],
  start: number,
  end: number,
): PromEnergy[] {
  const byDevice = new Map<string, PromSeries>()
  for (const series of [...powers, ...counters]) byDevice.set(deviceOf(series), series)
  return [...byDevice]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([device, series]) =>
      counters.includes(series)
        ? byCounter(device, series, start, end)
        : byPower(device, series, start, end),
    )
}

/** The UUID, else host and index: an index alone is one GPU on each host. */
export const deviceOf = ({ labels }: PromSeries): string =>
  labels['UUID'] ??
  labels['uuid'] ??
  `${labels['Hostname'] ?? labels['instance'] ?? ''}/${labels['gpu'] ?? ''}`

const MJ_PER_J = 1000
/** NVIDIA states 5 W, and measurements find 5 %. Source: docs/metrics.md, "Uncertainty". */
const SENSOR_W = 5
const SENSOR_SHARE = 0.05

function byCounter(device: string, series: PromSeries, start: number, end: number): PromEnergy {
  const rise = counterRise(series, start, end)
  const from = series.name
  if (rise === null) return { device, energy_j: null, reset: true, parts: [], from }
  const energy_j = rise / MJ_PER_J
  const interval = readingInterval(series)
  const watts = (from_s: number, to_s: number) => {
    const part = counterRise(series, from_s, to_s)
    return part === null || to_s <= from_s ? null : part / MJ_PER_J / (to_s - from_s)
  }
  const mean = energy_j / (end - start)
  const first = watts(start, Math.min(start + interval, end)) ?? mean
  const last = watts(Math.max(end - interval, start), end) ?? mean
  return {
    device,
    energy_j,
    reset: false,
    from,
    parts: parts(mean, end - start, interval, first, last, 0),
  }
}

function byPower(device: string, series: PromSeries, start: number, end: number): PromEnergy {
  const told = powerIntegral(series, start, end)
  const from = series.name
  if (told === null) return { device, energy_j: null, reset: false, parts: [], from }
  const { energy_j, u_sampling_j } = told
  const seconds = end - start
  const [first, last] = [valueAt(series, start) ?? 0, valueAt(series, end) ?? 0]
  return {
    ...{ device, energy_j, reset: false, from },
    parts: parts(energy_j / seconds, seconds, readingInterval(series), first, last, u_sampling_j),
  }
}

/** A reading is as old as up to one interval: at each edge that much of the watts there is too much or missing. */
function parts(
  mean_w: number,
  seconds: number,
  interval: number,
  first_w: number,
  last_w: number,
  u_sampling_j: number,
): Component[] {
  const sensor = (Math.max(SENSOR_W, SENSOR_SHARE * mean_w) / Math.sqrt(3)) * seconds
  return [
    { name: 'u_sensor_j', value: sensor, shared: true, source: 'nvml' },
    {
      name: 'u_quantisation_j',
      value: (interval * Math.hypot(first_w, last_w)) / Math.sqrt(12),
      shared: false,
    },
    ...(u_sampling_j > 0 ? [{ name: 'u_sampling_j', value: u_sampling_j, shared: false }] : []),
  ]
}
