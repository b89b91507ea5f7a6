import { type CostLine, lineValue, missing, perUnit, wholeLine } from '../cost/cost-line.ts'
import { band, effects, rangeTerm, type Term, together } from '../cost/cost-terms.ts'
import { totalEffects, totalsOf } from '../cost/cost-totals.ts'
import { OF_ENERGY, type Rates, TOTAL_LINES, type TotalLine } from '../cost/total-rates.ts'
import { type CostReason, LINES, TOTAL_IDS, TOTALS, type TotalId } from '../schema/cost.ts'
import type { Range } from '../schema/factor.ts'
import { J_PER_KWH, UJ_PER_J } from '../schema/units.ts'
import type { Candidate, CandidateMetric } from './candidate.ts'
import { choiceMetricOf, pricedId } from './choice-metric.ts'

const TOKENS = 1e6
const MS_PER_S = 1000
/** Ranges of ledgers are so many standard deviations wide, those of metrics two. */
const Z_95 = 1.96

/** What a million output tokens take; null: not known, and why. */
interface Taken {
  readonly joules: number | null
  readonly no_joules: CostReason
  readonly seconds: number | null
  readonly no_seconds: CostReason
  readonly gpus: number | null
}

/**
 * A candidate with what a million output tokens of it come to under a scenario, named as a ledger names it: its joules
 * per token, and its GPUs for the seconds that its throughput takes, go through the formulas and reasons of `cost` as
 * one piece of energy. A total that lacks a line is null with the reason, never the sum of the others.
 * @param rates of one factor and one price, the same for all candidates
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function pricedCandidate(candidate: Candidate, rates: Rates): Candidate {
  const energy = candidate.metrics['energy_per_output_token_j']
  const rate = candidate.metrics['output_throughput_tok_s']
  const taken = takenOf(energy, rate, candidate.num_gpus)
  const lines = linesOf(taken, rates)
  const { currency } = rates.scenario
  const totals = totalsOf(lines, currency)
  const repeat = endsOf(taken, energy, rate, rates, 'repeat')
  const whole = endsOf(taken, energy, rate, rates, 'whole')
  const priced = TOTAL_IDS.map((id): [string, CandidateMetric] => {
    const { amount, reason } = totals[id]
    const unit = choiceMetricOf(pricedId(id), currency)?.unit ?? ''
    if (amount === null) return [pricedId(id), { ...NOTHING, unit, reason }]
    const { value } = amount
    const own = lines.filter((l) => isOf(id, l) && l.whole !== null)
    const onEnergy = own.some(followsEnergy)
    const onTime = rates.scenario.host_share_w !== null || !own.every(followsEnergy)
    // As in a ledger a number without a range counts as exact; where none has one, none is known.
    const among = (known: Ends['known']) => (onEnergy && known.energy) || (onTime && known.time)
    const again = among(repeat.known) ? repeat.of(own) : null
    const alone = among(whole.known) ? whole.of(own) : null
    const terms = together([
      ...totalEffects(lines, TOTALS[id]),
      ...hostEffects(own, taken, rates.scenario.host_share_w),
    ])
    const all = alone === null ? null : band(value, [...terms, asTerm(value, alone)])
    return [
      pricedId(id),
      {
        value,
        unit,
        low: all?.low ?? null,
        high: all?.high ?? null,
        repeat_low: again?.low ?? null,
        repeat_high: again?.high ?? null,
        reason: null,
        scope: onEnergy ? (energy?.scope ?? null) : null,
        common: {
          low: alone?.low ?? null,
          high: alone?.high ?? null,
          terms: terms
            .filter(() => value !== 0)
            .map(({ name, down, up }) => ({
              name,
              down: down / Math.abs(value),
              up: up / Math.abs(value),
            })),
        },
      },
    ]
  })
  return { ...candidate, metrics: { ...candidate.metrics, ...Object.fromEntries(priced) } }
}

/** Of each total why the scenario itself has none, whatever the candidate; null: it has one. */
export function totalsLacking(rates: Rates): Readonly<Record<TotalId, CostReason | null>> {
  const one: Taken = { ...UNKNOWN, joules: J_PER_KWH, seconds: 3600, gpus: 1 }
  const totals = totalsOf(linesOf(one, rates), rates.scenario.currency)
  return Object.fromEntries(TOTAL_IDS.map((id) => [id, totals[id].reason])) as Record<
    TotalId,
    CostReason | null
  >
}

const NOTHING = { value: null, low: null, high: null, repeat_low: null, repeat_high: null } as const
const UNKNOWN: Taken = {
  joules: null,
  no_joules: 'not_recorded',
  seconds: null,
  no_seconds: 'not_recorded',
  gpus: null,
}

const isOf = (id: TotalId, line: CostLine): boolean =>
  (TOTALS[id] as readonly string[]).includes(line.id)
const followsEnergy = (line: CostLine): boolean => OF_ENERGY.has(line.id as TotalLine)
const shownValue = (line: CostLine): number => lineValue(line, LINES[line.id].group) ?? 0

