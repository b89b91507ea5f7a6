import { CANON } from '../schema/canon.ts'
import type { Summary } from '../schema/summary.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

export interface LedgerLine {
  readonly line: string
  readonly energy_j: number
  /** Of the gross, per cent. */
  readonly share_pct: number
}

/** The lines of the ledger, in the order of a run: each metric of the section but its gross and its shares. */
export const LEDGER_IDS = Object.entries(CANON)
  .filter(([id, row]) => row.section === 'ledger' && row.unit === 'J' && id !== 'energy_recorded_j')
  .map(([id]) => id)

/** The ledger of a summary: every line that has a value. Their shares are of the gross that was recorded. */
export function ledgerLines(summary: Summary): LedgerLine[] {
  const gross = summary.metrics['energy_recorded_j']?.value ?? null
  if (gross === null) return []
  return LEDGER_IDS.flatMap((id) => {
    const energy_j = summary.metrics[id]?.value ?? null
    if (energy_j === null) return []
    // Nothing of a measured program is told apart: what is left between baseline and cool-down is the program.
    const line =
      summary.kind === 'measure' && id === 'energy_unattributed_j'
        ? 'the program'
        : CANON[id as keyof typeof CANON].title
    return [{ line, energy_j, share_pct: gross === 0 ? 0 : (100 * energy_j) / gross }]
  })
}

/** Where the joules of the whole recorded span went: lines that add up to the gross. */
export function ledgerSpec(lines: readonly LedgerLine[], drawing: Drawing = WIDE): VegaLiteSpec {
  const values = lines.map((l) => l.energy_j)
  const high = Math.max(0, ...values)
  const low = Math.min(0, ...values)
  const rows = lines.map((l) => ({
    ...l,
    // Right of the bar; right of zero for a negative one, whose bar lies on the other side.
    label_j: Math.max(0, l.energy_j),
    label: `${joules(l.energy_j, high)} J, ${l.share_pct.toFixed(1)} %`,
  }))
  const y = {
    field: 'line',
    type: 'nominal' as const,
    sort: null,
    title: null,
    axis: { domain: false, ticks: false, labelLimit: 110 },
  }
  // The longest bar leaves room for its label, about 120 of the pixels beside the names of the lines.
  const plot = Math.max(220, drawing.width - 100)
  const room = ((high - low || 1) * 120) / (plot - 120)
  return {
    ...common(drawing, { ledger: rows }),
    width: drawing.width,
    height: 20 * Math.max(1, lines.length),
    data: { name: 'ledger' },
    layer: [
      {
        mark: { type: 'bar', height: 13, tooltip: true },
        encoding: {
          y,
          x: {
            field: 'energy_j',
            type: 'quantitative',
            title: 'energy, J',
            scale: { domain: [low, high + room], nice: false },
          },
        },
      },
      {
        mark: { type: 'text', style: 'label', align: 'left', dx: 5 },
        encoding: {
          y,
          x: { field: 'label_j', type: 'quantitative' },
          text: { field: 'label', type: 'nominal' },
        },
      },
      {
        mark: { type: 'rule', style: 'zero' },
        encoding: { x: { datum: 0, type: 'quantitative' } },
      },
    ],
  }
}

/** What lies a million million times below the longest bar is rounding, not energy. */
function joules(j: number, longest: number): string {
  if (Math.abs(j) < 1e-12 * longest) return '0'
  return Math.abs(j) >= 1000 ? grouped(Math.round(j)) : String(Number(j.toPrecision(3)))
}

const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f')
