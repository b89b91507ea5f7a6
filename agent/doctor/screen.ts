import pc from 'picocolors'
import type {
  Doctor,
  DoctorDevice,
  DoctorMissing,
  DoctorSetting,
  DoctorSource,
} from '../../analysis/schema/doctor.ts'
import { METRICS, type MetricName } from '../../analysis/schema/metric.ts'
import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import { leastBound } from './bound.ts'

const WIDTH = 80
type Colours = ReturnType<typeof pc.createColors>

/** What a host can measure, for a person: at most 80 columns. */
export function doctorScreen(report: Doctor, colour: boolean): string {
  const c = pc.createColors(colour)
  const bursts = report.devices.some((d) => d.sources.some((s) => s.source === 'nvml_power_ring'))
  return [
    ...hostLines(report),
    ...report.devices.flatMap((device) => ['', ...deviceLines(device, c)]),
    ...(report.missing.length === 0
      ? []
      : ['', c.bold('Not found here'), ...missingLines(report.missing, c)]),
    '',
    ...wrap(report.verdict.sentence, 0).map(report.verdict.trusted ? c.green : c.yellow),
    ...(bursts ? [c.dim('How well short bursts are told: llem-agent doctor --bursts')] : []),
  ].join('\n')
}

function hostLines({ agent_version, host, clock, spool, devices }: Doctor): string[] {
  const memory = host.memory_bytes === null ? '' : `, ${gigabytes(host.memory_bytes)}`
  const limit =
    host.cpu_limit_cores === null ? '' : `, limited to ${round(host.cpu_limit_cores)} cores`
  const free = spool.free_bytes === null ? '' : `, ${gigabytes(spool.free_bytes)} free`
  const locks = devices.flatMap((d) =>
    d.locked_by_pid === null ? [] : [`${nameOf(d)} by process ${d.locked_by_pid}`],
  )
  return [
    ...field(
      'Host',
      `${host.hostname ?? 'unknown'}: ${host.os ?? 'unknown'} ${host.arch ?? ''}, ` +
        `${host.cpu_model ?? 'unknown processor'} (${host.cpu_cores ?? '?'} cores${limit})${memory}` +
        `${host.container ? ', in a container' : ''}`,
    ),
    ...field('Program', `llem-agent ${agent_version}, Node ${host.node_version}`),
    ...field(
      'Clock',
      `steps of ${clock.monotonic_step_ns} ns; wall time known to ${micro(clock.wall_error_ns)}, ` +
        `parted by ${micro(Math.abs(clock.wall_drift_ns))} in ${clock.seconds.toFixed(1)} s`,
    ),
    ...field('Spool', `${spool.dir}: ${spool.writable ? `writable${free}` : (spool.fix ?? '')}`),
    ...field('Locked', locks.length === 0 ? 'nothing' : locks.join(', ')),
  ]
}

function deviceLines(device: DoctorDevice, c: Colours): string[] {
  const rated = device.rated_w === null ? '' : `, rated ${Math.round(device.rated_w)} W`
  const title = `${nameOf(device)}  ${device.model ?? 'unknown model'}${rated}`
  const { throttled_by, processes } = device
  const settings = device.settings.filter((s) => s.advice === null)
  const advised = device.settings.filter((s) => s.advice !== null)
  return [
    c.bold(title.slice(0, WIDTH)),
    c.dim(`  ${device.device_id}${device.driver === null ? '' : `, driver ${device.driver}`}`),
    c.dim(line(['quantity, source', 'now', 'refresh', 'step', 'call us', 'error'])),
    ...device.sources.flatMap((s) => sourceLines(s, device.sources, c)),
    ...missingLines(device.missing, c),
    ...(settings.length === 0 ? [] : wrap(`Set: ${settings.map(setting).join(', ')}`, 2)),
    ...advised.flatMap((s) => wrap(`${setting(s)}: ${s.advice}`, 2).map(c.yellow)),
    ...(throttled_by === null || throttled_by.length === 0
      ? []
      : wrap(`Clocks held by: ${throttled_by.map(words).join(', ')}`, 2).map(c.yellow)),
    ...(processes === null || processes.length === 0
      ? []
      : wrap(
          `In use by: ${processes.map((p) => `${p.name ?? 'process'} (${p.pid})`).join(', ')}`,
          2,
        ).map(c.yellow)),
  ]
}

