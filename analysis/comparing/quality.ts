import { onFrontier } from '../choosing/pareto.ts'
import type { AnswerFacts, Choice, Rated, RatedBy, Ratings } from '../schema/quality.ts'
import type { Reason } from '../schema/reason.ts'
import { seededNormal } from '../stats/normal-draw.ts'
import { tQuantile } from '../stats/student.ts'
import { bradleyTerry, type Match } from './bradley-terry.ts'

/** A vote as it is stored: what was chosen, and what was then shown. */
export interface Vote {
  readonly prompt_sha256: string
  readonly choice: Choice
  readonly left: AnswerFacts
  readonly right: AnswerFacts
  readonly worth_it: boolean | null
}

const RESAMPLES = 1_000
const SEED = 1
const Z = 1.959963984540054

/**
 * How often each entrant's answers are chosen, against the joules of its answers. Votes between two answers of one entrant
 * tell nothing and are left out. The answer does not depend on the order of the votes.
 * @param by what is rated: models over all their runs, or single runs
 * Source: docs/metrics.md, "Quality against energy".
 */
export function ratingsOf(votes: readonly Vote[], by: RatedBy): Ratings {
  const nameOf = (side: AnswerFacts) => (by === 'model' ? (side.model ?? side.set_id) : side.set_id)
  const counted = votes
    .map((vote) => ({ ...vote, a: nameOf(vote.left), b: nameOf(vote.right) }))
    .filter(({ a, b }) => a !== b)
  const { strengths, groups } = bradleyTerry(
    counted.map(({ a, b, choice }): Match => ({ a, b, score: SCORE[choice] })),
  )
  const rated = groups
    .flat()
    .sort()
    .map((entrant, i): Rated => {
      const tally = tallyOf(counted, entrant)
      const found = strengths?.[i]
      const rating =
        found === undefined
          ? none(tally.votes, 'unconnected')
          : {
              value: found.strength,
              low: found.low,
              high: found.high,
              n: tally.votes,
              reason: null,
            }
      return {
        entrant,
        rating,
        win_pct: rating.value === null ? null : 100 / (1 + Math.exp(-rating.value)),
        ...tally,
        energy_per_answer_j: energyOf(counted, entrant),
        frontier: false,
        frontier_share: null,
      }
    })
  return {
    by,
    votes: counted.length,
    groups: groups.map((g) => [...g]),
    entrants: withFrontier(rated),
    resamples: RESAMPLES,
  }
}

const SCORE: Record<Choice, Match['score']> = { left: 1, right: 0, tie: 0.5, both_bad: 0.5 }

type Counted = Vote & { readonly a: string; readonly b: string }
type Estimate = Rated['rating']

const none = (n: number, reason: Reason): Estimate => ({
  value: null,
  low: null,
  high: null,
  n,
  reason,
})

function tallyOf(votes: readonly Counted[], entrant: string) {
  const out = {
    ...{ votes: 0, wins: 0, losses: 0, ties: 0, both_bad: 0 },
    ...{ worth_it: 0, not_worth_it: 0 },
  }
  for (const { a, b, choice, worth_it } of votes) {
    if (a !== entrant && b !== entrant) continue
    out.votes++
    if (choice === 'tie' || choice === 'both_bad') {
      out.ties++
      if (choice === 'both_bad') out.both_bad++
    } else if ((choice === 'left') === (a === entrant)) {
      out.wins++
      if (worth_it !== null) out[worth_it ? 'worth_it' : 'not_worth_it']++
    } else out.losses++
  }
  return out
}

/**
 * Mean joules of the answers that were voted on, each once, invalid runs left out. The range adds how answers differ
 * (Student's t) to what the sensor gets wrong, which is common to all of them.
 */
function energyOf(votes: readonly Counted[], entrant: string): Estimate {
  const answers = new Map<string, AnswerFacts>()
  for (const { a, b, left, right, prompt_sha256 } of votes)
    for (const [name, side] of [
      [a, left],
      [b, right],
    ] as const)
      if (name === entrant) answers.set(`${prompt_sha256} ${side.set_id}`, side)
  const taken = [...answers]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .flatMap(([, side]) =>
      side.energy_j !== null && side.valid !== false ? [{ ...side, energy_j: side.energy_j }] : [],
    )
  const n = taken.length
  if (n === 0) {
    const [first] = [...answers.values()]
    return none(0, first?.energy_reason ?? 'not_recorded')
  }
  const value = taken.reduce((sum, s) => sum + s.energy_j, 0) / n
  const sensor =
    taken.reduce((sum, s) => sum + ((s.energy_high_j ?? 0) - (s.energy_low_j ?? 0)) / 2, 0) / n
  if (n === 1) {
    const [only] = taken
    return {
      value,
      low: only?.energy_low_j ?? null,
      high: only?.energy_high_j ?? null,
      n,
      reason: null,
    }
  }
  const variance = taken.reduce((sum, s) => sum + (s.energy_j - value) ** 2, 0) / (n - 1)
  const half = Math.hypot(tQuantile(0.975, n - 1) * Math.sqrt(variance / n), sensor)
  return { value, low: value - half, high: value + half, n, reason: null }
}

/** Rating high, energy low: which entrants no other beats on both, as measured and in seeded resamples of both ranges. */
function withFrontier(rated: readonly Rated[]): Rated[] {
  const having = rated.filter(
    (r) => r.rating.value !== null && r.energy_per_answer_j.value !== null,
  )
  if (having.length === 0) return [...rated]
  const value = (e: Estimate) => e.value as number
  const quality = having.map((r) => -value(r.rating))
  const energy = having.map((r) => value(r.energy_per_answer_j))
  const on = onFrontier([quality, energy])
  const normal = seededNormal(SEED)
  const spread = (e: Estimate) => (e.low === null || e.high === null ? 0 : (e.high - e.low) / 2 / Z)
  const share = new Float64Array(having.length)
  for (let r = 0; r < RESAMPLES; r++) {
    const drawn = having.map((it, i) => [
      (quality[i] as number) + normal() * spread(it.rating),
      (energy[i] as number) + normal() * spread(it.energy_per_answer_j),
    ])
    const found = onFrontier([drawn.map((d) => d[0] as number), drawn.map((d) => d[1] as number)])
    found.forEach((is, i) => {
      share[i] = (share[i] as number) + is
    })
  }
  const place = new Map(having.map((r, i) => [r.entrant, i]))
  return rated.map((r) => {
    const i = place.get(r.entrant)
    if (i === undefined) return r
    return { ...r, frontier: on[i] === 1, frontier_share: (share[i] as number) / RESAMPLES }
  })
}
