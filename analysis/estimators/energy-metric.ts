import type { Series } from '../readings/sample-table.ts'
import { ownValue } from '../schema/own.ts'
import { MJ_PER_J, MW_PER_W, NS_PER_S, UJ_PER_J, UW_PER_W } from '../schema/units.ts'

/** How readings of a metric become energy. */
export interface Meaning {
  /** poll: watts times per_unit; counter: joules times per_unit since some start. */
  readonly method: 'poll' | 'counter'
  readonly per_unit: number
  /** What it covers where the sensor does not say. */
  readonly scope: string
  /** Refresh where the sensor does not say. */
  readonly period_ms: number | null
}

/** The metrics that tell energy; every other is none. NVML refreshes its counter every 100 ms, RAPL every 1 ms. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  gpu_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'gpu', period_ms: null },
  gpu_power_uw: { method: 'poll', per_unit: UW_PER_W, scope: 'gpu', period_ms: null },
  gpu_power_w: { method: 'poll', per_unit: 1, scope: 'gpu', period_ms: null },
  gpu_energy_mj: { method: 'counter', per_unit: MJ_PER_J, scope: 'gpu', period_ms: 100 },
  gpu_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'gpu', period_ms: 100 },
  npu_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'npu', period_ms: 100 },
  cpu_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'package', period_ms: 1 },
  cpu_core_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'core', period_ms: 1 },
  dram_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'dram', period_ms: 1 },
  platform_energy_uj: { method: 'counter', per_unit: UJ_PER_J, scope: 'platform', period_ms: 1 },
  cpu_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'package', period_ms: null },
  dram_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'dram', period_ms: null },
  module_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'module', period_ms: null },
  rail_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'rail', period_ms: null },
  node_power_mw: { method: 'poll', per_unit: MW_PER_W, scope: 'node', period_ms: null },
}

/** undefined: the metric tells no energy. */
export const meaningOf = (metric: string): Meaning | undefined => ownValue(MEANINGS, metric)

/**
 * Watts at each reading, for drawing and comparing, never for integration: of a counter the mean since the reading
 * before, NaN at the first and where it fell (it wrapped or was reset). null: the metric tells no energy.
 */
export function wattsOf(series: Series): Float64Array | null {
  const meaning = meaningOf(series.metric)
  if (meaning === undefined) return null
  const { method, per_unit } = meaning
  if (method === 'poll') return series.value.map((v) => v / per_unit)
  return series.value.map((v, i) => {
    if (i === 0) return Number.NaN
    const joules = (v - (series.value[i - 1] as number)) / per_unit
    const dt = ((series.t_ns[i] as number) - (series.t_ns[i - 1] as number)) / NS_PER_S
    return Number.isFinite(joules) && joules >= 0 && dt > 0 ? joules / dt : Number.NaN
  })
}
