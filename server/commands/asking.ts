import type { Pricing } from '../../analysis/schema/choosing.ts'
import { reasonWords } from '../../analysis/schema/cost.ts'
import type { Asking } from '../choosing-pricer.ts'
import type { Store } from '../store/open.ts'
import { storedLines } from '../stored-words.ts'
import { printSkipped } from './named-run.ts'
import { inCommand, namedScenario } from './named-scenario.ts'
import { isoNow } from './with-store.ts'

/**
 * A question under the scenario of a file or a stored one, where one is named.
 * @throws CommandError where the scenario or the question can't be read
 */
export const askedUnder = <T>(
  store: Store,
  named: string | undefined,
  ask: (asking: Asking) => Promise<T>,
): Promise<T> =>
  inCommand(async () => {
    const base = named === undefined ? null : await namedScenario(store, named)
    return ask({ base, today: isoNow().slice(0, 10), skipped: printSkipped })
  })

/** By what was priced, what is to be known of it, and whose data it is. */
export function pricingText(pricing: Pricing | null): string[] {
  if (pricing === null) return []
  const { statement, cautions, assumptions, attribution } = pricing
  return [
    statement,
    ...storedLines(pricing),
    ...assumptions,
    ...cautions.map((c) => `${c}: ${reasonWords(c)}.`),
    ...(attribution.length === 0 ? [] : [`Data: ${attribution.join('; ')}.`]),
  ]
}
