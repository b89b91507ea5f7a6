import { html } from 'hono/html'
import type { DistributionTable } from '../../analysis/report/distribution.ts'
import { type LatencyPoint, latencyAxis } from '../../analysis/report/latency.ts'
import type { LedgerLine } from '../../analysis/report/ledger.ts'
import type { PowerTable } from '../../analysis/report/power.ts'
import { CANON } from '../../analysis/schema/canon.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { type Markup, scrolling } from './markup.ts'
import { significant } from './number-text.ts'

const round = (v: number, digits = 5): string => significant(v, digits)

function table(
  label: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Markup {
  return scrolling(
    label,
    html`<table><thead><tr>${head.map((h, i) => html`<th scope="col" class="${i > 0 ? 'num' : ''}">${h}</th>`)}</tr></thead>
      <tbody>${rows.map(
        ([first, ...rest]) =>
          html`<tr><th scope="row">${first}</th>${rest.map((c) => html`<td class="num">${c}</td>`)}</tr>`,
      )}</tbody></table>`,
  )
}

export const powerData = ({ phases, window }: PowerTable): Markup =>
  table(
    'Phases of the run',
    ['phase', 'from, s', 'to, s', 'lasts, s'],
    [
      ...phases.map((p) => ({ ...p, name: p.phase })),
      ...(window === null ? [] : [{ ...window, name: 'counted window' }]),
    ].map((p) => [p.name, round(p.start_s), round(p.end_s), round(p.end_s - p.start_s)]),
  )

export const distributionData = ({ title, histogram, of }: DistributionTable): Markup =>
  table(
    `Bins of ${title}`,
    ['from, ms', 'to, ms', of],
    histogram.bins
      .filter((b) => b.count > 0)
      .map((b) => [round(b.low), round(b.high), round(b.count, 12)]),
  )

export const ledgerData = (lines: readonly LedgerLine[], { metrics }: Summary): Markup =>
  table(
    'Lines of the ledger',
    ['line', 'energy, J', 'share, %'],
    [
      ...lines.map((l) => [l.line, round(l.energy_j), l.share_pct.toFixed(1)]),
      [
        'sum',
        round(lines.reduce((sum, l) => sum + l.energy_j, 0)),
        lines.reduce((sum, l) => sum + l.share_pct, 0).toFixed(1),
      ],
      // Of another span than the lines, and beside their sum: what the wall meter saw beyond the parts.
      ...['energy_overhead_j', 'energy_node_j'].flatMap((id) => {
        const value = metrics[id]?.value ?? null
        const title = CANON[id as keyof typeof CANON].title
        return value === null ? [] : [[`${title}, over the counted window`, round(value), '']]
      }),
    ],
  )

/** Ten groups of equal count along the axis, each with its least, middle and greatest latency. */
export function latencyData(points: readonly LatencyPoint[]): Markup {
  const axis = latencyAxis(points)
  const sorted = [...points].sort((a, b) => a[axis] - b[axis])
  const groups = Math.min(10, sorted.length)
  const rows = Array.from({ length: groups }, (_, g) => {
    const part = sorted.slice((g * sorted.length) / groups, ((g + 1) * sorted.length) / groups)
    const e2e = part.map((p) => p.e2e_ms).sort((a, b) => a - b)
    const first = part[0]?.[axis] ?? 0
    const last = part.at(-1)?.[axis] ?? 0
    return [
      first === last ? round(first) : `${round(first)} to ${round(last)}`,
      round(part.length, 12),
      round(e2e[0] ?? 0, 4),
      round(e2e[(e2e.length - 1) >> 1] ?? 0, 4),
      round(e2e.at(-1) ?? 0, 4),
    ]
  })
  return table(
    'Latency by groups of requests',
    [
      axis === 'sent_s' ? 'sent, s' : 'output tokens',
      'requests',
      'least, ms',
      'middle, ms',
      'greatest, ms',
    ],
    rows,
  )
}