const COLUMNS = [22, 12, 10, 9, 10, 16] as const
/** Cells left aligned, each cut to its column. */
const line = (cells: readonly string[]): string =>
  `  ${cells.map((cell, i) => cut(cell, COLUMNS[i] ?? 10).padEnd(COLUMNS[i] ?? 10)).join('')}`.trimEnd()
const cut = (text: string, width: number): string =>
  text.length < width ? text : `${text.slice(0, width - 2)}…`

function sourceLines(s: DoctorSource, all: readonly DoctorSource[], c: Colours): string[] {
  const now =
    s.fault !== null
      ? 'failed'
      : s.value === null
        ? 'no reading'
        : quantity(s.value, s.unit, s.metric)
  const text = line([
    sourceName(s),
    now,
    refreshOf(s),
    s.step === null ? '-' : quantity(s.step, s.unit, s.metric),
    `${costs(s.call.median_us)}/${costs(s.call.p99_us)}`,
    errorOf(s),
  ])
  const why = s.fault ?? (s.reason === null ? null : because(s.reason))
  const paint = why !== null ? c.red : s.measured ? (x: string) => x : c.yellow
  const least_w = leastBound(s, all)
  const least = least_w === null ? [] : [line(['', '', '', '', '', `at least ${round(least_w)} W`])]
  return [paint(text), ...least.map(paint), ...(why === null ? [] : wrap(why, 4).map(c.red))]
}

/** Three changes are two times in between, which tell a period unless each reading found another value. */
function refreshOf({ period_ms, changes }: DoctorSource): string {
  if (period_ms !== null) return `${round(period_ms)} ms`
  return changes === 0 ? 'no change' : changes < 3 ? 'seldom' : 'each read'
}

/** Energy by its source, since that says how good it is; all else by what it tells. */
function sourceName(s: DoctorSource): string {
  // Power, energy and limit of one library by what they are: its name would say the same of all.
  if (s.energy && !['nvml', 'amdsmi', 'hwmon'].includes(s.source)) {
    const scope = s.scope === null || ['gpu', 'package', 'node'].includes(s.scope)
    return scope ? s.source : `${s.source} ${s.scope}`
  }
  return metricName(s.metric)
}

/** Titles that are too long for their column: cut, several would say the same. */
const SHORT: { readonly [metric in MetricName]?: string } = {
  gpu_energy_mj: 'GPU energy',
  cpu_core_energy_uj: 'energy of the cores',
  platform_energy_uj: 'platform energy',
  module_power_mw: 'module power',
  rail_power_mw: 'supply rail power',
  meter_span_ms: 'answer of the meter',
  gpu_hotspot_temperature_c: 'hottest spot',
  gpu_memory_temperature_c: 'memory temperature',
  gpu_utilisation_pct: 'kernels running',
  gpu_memory_power_mw: 'GPU memory power',
  gpu_power_violation_ns: 'slowed for power',
  gpu_thermal_violation_ns: 'slowed for heat',
  gpu_hw_thermal_ns: 'hardware heat brake',
  gpu_power_brake_ns: 'external power brake',
  cpu_utilisation_pct: 'busy share of cores',
  agent_cpu_pct: "agent's use of a core",
}

/** What a metric is called in the first column. */
export const metricName = (metric: string): string =>
  SHORT[metric as MetricName] ?? METRICS[metric as MetricName]?.title ?? metric

