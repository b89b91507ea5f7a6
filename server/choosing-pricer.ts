import { setImmediate } from 'node:timers/promises'
import type { Candidate } from '../analysis/choosing/candidate.ts'
import { pricedTotalOf } from '../analysis/choosing/choice-metric.ts'
import { type AskedMetric, type Pricer, pricerOf } from '../analysis/choosing/pricing.ts'
import { type CostQuery, saysScenario, scenarioFrom } from './cost-query.ts'
import { intensityTables } from './intensity-tables.ts'
import { ScenarioError } from './scenario-file.ts'
import { baseAsked, type ScenarioBase, usedScenario } from './scenarios.ts'
import type { FailedRun } from './store/find-run.ts'
import type { Store } from './store/open.ts'

/** Where a question is asked: the scenario that was given, null without; and the day, YYYY-MM-DD. */
export interface Asking {
  readonly base: ScenarioBase | null
  readonly today: string
  /** Gets the failed runs that `current=last` skips. */
  readonly skipped?: (failed: readonly FailedRun[]) => void
}

/**
 * What candidates are priced by: the parameters put over the scenario, factors of the year of today where none is named.
 * @returns null where nothing of a scenario is said and nothing asked for that needs one
 * @throws ScenarioError, NotStored
 */
export async function pricerFor(
  store: Store,
  { said, asked }: { readonly said: CostQuery; readonly asked: readonly AskedMetric[] },
  { base: given, today }: Asking,
): Promise<Pricer | null> {
  const priced = asked.some(({ metric }) => pricedTotalOf(metric) !== null)
  if (given === null && !saysScenario(said) && !priced) return null
  const base = await baseAsked(store, said, given)
  const scenario = scenarioFrom(said, base?.scenario ?? null, today)
  const pricer = pricerOf(scenario, Number(today.slice(0, 4)), await intensityTables(), asked)
  if (!('price' in pricer)) throw new ScenarioError('the question', pricer)
  const used = usedScenario(base, said)
  return {
    price: pricer.price,
    pricing: (candidates) => ({ ...pricer.pricing(candidates), ...used }),
  }
}

/** Candidates with their priced metrics, where they are priced. */
export async function pricedBy(
  pricer: Pricer | null,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  if (pricer === null) return candidates
  const priced: Candidate[] = []
  for (const [i, candidate] of candidates.entries()) {
    // Whoever sends readings meanwhile is let in.
    if (i % 100 === 99) await setImmediate()
    priced.push(pricer.price(candidate))
  }
  return priced
}
