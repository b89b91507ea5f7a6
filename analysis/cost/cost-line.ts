import {
  type CostCode,
  type CostReason,
  LINES,
  type Line,
  type LineGroup,
  type LineId,
} from '../schema/cost.ts'
import { exact } from '../schema/time.ts'
import { UJ_PER_KWH } from './cost-draw.ts'
import { band, effects, relativeU, type Term } from './cost-terms.ts'

/** A line of a ledger before it is shown: its value as a whole number, and what its inputs do to it. */
export interface CostLine extends Described {
  readonly id: LineId
  /** In thousand millionths of the unit, of energy in microjoules: whole, so that sums are exact. null: see reason. */
  readonly whole: bigint | null
  readonly effects: readonly Term[]
  readonly reason: CostReason | null
}

interface Described {
  readonly factor: Line['factor']
  readonly source: string | null
  readonly licence: string | null
  readonly year: number | null
  readonly basis: string | null
  readonly provenance: Line['provenance']
  readonly codes: readonly CostCode[]
  readonly assumptions: readonly string[]
  /** Sources to be named beside the line's own. */
  readonly licences: readonly string[]
}

const NOTHING: Described = {
  factor: null,
  source: null,
  licence: null,
  year: null,
  basis: null,
  provenance: 'derived',
  codes: [],
  assumptions: [],
  licences: [],
}

export interface Known extends Partial<Described> {
  /** Relative, of a product of its inputs. */
  readonly terms?: readonly Term[]
  /** In the line's own unit, of anything else. */
  readonly effects?: readonly Term[]
}

/** How many of the smallest parts are one of the unit that is shown. */
export const perUnit = (group: LineGroup): number => (group === 'energy' ? UJ_PER_KWH : 1e9)

/**
 * A line with a value.
 * @param value in the line's unit; rounded once, to a thousand millionth or a microjoule
 */
export function known(
  id: LineId,
  value: number,
  { terms, effects: own, ...more }: Known,
): CostLine {
  return wholeLine(id, BigInt(Math.round(value * perUnit(LINES[id].group))), {
    ...more,
    effects: own ?? effects(value, terms ?? []),
  })
}

/** The same from a whole number of microjoules or thousand millionths. */
export function wholeLine(
  id: LineId,
  whole: bigint,
  { terms: _, effects: own, ...more }: Known,
): CostLine {
  return { ...NOTHING, ...more, id, whole, effects: own ?? [], reason: null }
}

/** A line without a value, and why. */
export const missing = (
  id: LineId,
  reason: CostReason,
  more: Partial<Described> = {},
): CostLine => ({ ...NOTHING, ...more, id, whole: null, effects: [], reason })

const UNITS: Record<Exclude<LineGroup, 'money'>, readonly [string, string]> = {
  energy: ['kWh', 'uJ'],
  carbon_lb: ['gCO2e', 'ngCO2e'],
  carbon_mb: ['gCO2e', 'ngCO2e'],
  embodied: ['gCO2e', 'ngCO2e'],
  water: ['L', 'nL'],
}

/** Units of a group: the one shown, and that of the whole number. */
export const unitsOf = (group: LineGroup, currency: string): readonly [string, string] =>
  group === 'money' ? [currency, `nano ${currency}`] : UNITS[group]

/** The value in the unit that is shown; null of a missing line. */
export const lineValue = (line: Pick<CostLine, 'whole'>, group: LineGroup): number | null =>
  line.whole === null ? null : Number(line.whole) / perUnit(group)

/** A line as the ledger shows it. */
export function shown(line: CostLine, currency: string): Line {
  const { group } = LINES[line.id]
  const [unit, exact_unit] = unitsOf(group, currency)
  const value = lineValue(line, group)
  return Object.freeze({
    id: line.id,
    group,
    amount: value === null ? null : band(value, line.effects),
    exact: line.whole === null ? null : exact(line.whole),
    unit,
    exact_unit,
    reason: line.reason,
    codes: [...line.codes],
    factor: line.factor,
    source: line.source,
    licence: line.licence,
    year: line.year,
    basis: line.basis,
    u: value === null ? null : relativeU(value, line.effects),
    provenance: line.provenance,
    assumptions: [...line.assumptions],
    of: null,
  })
}
