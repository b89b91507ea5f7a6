import {
  type CostReason,
  LINES,
  type Line,
  type LineId,
  TOTAL_IDS,
  TOTALS,
  type TotalId,
} from '../schema/cost.ts'
import { exact } from '../schema/time.ts'
import { type CostLine, perUnit, unitsOf } from './cost-line.ts'
import { band, relativeU, type Term, together } from './cost-terms.ts'

/** Reasons that say that nothing is amiss: the line is not part of the scenario. */
export const LEFT_OUT: ReadonlySet<CostReason> = new Set([
  'not_asked',
  'not_applicable',
  'included_in_rent',
])

/** What the inputs do to a sum of lines: one input moves all of them together. */
export const totalEffects = (lines: readonly CostLine[], ids: readonly LineId[]): Term[] =>
  together(lines.filter((l) => ids.includes(l.id)).flatMap((l) => l.effects))

/**
 * Sums of lines. A line that lacks a number that it needs makes the sum null, with what is known of it in its
 * assumptions; a line that the scenario does not ask for is left out and named.
 */
export function totalsOf(lines: readonly CostLine[], currency: string): Record<TotalId, Line> {
  return Object.fromEntries(TOTAL_IDS.map((id) => [id, totalOf(id, lines, currency)])) as Record<
    TotalId,
    Line
  >
}

function totalOf(id: TotalId, lines: readonly CostLine[], currency: string): Line {
  const ids: readonly LineId[] = TOTALS[id]
  const own = lines.filter((l) => ids.includes(l.id))
  const there = own.filter((l) => l.whole !== null)
  const lost = own.filter((l) => l.whole === null && l.reason !== null && !LEFT_OUT.has(l.reason))
  const out = own.filter((l) => l.whole === null && l.reason !== null && LEFT_OUT.has(l.reason))
  const { group } = LINES[ids[0] as LineId]
  const [unit, exact_unit] = unitsOf(group, currency)
  const sum = there.reduce((a, l) => a + (l.whole ?? 0n), 0n)
  const known = there.length > 0 && lost.length === 0
  const value = Number(sum) / perUnit(group)
  const all = totalEffects(lines, ids)
  return Object.freeze({
    id,
    group,
    amount: known ? band(value, all) : null,
    exact: known ? exact(sum) : null,
    unit,
    exact_unit,
    reason: known ? null : ((lost[0] ?? out[0])?.reason ?? 'no_data'),
    codes: known ? [...new Set(there.flatMap((l) => l.codes))] : [],
    factor: null,
    source: null,
    licence: joined(there.map((l) => l.licence)),
    year: null,
    basis: null,
    u: known ? relativeU(value, all) : null,
    provenance: 'derived' as const,
    assumptions: [
      ...(lost.length > 0 && there.length > 0
        ? [
            `Known of it is ${value} ${unit} (${there.map((l) => l.id).join(', ')}); ${lost.map((l) => l.id).join(', ')} is not.`,
          ]
        : []),
      ...(known && out.length > 0
        ? [`Left out: ${out.map((l) => `${l.id} (${l.reason})`).join(', ')}.`]
        : []),
    ],
    of: there.map((l) => l.id),
  })
}

const joined = (words: readonly (string | null)[]): string | null =>
  [...new Set(words.filter((w) => w !== null))].join(', ') || null
