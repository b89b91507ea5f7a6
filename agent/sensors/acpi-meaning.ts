import type { Device } from '../../analysis/schema/device.ts'
import type { MetricName } from '../../analysis/schema/metric.ts'

/** What an ACPI power meter measures. */
export interface AcpiMeaning {
  readonly device: Device
  readonly metric: MetricName
  readonly scope: 'module' | 'package' | 'rail' | 'node'
}

/** What of a socket a meter is named after; a label that begins so has its number at the end. */
const PARTS: readonly (readonly [label: RegExp, part: 'module' | 'package' | string])[] = [
  [/^module power socket \d+$/, 'module'],
  [/^(grace power|total( input)? power in uw) socket \d+$/, 'package'],
  [/^(cpu power|cpu rail( input)? power in uw) socket \d+$/, 'cpu'],
  [/^(sysio power|soc rail( input)? power in uw) socket \d+$/, 'soc'],
  [/^dram( input)? power in uw socket \d+$/, 'dram'],
]

/**
 * What a meter is by the label that the firmware gives it. The module holds the processor's total, which holds the
 * processor's rails and its memory, so each is a scope of its own and none is added to another.
 * Source: NVIDIA Grace performance tuning guide, "Power telemetry"; the labels of later firmware are those of its hosts.
 * @param nameless how many meters of the host have no label: a single one measures the node
 * @returns null: not known
 */
export function acpiMeaning(label: string, nameless: number): AcpiMeaning | null {
  if (label === '')
    return nameless !== 1
      ? null
      : {
          device: { device_id: 'node:0', kind: 'node', vendor: null, model: null },
          metric: 'node_power_mw',
          scope: 'node',
        }
  const name = label.toLowerCase()
  const part = PARTS.find(([pattern]) => pattern.test(name))?.[1]
  const socket = /\d+$/.exec(name)?.[0]
  if (part === undefined || socket === undefined) return null
  const named = { vendor: 'nvidia', model: label }
  if (part === 'module')
    return {
      device: { device_id: `module:${socket}`, kind: 'module', ...named },
      metric: 'module_power_mw',
      scope: 'module',
    }
  const device_id = `cpu_package:${socket}`
  if (part === 'package')
    return {
      device: { device_id, kind: 'cpu_package', ...named },
      metric: 'cpu_power_mw',
      scope: 'package',
    }
  return {
    device: {
      device_id: `rail:${part}:${socket}`,
      kind: 'rail',
      ...named,
      parent_device_id: device_id,
    },
    metric: 'rail_power_mw',
    scope: 'rail',
  }
}
