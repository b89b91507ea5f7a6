import { seededNormal } from '../stats/normal-draw.ts'
import type { Candidate, CandidateMetric } from './candidate.ts'
import type { CommonTerm } from './common-spread.ts'
import type { Objective } from './objective.ts'

/** A cost (lower is better) and by how much it would come out otherwise if it was measured again, as standard deviations. */
interface Spread {
  readonly value: number
  /** What a repetition on the same device would change, downwards and upwards. */
  readonly below: number
  readonly above: number
  /** What all runs on the device have in common; negative where the cost falls as the sensor's gain rises. */
  readonly shared: number
}

/** Published ranges are two standard deviations wide on each side. */
const COVERAGE = 2

/** What of a metric is uncertain. Ranges that are not known count as none: see {@link knowsRange}. */
function spreadOf(metric: CandidateMetric | undefined, direction: 'min' | 'max'): Spread {
  const value = metric?.value ?? Number.NaN
  if (metric === undefined) return { value, below: 0, above: 0, shared: 0 }
  // What moves all candidates together is drawn for all at once.
  const { low, high } = metric.common ?? metric
  // Where the repeatable range is not told apart the whole one is each run's own: nothing cancels.
  const repeat_low = metric.repeat_low ?? low ?? value
  const repeat_high = metric.repeat_high ?? high ?? value
  const below = Math.max(0, value - repeat_low) / COVERAGE
  const above = Math.max(0, repeat_high - value) / COVERAGE
  const whole = low === null || high === null ? 0 : (high - low) / 2 / COVERAGE
  const own = (below + above) / 2
  const shared = Math.sqrt(Math.max(0, whole ** 2 - own ** 2))
  const perJoule = metric.unit.endsWith('/J') || metric.unit.endsWith('/W')
  const signed = perJoule ? -shared : shared
  return direction === 'min'
    ? { value, below, above, shared: signed }
    : { value: -value, below: above, above: below, shared: -signed }
}

/** What the inputs of the scenario, drawn once for all candidates, make of a number: a factor, which turns no sign. */
function commonFactor(terms: readonly CommonTerm[], draws: ReadonlyMap<string, number>): number {
  let power = 0
  for (const { name, down, up } of terms) {
    const z = draws.get(name) as number
    power += z * (z < 0 ? down : up)
  }
  return Math.exp(power)
}

/** Is it known how well a number is known? */
export const knowsRange = (metric: CandidateMetric | undefined): boolean =>
  metric !== undefined && (metric.low !== null || metric.repeat_low !== null)

/** So many points are drawn at most, of two objectives and of more, so that an answer takes about a second. */
const MOST_DRAWN = { two: 3_000_000, more: 300_000 }
const FEWEST = 100

/** How many of the resamples that are asked for are made of so many points: fewer where there are many. */
export function affordableResamples(points: number, objectives: number, asked: number): number {
  const most = objectives > 2 ? MOST_DRAWN.more : MOST_DRAWN.two
  return Math.min(asked, Math.max(FEWEST, Math.floor(most / Math.max(1, points))))
}

/**
 * The costs as measured, and as they might have come out. What repeats is drawn for each candidate and objective alone;
 * what is shared is drawn once a device, so that a gain common to two runs moves both and cancels between them.
 * Candidates on overlapping sets of devices share as much as the sets do. Inputs of a scenario are drawn once for all.
 * @param candidates in an order that does not depend on how they came, since draws follow it
 * @returns `costs` by objective; `draw`, which fills them anew into arrays that it uses again; `exact`: nothing is
 * uncertain, so every draw is what was measured
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function resampler(
  candidates: readonly Candidate[],
  objectives: readonly Objective[],
  seed: number,
): {
  readonly costs: readonly Float64Array[]
  readonly exact: boolean
  draw(): readonly Float64Array[]
} {
  const spreads = objectives.map(({ metric, direction }) =>
    candidates.map((c) => spreadOf(c.metrics[metric], direction)),
  )
  const costs = spreads.map((list) => Float64Array.from(list, (s) => s.value))
  const drawn = costs.map((c) => Float64Array.from(c))
  const devices = [...new Set(candidates.flatMap((c) => c.devices))].sort()
  const gains = new Float64Array(devices.length)
  const place = new Map(devices.map((id, i) => [id, i]))
  const ownDevices = candidates.map((c) => c.devices.map((id) => place.get(id) as number))
  const common = objectives.map(({ metric }) =>
    candidates.map((c) => c.metrics[metric]?.common?.terms ?? []),
  )
  const inputs = [...new Set(common.flat(2).map((t) => t.name))].sort()
  const inputDraws = new Map<string, number>()
  const normal = seededNormal(seed)
  return {
    costs,
    exact:
      inputs.length === 0 &&
      spreads.every((list) => list.every((s) => s.below === 0 && s.above === 0 && s.shared === 0)),
    draw() {
      for (const name of inputs) inputDraws.set(name, normal())
      for (let d = 0; d < gains.length; d++) gains[d] = normal()
      for (let i = 0; i < candidates.length; i++) {
        const own = ownDevices[i] as number[]
        // Of unknown devices nothing is common to others.
        const gain =
          own.length === 0
            ? normal()
            : own.reduce((sum, d) => sum + (gains[d] as number), 0) / Math.sqrt(own.length)
        for (let k = 0; k < objectives.length; k++) {
          const { value, below, above, shared } = (spreads[k] as Spread[])[i] as Spread
          const z = normal()
          const measured = value + z * (z < 0 ? below : above) + gain * shared
          const terms = (common[k] as (readonly CommonTerm[])[])[i] as readonly CommonTerm[]
          ;(drawn[k] as Float64Array)[i] =
            terms.length === 0 ? measured : measured * commonFactor(terms, inputDraws)
        }
      }
      return drawn
    },
  }
}
