import { type CostReason, LINES } from '../schema/cost.ts'
import { exact } from '../schema/time.ts'
import {
  SUM_IDS,
  SUMS,
  type SumId,
  TOTAL_PART_IDS,
  type Total,
  type TotalPart,
  type TotalsGroup,
} from '../schema/totals.ts'
import { UJ_PER_KWH } from './cost-draw.ts'
import { perUnit, unitsOf } from './cost-line.ts'
import { band, effects, type Term, together } from './cost-terms.ts'
import { ExactSum } from './exact-sum.ts'
import {
  leftOut,
  OF_ENERGY,
  type PricedPiece,
  type Rates,
  TOTAL_LINES,
  type TotalLine,
} from './total-rates.ts'

/** Lines of a sum that hours of runs can have. */
const linesOf = (id: SumId): readonly TotalLine[] =>
  TOTAL_LINES.filter((l) => (SUMS[id] as readonly string[]).includes(l))
const LINES_OF: Readonly<Record<SumId, readonly TotalLine[]>> = {
  energy_it: linesOf('energy_it'),
  energy: linesOf('energy'),
  carbon_location: linesOf('carbon_location'),
  carbon_market: linesOf('carbon_market'),
  embodied: linesOf('embodied'),
  water: linesOf('water'),
  money: linesOf('money'),
}

/** Which sums a line is in, by their places in SUM_IDS. */
const SUMS_OF = TOTAL_LINES.map((l) =>
  SUM_IDS.flatMap((id, i) => (LINES_OF[id].includes(l) ? [i] : [])),
)
const FOLLOWS_ENERGY = TOTAL_LINES.map((l) => OF_ENERGY.has(l))

/** By place in TOTAL_LINES; null: not known of any hour. */
type Lines = (ExactSum | null)[]

interface Part {
  readonly runs: Set<string>
  readonly it_uj: ExactSum
  readonly lines: Lines
}

/** What one scenario made of some energy, for the spread of the sums. */
interface Share {
  readonly it_uj: ExactSum
  /** By place in TOTAL_LINES. */
  readonly value: Float64Array
  /** Sum of amount × relative uncertainty of its energy. */
  readonly spread: Float64Array
}

interface Row extends PricedPiece {
  readonly run_id: string
  readonly part: TotalPart
  readonly u: number
}

/** The running sums of one group; whole numbers, so that neither order nor grouping changes a digit. */
export class TotalsSum {
  readonly key: Readonly<Record<string, string | null>>
  readonly runs = new Set<string>()
  readonly rates = new Map<Rates, Share>()
  readonly #it_uj = new ExactSum()
  readonly #parts = new Map<TotalPart, Part>()
  readonly #missing = new Map<SumId, Map<CostReason, ExactSum>>()
  readonly #uncovered = new Map<SumId, ExactSum>()
  readonly #estimated_uj = new ExactSum()
  readonly #estimated_runs = new Set<string>()

  constructor(key: Readonly<Record<string, string | null>>) {
    this.key = key
  }

  estimate(run_id: string, uj: number): void {
    this.#estimated_uj.add(uj)
    this.#estimated_runs.add(run_id)
  }