function quantity(value: number, unit: string | null, metric: string): string {
  switch (unit) {
    case 'mW':
      return value < 1000 ? `${round(value)} mW` : `${round(value / 1000)} W`
    case 'uW':
      return quantity(value / 1e3, 'mW', metric)
    case 'mJ':
      return joules(value / 1e3)
    case 'uJ':
      return joules(value / 1e6)
    case 'B':
      return value < 1e6 ? `${value} B` : gigabytes(value)
    case 'bitmask':
      return metric === 'gpu_throttle_reasons' ? `0x${value.toString(16)}` : String(value)
    default:
      return `${round(value)} ${unit === null || unit === '1' ? '' : unit}`.trim()
  }
}

const joules = (j: number): string =>
  j < 1e-3
    ? `${round(j * 1e6)} uJ`
    : j < 1
      ? `${round(j * 1e3)} mJ`
      : j < 1e6
        ? `${round(j)} J`
        : `${round(j / 1e6)} MJ`

function errorOf({ accuracy }: DoctorSource): string {
  if (accuracy === null || accuracy.gain_rel == null) return ''
  const share = Number((100 * accuracy.gain_rel).toPrecision(2))
  return `${share} % ${accuracy.basis ?? ''}`.trim()
}

/** There is no run here that would hold a reading or use a device. */
const because = (reason: Reason): string =>
  reason === 'not_recorded'
    ? 'it gave no reading'
    : reason === 'no_device'
      ? 'there is no such device'
      : REASONS[reason]

/** What is missing for one reason and is got by one remedy is told once. */
function missingLines(all: readonly DoctorMissing[], c: Colours): string[] {
  const groups = new Map<string, { names: string[]; reason: Reason; remedy: string }>()
  for (const { source, reason, fix } of all) {
    const remedy = remedyOf(source, fix)
    const key = `${reason} ${remedy}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { names: [source], reason, remedy })
    else group.names.push(source)
  }
  return [...groups.values()].flatMap(({ names, reason, remedy }) => [
    ...wrap(`${names.join(', ')}: ${because(reason)}`, 2).map(c.red),
    ...wrap(remedy, 4),
  ])
}

/** `nvml_energy of GPU-… (model): why. What to do.`: below its device, after name and reason, what to do is left. */
const remedyOf = (source: string, fix: string): string =>
  fix.startsWith(`${source} of `) ? fix.replace(/^.*?\)[^.]*\. /, '') : fix

/** A name and what is said of it, wrapped beside it. */
function field(name: string, text: string): string[] {
  return wrap(text, 9).map((row, i) => (i === 0 ? `${name.padEnd(9)}${row.slice(9)}` : row))
}

/** Words of a text in rows of at most 80 columns; a longer word (a path) stays whole. */
function wrap(text: string, indent: number): string[] {
  const rows: string[] = []
  let row = ''
  for (const word of text.split(' ')) {
    if (row !== '' && indent + row.length + 1 + word.length > WIDTH) {
      rows.push(row)
      row = word
    } else row = row === '' ? word : `${row} ${word}`
  }
  return [...rows, row].map((r) => ' '.repeat(indent) + r)
}

const nameOf = (d: DoctorDevice): string =>
  d.kind === 'gpu' ? `GPU ${d.index ?? ''}`.trim() : d.kind.replaceAll('_', ' ')
/** `power limit enforced 700 W`: the unit stands at the end of the name. */
function setting({ setting: name, value }: DoctorSetting): string {
  const unit = /_(w|mhz)$/.exec(name)?.[1]
  const title = words(unit === undefined ? name : name.slice(0, -unit.length - 1))
  return `${title} ${shown(value)}${unit === 'w' ? ' W' : unit === 'mhz' ? ' MHz' : ''}`
}
const words = (name: string): string => name.replaceAll('_', ' ')
const shown = (value: string | number | boolean | null): string =>
  value === true
    ? 'on'
    : value === false
      ? 'off'
      : typeof value === 'number'
        ? round(value)
        : String(value)
const round = (value: number): string =>
  Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3)
const costs = (us: number | null): string =>
  us === null ? '-' : us < 10 ? us.toFixed(1) : us.toFixed(0)
const micro = (ns: number): string => `${round(ns / 1000)} us`
const gigabytes = (bytes: number): string => `${round(bytes / 1e9)} GB`
