import type { Answer, Choice } from '../../analysis/schema/choosing.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { recommendQuerySchema } from '../candidate-query.ts'
import { recommendStored } from '../choose-stored.ts'
import { numberText } from './number-text.ts'
import { sayExcluded } from './pareto.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** What to choose of what is stored. `query` has the names of the HTTP parameters. */
export async function recommend(
  options: { db: string; json: boolean },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = parseQuery(recommendQuerySchema, query, 'recommend')
  await withStore(options.db, { create: false }, async (store) => {
    const { answer, chart } = await recommendStored(store, summariesFor(store), parsed)
    if (parsed.format === 'vega') return printLine(toJson(chart(), 2))
    if (options.json) return printLine(toJson(answer, 2))
    printLine(answer.reason)
    const { unit, minimize, latency, groups, excluded } = answer
    const rows = [answer, ...groups].flatMap(choices)
    if (rows.length > 0) {
      printLine('')
      const head = ['', `${minimize} (${unit})`, '95 % RANGE', latency, 'ID', 'WHAT']
      for (const line of columns([head, ...rows])) printLine(line)
    }
    sayExcluded(excluded)
  })
}

function choices({ recommended, baseline, nearest }: Answer): string[][] {
  const row = (role: string, c: Choice | null) =>
    c === null
      ? []
      : [
          [
            role,
            numberText(c.value),
            c.low === null || c.high === null
              ? ''
              : `${numberText(c.low)} to ${numberText(c.high)}`,
            c.latency === null ? '-' : numberText(c.latency),
            c.id,
            c.label,
          ],
        ]
  return [
    ...row('recommended', recommended),
    ...row('baseline', baseline?.id === recommended?.id ? null : baseline),
    ...row('nearest', nearest),
  ]
}
