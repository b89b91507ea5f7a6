import { qualitySpec } from '../../analysis/report/quality.ts'
import { toJson } from '../../analysis/schema/json.ts'
import type { Rated } from '../../analysis/schema/quality.ts'
import { ratingsQuerySchema, storedRatings } from '../answers/ratings.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { printLine, withStore } from './with-store.ts'

/** What the votes say of models or runs, best first. `query` has the names of the HTTP parameters. */
export async function ratings(
  options: { db: string; json: boolean },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = parseQuery(ratingsQuerySchema, query, 'ratings')
  await withStore(options.db, { create: false }, async (store) => {
    const found = await storedRatings(store, parsed)
    if (parsed.format === 'vega') return printLine(toJson(qualitySpec(found), 2))
    if (options.json) return printLine(toJson(found, 2))
    if (found.votes === 0)
      return printLine('No votes yet. llem-server serve, then /vote in a browser.')
    if (found.groups.length > 1)
      process.stderr.write(
        `No rating holds for all: votes join only ${found.groups.map((g) => g.join(', ')).join(' | ')}. Vote on pairs across these.\n`,
      )
    const sorted = [...found.entrants].sort(
      (x, y) => (y.rating.value ?? 0) - (x.rating.value ?? 0) || (x.entrant < y.entrant ? -1 : 1),
    )
    const head = ['', 'RATING', '95 %', 'WINS %', 'VOTES', 'J/ANSWER', '95 %', 'FRONTIER']
    for (const line of columns([head, ...sorted.map(rowOf)])) printLine(line)
  })
}

function rowOf(it: Rated): string[] {
  const range = ({ low, high }: Rated['rating']) =>
    low === null || high === null ? '' : `${numberText(low)} to ${numberText(high)}`
  const value = ({ value, reason }: Rated['rating']) =>
    value === null ? (reason ?? '') : numberText(value)
  return [
    it.entrant,
    value(it.rating),
    range(it.rating),
    it.win_pct === null ? '' : numberText(it.win_pct),
    String(it.votes),
    value(it.energy_per_answer_j),
    range(it.energy_per_answer_j),
    it.frontier ? 'on it' : '',
  ]
}
