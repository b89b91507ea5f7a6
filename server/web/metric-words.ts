import type { Attribution } from '../../analysis/attribution/attribution-phase.ts'
import { CANON, type CanonMetric, STATISTICS } from '../../analysis/schema/canon.ts'
import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import type { Source } from '../../analysis/schema/sensor.ts'

/** Where a value comes from, in words. */
const SOURCE_WORDS: Record<
  Source | 'client' | 'engine' | 'chunk_gaps' | Attribution['method'],
  string
> = {
  nvml_power_ring: 'NVML power ring',
  nvml_power_instant: 'NVML instant power',
  nvml_power_average: 'NVML one-second average power',
  nvml_energy: 'NVML energy counter',
  nvml: 'NVML',
  rapl: 'RAPL counters',
  cpu_estimate: 'estimate from CPU load, not measured',
  amdsmi: 'AMD SMI',
  hwmon: 'hwmon',
  ioreport: 'IOReport',
  ina3221: 'INA3221 rail sensor',
  redfish: 'Redfish',
  ipmi: 'IPMI',
  plug: 'plug meter',
  battery: 'battery gauge',
  zeusd: 'zeusd',
  acpi: 'ACPI power meter',
  procfs: 'procfs',
  agent_process: 'the agent, as a whole',
  agent_sampler: "the agent's sampling thread",
  client: 'client clock',
  engine: "the engine's own clock",
  exclusive: 'time of requests one by one',
  regression: 'regression over slices of time',
  disaggregated: 'devices of one phase each',
  chunk_gaps: 'gaps between chunks, tokens per chunk unknown',
}

/** Several sources, of several devices or one after the other, are joined by `+`. */
export const sourceWords = (provenance: string | null): string =>
  provenance === null
    ? ''
    : provenance
        .split('+')
        .map((source) => (SOURCE_WORDS as Record<string, string>)[source] ?? source)
        .join(' and ')

export const reasonWords = (reason: Reason | null): string =>
  reason === null ? 'no reason was recorded' : REASONS[reason]

/** What each rule of the counted window means. */
const WINDOW_WORDS: Record<string, string> = {
  saturation:
    'from the moment every slot was busy until the last requests could no longer fill them',
  plateau: 'the longest span in which rate, power and requests in flight held steady',
  run: 'from the first request sent to the last answer: no steadier span was found or asked for',
  fixed: 'the seconds that the configuration names',
  phase: 'the whole phase measure',
}

export const windowWords = (rule: string): string => WINDOW_WORDS[rule] ?? rule

/** Components of an uncertainty, in words. */
const COMPONENT_WORDS: Record<string, string> = {
  u_sensor_j: 'sensor gain and offset',
  u_quantisation_j: 'counter refresh',
  u_edge_j: 'power between samples at the edges of the window',
  u_sampling_j: 'power between samples inside the window',
  u_lag_j: 'power that the sensor reports late, after a falling edge',
  u_bridge_j: 'power between two sources of the window',
  u_clock_j: 'alignment of clocks',
  u_baseline_j: 'idle power',
  u_sensor_w: 'sensor gain and offset',
  u_baseline_w: 'steadiness of idle power',
  u_regression_j: 'spread of the regression over blocks of slices',
  u_slice_j: 'what longer slices say otherwise',
  u_tokens: 'tokens under way at the edges of the window',
}

export const componentWords = (name: string): string => COMPONENT_WORDS[name] ?? name

export interface MetricKey {
  readonly key: string
  /** The canon's id, or the whole key where it knows none. */
  readonly id: string
  readonly row: CanonMetric | null
  readonly statistic: (typeof STATISTICS)[number] | null
  /** `run` or `steady` where another window than the summary's own is meant. */
  readonly window: string | null
}

/** Takes a summary's key apart: id, statistic, window. */
export function readKey(key: string): MetricKey {
  const [base = '', window = null] = key.split('@')
  const rows: Record<string, CanonMetric> = CANON
  const whole = rows[base]
  if (whole) return { key, id: base, row: whole, statistic: null, window }
  for (const statistic of STATISTICS) {
    if (!base.endsWith(`_${statistic}`)) continue
    const id = base.slice(0, -statistic.length - 1)
    const row = rows[id]
    if (row) return { key, id, row, statistic, window }
  }
  return { key, id: base, row: null, statistic: null, window }
}

const WINDOW_SUFFIX: Record<string, string> = { run: ', whole run', steady: ', steady window' }

/** The title of a metric with its window, without its statistic. */
export const titleOf = (k: MetricKey): string =>
  `${k.row?.title ?? k.id}${k.window === null ? '' : (WINDOW_SUFFIX[k.window] ?? `, ${k.window}`)}`