function takenOf(
  energy: CandidateMetric | undefined,
  rate: CandidateMetric | undefined,
  gpus: number | null,
): Taken {
  const joules = energy?.value ?? null
  const tokens_s = rate?.value ?? null
  return {
    joules: joules === null || joules < 0 ? null : joules * TOKENS,
    no_joules: joules === null ? (energy?.reason ?? 'not_recorded') : 'implausible',
    seconds: tokens_s === null || tokens_s <= 0 ? null : TOKENS / tokens_s,
    no_seconds: tokens_s === null ? (rate?.reason ?? 'not_recorded') : 'zero_denominator',
    gpus,
  }
}

const amountsOf = ({ joules, seconds, gpus }: Taken, rates: Rates) =>
  rates.amounts({
    from_ms: null,
    to_ms: null,
    duration_ms: (seconds ?? 0) * MS_PER_S,
    it_uj: Math.round((joules ?? 0) * UJ_PER_J),
    gpus: gpus ?? 1,
  })

/** Lines as in a ledger. What a line needs and the candidate lacks makes it null, unless the scenario leaves it out. */
function linesOf(taken: Taken, rates: Rates): CostLine[] {
  const { joules, seconds, gpus } = taken
  const amounts = amountsOf(taken, rates)
  const no_joules = joules === null ? taken.no_joules : null
  const no_seconds = seconds === null ? taken.no_seconds : null
  const no_host = rates.scenario.host_share_w === null ? null : no_seconds
  const lacking = (id: TotalLine): CostReason | null => {
    if (id === 'energy_it') return no_joules
    if (id === 'host') return no_seconds
    if (OF_ENERGY.has(id)) return no_joules ?? no_host
    return no_seconds ?? (gpus === null ? 'no_data' : null)
  }
  return TOTAL_LINES.map((id) => {
    const amount = amounts[id]
    if (typeof amount !== 'number') return missing(id, amount)
    const lost = lacking(id) ?? (Number.isFinite(amount) ? null : 'implausible')
    if (lost !== null) return missing(id, lost)
    const line = wholeLine(id, BigInt(amount), {})
    return { ...line, effects: effects(shownValue(line), rates.terms[id]) }
  })
}

interface Ends {
  /** Whether the range of the energy, and of the time, is known. */
  readonly known: { readonly energy: boolean; readonly time: boolean }
  /** The sum of these lines at both. */
  of(lines: readonly CostLine[]): Pick<Range, 'low' | 'high'>
}

const sumOf = (lines: readonly CostLine[], amounts: ReturnType<Rates['amounts']>): number =>
  lines.reduce((sum, { id }) => {
    const amount = amounts[id as TotalLine]
    return sum + (typeof amount === 'number' ? amount / perUnit(LINES[id].group) : 0)
  }, 0)

/**
 * Sums at the ends of what was measured, energy and time at theirs together: tokens that were miscounted, or a run
 * that was slow, move both the same way. Time is as uncertain, relatively, as the throughput.
 */
function endsOf(
  taken: Taken,
  energy: CandidateMetric | undefined,
  rate: CandidateMetric | undefined,
  rates: Rates,
  which: 'repeat' | 'whole',
): Ends {
  const rangeOf = (m: CandidateMetric | undefined) =>
    which === 'whole' ? [m?.low, m?.high] : [m?.repeat_low, m?.repeat_high]
  const [e_low = null, e_high = null] = rangeOf(energy)
  const [r_low = null, r_high = null] = rangeOf(rate)
  const tokens_s = rate?.value ?? 0
  const { joules, seconds } = taken
  const longer = (by: number) => (seconds === null ? null : Math.max(0, seconds * (1 + by)))
  const joulesAt = (end: number | null) =>
    joules === null || end === null ? joules : Math.max(0, end * TOKENS)
  const at = (j: number | null, s: number | null) =>
    amountsOf({ ...taken, joules: j, seconds: s }, rates)
  const low = at(joulesAt(e_low), longer(r_high === null ? 0 : (tokens_s - r_high) / tokens_s))
  const high = at(joulesAt(e_high), longer(r_low === null ? 0 : (tokens_s - r_low) / tokens_s))
  return {
    known: { energy: e_low !== null && e_high !== null, time: r_low !== null && r_high !== null },
    of: (own) => {
      const ends = [sumOf(own, low), sumOf(own, high)]
      return { low: Math.min(...ends), high: Math.max(...ends) }
    },
  }
}

/** What the watts that the scenario adds for the host do to lines that follow the energy; in those of the host they are. */
function hostEffects(lines: readonly CostLine[], taken: Taken, host_share_w: Range | null): Term[] {
  if (host_share_w === null) return []
  const host = host_share_w.value * (taken.seconds ?? 0)
  const all = host + (taken.joules ?? 0)
  return lines
    .filter((l) => followsEnergy(l) && l.id !== 'energy_it' && all > 0)
    .flatMap((l) => effects((shownValue(l) * host) / all, rangeTerm('host_share_w', host_share_w)))
}

/** What was measured, as one input of the range beside those of the scenario. */
const asTerm = (value: number, { low, high }: Pick<Range, 'low' | 'high'>): Term => ({
  name: 'measured',
  down: (value - low) / Z_95,
  up: (high - value) / Z_95,
  least: value - low,
  most: high - value,
})
