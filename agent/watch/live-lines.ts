import type pc from 'picocolors'
import type { LiveDevice } from './live-devices.ts'

type Colours = ReturnType<typeof pc.createColors>

const HEAD = ['device', 'power', 'temp', 'util', 'clock', 'memory', 'energy']
/** Together 80 columns with a blank between two. */
const WIDTHS = [22, 9, 5, 5, 8, 13, 9]

/** A heading and a line a device, at most 80 columns wide; what slows a device, and why it is not read, below it. */
export function tableLines(devices: readonly LiveDevice[], c: Colours): string[] {
  const lines = devices.flatMap((d) => {
    const below = d.reason !== null ? d.reason : slowed(d)
    const line = row([
      d.name,
      d.power_w === null ? '-' : `${d.power_w.toFixed(1)} W`,
      unit(d.temperature_c, 'C'),
      unit(d.utilisation_pct, '%'),
      unit(d.sm_clock_mhz, 'MHz'),
      memory(d),
      energy(d.energy_j),
    ])
    const notes = [
      ...(d.source === 'cpu_estimate' ? ['estimate, ± 40 %'] : []),
      ...(below ? [below] : []),
    ]
    return [line, ...notes.map((note) => c.yellow(`  ${note}`))]
  })
  return [c.bold(row(HEAD)), ...lines]
}

/** One line for a log: what is not known is left out. */
export function logLine(d: LiveDevice, at: string): string {
  const parts = [
    d.power_w === null ? `no power (${d.reason ?? 'not read yet'})` : `${d.power_w.toFixed(1)} W`,
    d.source === 'cpu_estimate' ? 'estimate' : null,
    d.temperature_c === null ? null : `${d.temperature_c} C`,
    d.utilisation_pct === null ? null : `${d.utilisation_pct.toFixed(0)} %`,
    d.sm_clock_mhz === null ? null : `${d.sm_clock_mhz} MHz`,
    d.memory_used_bytes === null ? null : memory(d),
    d.energy_j === null ? null : energy(d.energy_j),
    slowed(d),
  ]
  return `${at}  ${d.name}  ${parts.filter((p) => p !== null).join('  ')}`
}

const row = (cells: readonly string[]): string =>
  cells
    .map((cell, i) => {
      const width = WIDTHS[i] as number
      return i === 0 ? cell.slice(0, width).padEnd(width) : cell.padStart(width)
    })
    .join(' ')

const unit = (value: number | null, name: string): string =>
  value === null ? '-' : `${value.toFixed(0)} ${name}`

const slowed = ({ throttle }: LiveDevice): string | null =>
  throttle === null || throttle.length === 0 ? null : `slowed by ${throttle.join(', ')}`

const GIB = 2 ** 30
function memory({ memory_used_bytes: used, memory_bytes: all }: LiveDevice): string {
  if (used === null) return '-'
  return `${(used / GIB).toFixed(1)}${all === null ? '' : `/${(all / GIB).toFixed(0)}`} GiB`
}

function energy(joules: number | null): string {
  if (joules === null) return '-'
  const [value, name] =
    joules < 1e4 ? [joules, 'J'] : joules < 1e7 ? [joules / 1e3, 'kJ'] : [joules / 3.6e6, 'kWh']
  return `${value.toFixed(joules < 1e3 ? 1 : 2)} ${name}`
}
