import { setImmediate } from 'node:timers/promises'
import type { Candidate } from '../analysis/choosing/candidate.ts'
import { pricedTotalOf } from '../analysis/choosing/choice-metric.ts'
import { type AskedMetric, type Pricer, pricerOf } from '../analysis/choosing/pricing.ts'
import type { Scenario } from '../analysis/schema/scenario.ts'
import { type CostQuery, saysScenario, scenarioFrom } from './cost-query.ts'
import { intensityTables } from './intensity-tables.ts'
import { ScenarioError } from './scenario-file.ts'

/** Where a question is asked: the scenario of a file or a body, null without; and the day, YYYY-MM-DD. */
export interface Asking {
  readonly base: Scenario | null
  readonly today: string
}

/**
 * What candidates are priced by: the parameters put over the scenario, factors of the year of today where none is named.
 * @returns null where nothing of a scenario is said and nothing asked for that needs one
 * @throws ScenarioError
 */
export async function pricerFor(
  { said, asked }: { readonly said: CostQuery; readonly asked: readonly AskedMetric[] },
  { base, today }: Asking,
): Promise<Pricer | null> {
  const priced = asked.some(({ metric }) => pricedTotalOf(metric) !== null)
  if (base === null && !saysScenario(said) && !priced) return null
  const scenario = scenarioFrom(said, base, today)
  const pricer = pricerOf(scenario, Number(today.slice(0, 4)), await intensityTables(), asked)
  if ('price' in pricer) return pricer
  throw new ScenarioError('the question', pricer)
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
