import { metricOf, noMetric } from '../metric-value.ts'
import type { RunData } from '../readings/run-data.ts'
import { isRemote, usedDevices } from '../readings/used-devices.ts'
import { REASONS, type Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import { BYTES_PER_MIB, NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'
import { readingsWithin, seriesFor, timedWithin } from './gauge.ts'
import { missingReason } from './missing-reason.ts'

const METRIC = 'gpu_memory_used_bytes'

/**
 * Peak GPU memory: over each distinct GPU that the engine computes on the largest reading of its memory in use within
 * the window, summed. A reading is of all of the device, whoever holds the memory. Where an instance of a partitioned
 * GPU has no reading of its own, the GPU that it is part of stands for it, as it does for the energy.
 * @returns MiB; null where one of the GPUs tells none, or where several partitions may each tell the same memory
 * Source: docs/metrics.md, "Memory".
 */
export function gpuMemoryPeak(run: RunData, window: Window): MetricValue {
  const used = usedDevices(run).filter((id) => isGpu(run, id))
  if (used.length === 0) return noMetric('MiB', isRemote(run) ? 'remote_engine' : 'no_device')
  const holders = [...new Set(used.map((id) => holderOf(run, id)))]
  if (mayShare(run, holders)) return noMetric('MiB', 'ambiguous_mapping')
  let bytes = 0
  let n = 0
  for (const id of holders) {
    const readings = timedWithin(run, id, METRIC, window)
    if (readings.length === 0) return noMetric('MiB', missing(run, id))
    // What was not looked at may have been the peak.
    if (longestGap(readings, window) > LONGEST_GAP_NS) return noMetric('MiB', 'uncovered')
    bytes += largest(readings.map((r) => r.value))
    n += readings.length
  }
  return metricOf('MiB', bytes / BYTES_PER_MIB, { n, provenance: sourceOf(run, holders) })
}

/** Of one device, used or not: MiB; null where it tells none within the window. */
export function deviceMemoryPeak(run: RunData, device_id: string, window: Window): number | null {
  const readings = readingsWithin(run, device_id, METRIC, window)
  return readings.length === 0 ? null : largest(readings) / BYTES_PER_MIB
}

const LONGEST_GAP_NS = THRESHOLDS.bridge_s * NS_PER_S

/** The longest time without a reading, the ends of the window included. */
function longestGap(readings: readonly { readonly t_ns: number }[], window: Window): number {
  const times = readings.map((r) => r.t_ns).sort((a, b) => a - b)
  const edges = [window.start_ns, ...times, window.end_ns]
  return edges.slice(1).reduce((most, t, i) => Math.max(most, t - (edges[i] as number)), 0)
}

const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b))

const deviceOf = (run: RunData, id: string) => run.devices.find((d) => d.device_id === id)

function isGpu(run: RunData, id: string): boolean {
  const kind = deviceOf(run, id)?.kind
  return kind === 'gpu' || kind === 'gpu_instance'
}

function holderOf(run: RunData, id: string): string {
  const device = deviceOf(run, id)
  if (device?.kind !== 'gpu_instance' || seriesFor(run, id, METRIC).length > 0) return id
  return device.parent_device_id ?? id
}

/**
 * Partitions of one GPU stand at one PCI address and differ in its function alone. Whether each tells its own part of
 * the memory or all of it depends on how the memory is partitioned, which no reading says. Two dies on one board have
 * an address and a memory each.
 */
function mayShare(run: RunData, ids: readonly string[]): boolean {
  const places = ids.flatMap((id) => deviceOf(run, id)?.pci?.replace(/\.[^.]*$/, '') ?? [])
  return new Set(places).size < places.length
}

function missing(run: RunData, id: string): Reason {
  const series = seriesFor(run, id, METRIC)
  if (series.length === 0) return missingReason(run, [METRIC], id)
  const failure = series.find((s) => s.failure !== null)?.failure ?? ''
  return failure in REASONS ? (failure as Reason) : 'uncovered'
}

/** Who told it; null where sensors are not described, or are of several makers. */
function sourceOf(run: RunData, ids: readonly string[]): string | null {
  const sources = run.sensors.flatMap((s) =>
    s.metric === METRIC && ids.includes(s.device_id) ? (s.source ?? []) : [],
  )
  return new Set(sources).size === 1 ? (sources[0] ?? null) : null
}
