import type { Unit } from './units.ts'

export interface RawMetric {
  readonly unit: Unit
  /** gauge: a value at a time or a mean up to it; counter: ever growing; bits: a set of flags. */
  readonly kind: 'gauge' | 'counter' | 'bits'
  readonly title: string
}

/** The raw metrics of the `sample` stream, in the unit that the source gives. A new one is a row here. */
export const METRICS = {
  gpu_power_mw: { unit: 'mW', kind: 'gauge', title: 'GPU power' },
  gpu_power_w: { unit: 'W', kind: 'gauge', title: 'GPU power' },
  gpu_power_uw: { unit: 'uW', kind: 'gauge', title: 'GPU power' },
  gpu_energy_mj: { unit: 'mJ', kind: 'counter', title: 'GPU energy since driver load' },
  gpu_energy_uj: { unit: 'uJ', kind: 'counter', title: 'GPU energy' },
  npu_energy_uj: { unit: 'uJ', kind: 'counter', title: 'neural engine energy' },
  cpu_energy_uj: { unit: 'uJ', kind: 'counter', title: 'CPU package energy' },
  cpu_core_energy_uj: {
    unit: 'uJ',
    kind: 'counter',
    title: 'energy of the cores, within the package',
  },
  dram_energy_uj: { unit: 'uJ', kind: 'counter', title: 'memory energy' },
  platform_energy_uj: { unit: 'uJ', kind: 'counter', title: 'platform (psys) energy' },
  cpu_power_mw: { unit: 'mW', kind: 'gauge', title: 'CPU power' },
  dram_power_mw: { unit: 'mW', kind: 'gauge', title: 'memory power' },
  module_power_mw: { unit: 'mW', kind: 'gauge', title: 'power of a module with all its parts' },
  rail_power_mw: { unit: 'mW', kind: 'gauge', title: 'power of one supply rail' },
  node_power_mw: { unit: 'mW', kind: 'gauge', title: 'whole node power' },
  meter_span_ms: { unit: 'ms', kind: 'gauge', title: 'how long a meter took to answer' },
  gpu_temperature_c: { unit: 'C', kind: 'gauge', title: 'GPU temperature' },
  gpu_hotspot_temperature_c: { unit: 'C', kind: 'gauge', title: 'hottest spot of the GPU' },
  gpu_memory_temperature_c: { unit: 'C', kind: 'gauge', title: 'GPU memory temperature' },
  gpu_throttle_reasons: { unit: 'bitmask', kind: 'bits', title: 'clock event reasons' },
  gpu_utilisation_pct: { unit: '%', kind: 'gauge', title: 'share of time with a kernel running' },
  gpu_memory_used_bytes: { unit: 'B', kind: 'gauge', title: 'GPU memory in use' },
  gpu_sm_clock_mhz: { unit: 'MHz', kind: 'gauge', title: 'SM clock' },
  gpu_memory_clock_mhz: { unit: 'MHz', kind: 'gauge', title: 'memory clock' },
  gpu_memory_power_mw: {
    unit: 'mW',
    kind: 'gauge',
    title: 'power of the GPU memory, within its own',
  },
  gpu_power_violation_ns: {
    unit: 'ns',
    kind: 'counter',
    title: 'time below the clocks for the sake of power',
  },
  gpu_thermal_violation_ns: {
    unit: 'ns',
    kind: 'counter',
    title: 'time below the clocks for the sake of heat',
  },
  gpu_hw_thermal_ns: { unit: 'ns', kind: 'counter', title: 'time of thermal slowdown by hardware' },
  gpu_power_brake_ns: { unit: 'ns', kind: 'counter', title: 'time of the external power brake' },
  gpu_power_limit_mw: { unit: 'mW', kind: 'gauge', title: 'enforced power limit' },
  gpu_power_limit_uw: { unit: 'uW', kind: 'gauge', title: 'enforced power limit' },
  cpu_utilisation_pct: { unit: '%', kind: 'gauge', title: 'busy share of all cores' },
  agent_cpu_pct: { unit: '%', kind: 'gauge', title: "the agent's own use of one core" },
} as const satisfies Record<string, RawMetric>

export type MetricName = keyof typeof METRICS

/** NVML clock event (throttle) reason bits. Thermal: 0x60. Power brake: 0x80. Software power cap: 0x4. */
export const THROTTLE_BITS = {
  gpu_idle: 0x1,
  app_clocks: 0x2,
  sw_power_cap: 0x4,
  hw_slowdown: 0x8,
  sync_boost: 0x10,
  sw_thermal: 0x20,
  hw_thermal: 0x40,
  hw_power_brake: 0x80,
  display_clocks: 0x100,
} as const