  /** @param asked lines that the scenario asks for at any place: there a line that nobody asks for is a missing one */
  add(row: Row, rates: Rates, asked: ReadonlySet<TotalLine>): void {
    const amounts = rates.amounts(row)
    const part = this.#part(row.part)
    const share = of(this.rates, rates, newShare)
    this.runs.add(row.run_id)
    part.runs.add(row.run_id)
    this.#it_uj.add(row.it_uj)
    part.it_uj.add(row.it_uj)
    share.it_uj.add(row.it_uj)
    const why: (CostReason | undefined)[] = []
    for (let k = 0; k < TOTAL_LINES.length; k++) {
      const id = TOTAL_LINES[k] as TotalLine
      const amount = amounts[id]
      if (typeof amount === 'number') {
        addLine(part.lines, k, amount)
        share.value[k] = (share.value[k] as number) + amount
        if (FOLLOWS_ENERGY[k])
          share.spread[k] = (share.spread[k] as number) + Math.abs(amount) * row.u
        continue
      }
      const reason = missingReason(id, amount, asked)
      if (reason !== null) for (const sum of SUMS_OF[k] ?? []) why[sum] ??= reason
    }
    why.forEach((reason, k) => {
      const sum = SUM_IDS[k]
      if (reason === undefined || sum === undefined) return
      of(this.#uncovered, sum, newSum).add(row.it_uj)
      of(of(this.#missing, sum, newReasons), reason, newSum).add(row.it_uj)
    })
  }

  merge(other: TotalsSum): void {
    for (const run of other.runs) this.runs.add(run)
    addTo(this.#it_uj, other.#it_uj)
    for (const [name, theirs] of other.#parts) {
      const part = this.#part(name)
      for (const run of theirs.runs) part.runs.add(run)
      addTo(part.it_uj, theirs.it_uj)
      theirs.lines.forEach((sum, k) => {
        if (sum !== null) addBigLine(part.lines, k, sum.value)
      })
    }
    for (const [rates, theirs] of other.rates) {
      const share = of(this.rates, rates, newShare)
      addTo(share.it_uj, theirs.it_uj)
      for (let k = 0; k < TOTAL_LINES.length; k++) {
        share.value[k] = (share.value[k] as number) + (theirs.value[k] as number)
        share.spread[k] = (share.spread[k] as number) + (theirs.spread[k] as number)
      }
    }
    for (const [sum, theirs] of other.#uncovered) addTo(of(this.#uncovered, sum, newSum), theirs)
    for (const [sum, reasons] of other.#missing)
      for (const [why, uj] of reasons)
        addTo(of(of(this.#missing, sum, newReasons), why, newSum), uj)
    addTo(this.#estimated_uj, other.#estimated_uj)
    for (const run of other.#estimated_runs) this.#estimated_runs.add(run)
  }

  kwhOf(rates: Rates): number {
    return kwh(this.rates.get(rates)?.it_uj)
  }

  shown(currency: string): TotalsGroup {
    const estimated = this.#estimated_uj.value
    const both = estimated + this.#it_uj.value
    return {
      key: this.key,
      runs: this.runs.size,
      totals: Object.fromEntries(SUM_IDS.map((id) => [id, this.#total(id, currency)])),
      lines: Object.fromEntries(
        TOTAL_LINES.flatMap((id) => {
          const sum = this.#line(id)
          return sum === null ? [] : [[id, exact(sum)]]
        }),
      ),
      parts: Object.fromEntries(
        TOTAL_PART_IDS.map((name) => {
          const part = this.#parts.get(name)
          return [
            name,
            {
              runs: part?.runs.size ?? 0,
              energy_it_kwh: kwh(part?.it_uj),
              exact: Object.fromEntries(
                SUM_IDS.map((id) => [
                  id,
                  exact(
                    LINES_OF[id].reduce((n, l) => n + (part?.lines[PLACE[l]]?.value ?? 0n), 0n),
                  ),
                ]),
              ),
            },
          ]
        }),
      ),
      estimates: {
        runs: this.#estimated_runs.size,
        kwh: kwh(this.#estimated_uj),
        share_pct: both === 0n ? null : (100 * Number(estimated)) / Number(both),
      },
    }
  }

  #part(name: TotalPart): Part {
    return of(this.#parts, name, newPart)
  }

  /** null: not known of any hour. */
  #line(id: TotalLine): bigint | null {
    let sum: bigint | null = null
    for (const { lines } of this.#parts.values()) {
      const own = lines[PLACE[id]]
      if (own != null) sum = (sum ?? 0n) + own.value
    }
    return sum
  }

  #total(id: SumId, currency: string): Total {
    const ids = LINES_OF[id]
    const { group } = LINES[ids[0] as TotalLine]
    const [unit, exact_unit] = unitsOf(group, currency)
    const known = ids.map((l) => this.#line(l)).filter((n) => n !== null)
    const sum = known.reduce((a, b) => a + b, 0n)
    const it_uj = this.#it_uj.value
    const uncovered = this.#uncovered.get(id)?.value ?? 0n
    const missing = [...(this.#missing.get(id) ?? [])]
      .map(([reason, uj]) => ({ reason, kwh: kwh(uj) }))
      .sort((a, b) => b.kwh - a.kwh || (a.reason < b.reason ? -1 : 1))
    const nothing = known.length === 0 || (missing.length > 0 && uncovered === it_uj)
    const value = Number(sum) / perUnit(group)
    return {
      group,
      amount: nothing ? null : band(value, this.#effects(ids, perUnit(group))),
      exact: nothing ? null : exact(sum),
      unit,
      exact_unit,
      reason: missing[0]?.reason ?? (known.length === 0 ? 'not_asked' : null),
      covered_pct:
        it_uj === 0n || known.length === 0
          ? null
          : (100 * Number(it_uj - uncovered)) / Number(it_uj),
      missing,
    }
  }

  /** What the inputs do to the sum: sensors and factors are taken to err alike in all runs, so it is never too small. */
  #effects(ids: readonly TotalLine[], per: number): Term[] {
    const all: Term[] = []
    for (const [rates, { value, spread }] of this.rates)
      for (const id of ids) {
        const u = (spread[PLACE[id]] ?? 0) / per
        if (u > 0)
          all.push(...effects(u, [{ name: 'energy', down: 1, up: 1, least: 1.96, most: 1.96 }]))
        all.push(...effects((value[PLACE[id]] ?? 0) / per, rates.terms[id]))
      }
    return together(all)
  }
}

const PLACE = Object.fromEntries(TOTAL_LINES.map((l, k) => [l, k])) as Record<TotalLine, number>

function addLine(lines: Lines, k: number, n: number): void {
  const sum = lines[k] ?? new ExactSum()
  sum.add(n)
  lines[k] = sum
}

function addBigLine(lines: Lines, k: number, n: bigint): void {
  const sum = lines[k] ?? new ExactSum()
  sum.addBig(n)
  lines[k] = sum
}

/** Why a line is missing; null: it is not meant to be there. */
function missingReason(
  id: TotalLine,
  why: CostReason,
  asked: ReadonlySet<TotalLine>,
): CostReason | null {
  if (!leftOut(why)) return why
  if (why !== 'not_asked' || !asked.has(id)) return null
  return id === 'co2_location' ? 'no_zone' : 'no_data'
}

const kwh = (sum: ExactSum | undefined): number => Number(sum?.value ?? 0n) / UJ_PER_KWH

const newSum = () => new ExactSum()
const newPart = (): Part => ({
  runs: new Set(),
  it_uj: new ExactSum(),
  lines: TOTAL_LINES.map(() => null),
})
const newShare = (): Share => ({
  it_uj: new ExactSum(),
  value: new Float64Array(TOTAL_LINES.length),
  spread: new Float64Array(TOTAL_LINES.length),
})
const newReasons = () => new Map<CostReason, ExactSum>()

function of<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

const addTo = (sum: ExactSum, other: ExactSum): void => sum.addBig(other.value)
