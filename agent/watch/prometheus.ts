import { VERSION } from '../program.ts'
import type { LiveDevice } from './live-devices.ts'

/** What is told of each device: name after `llem_<kind>_`, type, help and value in the base unit. */
const FAMILIES: readonly (readonly [string, string, string, (d: LiveDevice) => number | null])[] = [
  ['power_watts', 'gauge', 'mean power since the last reading', (d) => d.power_w],
  ['energy_joules_total', 'counter', 'energy since the agent began to watch', (d) => d.energy_j],
  ['power_limit_watts', 'gauge', 'enforced limit', (d) => d.power_limit_w],
  ['temperature_celsius', 'gauge', 'temperature', (d) => d.temperature_c],
  ['utilisation_ratio', 'gauge', 'share of time in use', (d) => times(d.utilisation_pct, 0.01)],
  ['sm_clock_hertz', 'gauge', 'SM clock', (d) => times(d.sm_clock_mhz, 1e6)],
  ['memory_used_bytes', 'gauge', 'memory in use', (d) => d.memory_used_bytes],
  [
    'throttled',
    'gauge',
    '1: slowed by power or heat',
    (d) => d.throttle && +(d.throttle.length > 0),
  ],
]

const times = (value: number | null, by: number) => (value === null ? null : value * by)
const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`
const kindOf = (d: LiveDevice) => d.kind.replace(/_(package|instance)$/, '').replace(/\W/g, '_')

/** The devices in the Prometheus text format, version 0.0.4. What is not known is absent. */
export function prometheusText(devices: readonly LiveDevice[]): string {
  const lines = [`# TYPE llem_build_info gauge\nllem_build_info{version=${quoted(VERSION)}} 1`]
  for (const kind of new Set(devices.map(kindOf)))
    for (const [name, type, help, of] of FAMILIES) {
      const rows = devices.filter((d) => kindOf(d) === kind && of(d) !== null)
      if (rows.length === 0) continue
      const metric = `llem_${kind}_${name}`
      lines.push(`# HELP ${metric} ${help}\n# TYPE ${metric} ${type}`)
      for (const d of rows)
        lines.push(
          `${metric}{device=${quoted(d.device_id)},name=${quoted(d.name)},source=${quoted(d.source ?? '')}} ${of(d)}`,
        )
    }
  return `${lines.join('\n')}\n`
}
