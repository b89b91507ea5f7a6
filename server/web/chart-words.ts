import type { ChartName } from '../../analysis/report/chart-specs.ts'
import type { DistributionTable } from '../../analysis/report/distribution.ts'
import { type LatencyPoint, latencyAxis, MOST_POINTS } from '../../analysis/report/latency.ts'
import type { LedgerLine } from '../../analysis/report/ledger.ts'
import type { PowerTable } from '../../analysis/report/power.ts'
import { MOST_DEVICES } from '../../analysis/report/power-table.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { reasonWords } from './metric-words.ts'
import { fixed, significant, valueText, withUnit } from './number-text.ts'

export const CHART_TITLES: Record<ChartName, string> = {
  power: 'Power over time',
  ttft: 'Time to first token',
  itl: 'Inter-token latency',
  ledger: 'Where the energy went',
  latency: 'Latency of each request',
}

/** What a chart says, in a sentence for those who don't see it; and beside it what was done to its data. */
export interface ChartWords {
  readonly message: string
  readonly note: string
}

export function powerWords(table: PowerTable, summary: Summary): ChartWords {
  const mean = summary.metrics['power_mean_w']
  const peak = table.power.reduce((high, p) => Math.max(high, p.power_w), 0)
  const s = (t: number) => withUnit(fixed(t, 1), 's')
  const counted =
    table.window === null
      ? 'No window was counted.'
      : `The counted window, tinted, runs from ${s(table.window.start_s)} to ${s(table.window.end_s)}`
  const power =
    mean === undefined || mean.value === null
      ? ''
      : `, at a mean of ${withUnit(valueText(mean) ?? '', 'W')} over the devices in use`
  return {
    message: `${counted}${table.window === null ? '' : `${power}.`} The highest reading of a device is ${withUnit(fixed(peak, peak < 100 ? 1 : 0), 'W')}.`,
    note: `Drawn from the first, lowest, highest and last reading of each pixel column, so peaks are kept. Energies are never taken from this drawing.${
      table.marks.length > 0 ? ' The bars at the bottom are windows that the program marked.' : ''
    }${
      table.devices > MOST_DEVICES
        ? ` Drawn are ${MOST_DEVICES} of ${table.devices} devices; the table of devices holds all.`
        : ''
    }`,
  }
}

export function distributionWords(table: DistributionTable): ChartWords {
  const { histogram, of, marks } = table
  const at = (label: string) => marks.find((m) => m.label === label)
  const part = (label: string, words: string) => {
    const mark = at(label)
    return mark === undefined
      ? []
      : [`${words} within ${withUnit(significant(mark.value, 3), 'ms')}`]
  }
  const shares = [
    ...part('p50', 'half'),
    ...part('p90', withUnit('90', '%')),
    ...part('p99', withUnit('99', '%')),
  ]
  const count = `Of ${fixed(histogram.count, 0)} ${of}`
  return {
    message:
      shares.length === 0
        ? `${count}, no percentile could be given.`
        : `${count}, ${shares.join(', ')}.`,
    note:
      histogram.beyond === 0
        ? ''
        : `${fixed(histogram.beyond, 0)} lie beyond the drawing, the longest at ${withUnit(significant(histogram.max, 3), 'ms')}.`,
  }
}

export function ledgerWords(lines: readonly LedgerLine[], summary: Summary): ChartWords {
  const gross = summary.metrics['energy_recorded_j']?.value ?? 0
  const largest = [...lines].sort((a, b) => b.energy_j - a.energy_j)[0]
  const absent = ['energy_static_j', 'energy_succeeded_j', 'energy_failed_j'].flatMap((id) => {
    const m = summary.metrics[id]
    return summary.kind === 'measure' || m === undefined || m.value !== null
      ? []
      : [`${id}: ${reasonWords(m.reason)}`]
  })
  const joules = (j: number) => withUnit(significant(j, 4), 'J')
  return {
    message: `${joules(gross)} were recorded from first to last phase${
      largest === undefined
        ? ''
        : `; the largest part, ${largest.share_pct.toFixed(1)} %, is “${largest.line}”`
    }. The lines add up to the whole.${wallWords(summary)}`,
    note: absent.length === 0 ? '' : `Lines without a value: ${absent.join('; ')}.`,
  }
}

/** What a wall meter saw beyond the parts: fans, supplies, boards. Nothing where there was no meter. */
function wallWords({ metrics }: Summary): string {
  const node = metrics['energy_node_j']?.value ?? null
  const overhead = metrics['energy_overhead_j']?.value ?? null
  if (node === null || overhead === null) return ''
  const joules = (j: number) => withUnit(significant(j, 4), 'J')
  return ` At the wall the node took ${joules(node)} over the counted window, of which ${joules(overhead)} are overhead: in none of its parts.`
}

export function latencyWords(points: readonly LatencyPoint[]): ChartWords {
  const failed = points.filter((p) => p.outcome === 'failed').length
  const against =
    latencyAxis(points) === 'output_tokens'
      ? 'against the length of the answer'
      : `against the time of sending, since all answers have ${points[0]?.output_tokens} tokens`
  const low = points.reduce((a, p) => Math.min(a, p.e2e_ms), Number.POSITIVE_INFINITY)
  const high = points.reduce((a, p) => Math.max(a, p.e2e_ms), 0)
  return {
    message: `End-to-end latency of ${fixed(points.length, 0)} requests ${against}: from ${significant(low, 3)} to ${withUnit(significant(high, 3), 'ms')}${failed === 0 ? '' : `; ${fixed(failed, 0)} failed`}.`,
    note:
      points.length <= MOST_POINTS
        ? ''
        : `Drawn are ${fixed(MOST_POINTS, 0)} of ${fixed(points.length, 0)} requests, evenly spaced in the order of sending.`,
  }
}
