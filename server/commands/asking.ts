import type { Pricing } from '../../analysis/schema/choosing.ts'
import { reasonWords } from '../../analysis/schema/cost.ts'
import type { Asking } from '../choosing-pricer.ts'
import { CommandError } from '../command-error.ts'
import { readScenarioFile, ScenarioError } from '../scenario-file.ts'
import { isoNow } from './with-store.ts'

/**
 * A question under the scenario of a file, where one is named; what could not be taken of it is said on stderr.
 * @throws CommandError where the scenario or the question can't be read
 */
export async function askedUnder<T>(
  file: string | undefined,
  ask: (asking: Asking) => Promise<T>,
): Promise<T> {
  try {
    const read = file === undefined ? null : readScenarioFile(file)
    for (const note of read?.notes ?? []) process.stderr.write(`${note}\n`)
    return await ask({ base: read?.scenario ?? null, today: isoNow().slice(0, 10) })
  } catch (error) {
    if (error instanceof ScenarioError) throw new CommandError(2, error.message)
    throw error
  }
}

/** By what was priced, what is to be known of it, and whose data it is. */
export function pricingText(pricing: Pricing | null): string[] {
  if (pricing === null) return []
  const { statement, cautions, assumptions, attribution } = pricing
  return [
    statement,
    ...assumptions,
    ...cautions.map((c) => `${c}: ${reasonWords(c)}.`),
    ...(attribution.length === 0 ? [] : [`Data: ${attribution.join('; ')}.`]),
  ]
}
