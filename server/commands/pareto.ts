import { kindText } from '../../analysis/choosing/kind-words.ts'
import type { Pareto } from '../../analysis/schema/choosing.ts'
import { type CostReason, reasonWords } from '../../analysis/schema/cost.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { paretoQuerySchema } from '../candidate-query.ts'
import { paretoStored } from '../choose-stored.ts'
import { askedUnder, pricingText } from './asking.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

const CERTAINTY = { certain: 'yes', possible: 'perhaps', none: '' } as const

/** The frontier of what is stored. `query` has the names of the HTTP parameters. */
export async function pareto(
  options: { db: string; json: boolean; scenario: string | undefined },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = parseQuery(paretoQuerySchema, query, 'pareto')
  await withStore(options.db, { create: false }, async (store) => {
    const { answer, chart } = await askedUnder(store, options.scenario, (asking) =>
      paretoStored(store, summariesFor(store), parsed, asking),
    )
    if (parsed.format === 'vega') return printLine(toJson(chart(), 2))
    if (options.json) return printLine(toJson(answer, 2))
    const { points, objectives, groups, excluded } = answer
    const rows = points.map((p) => [
      ...objectives.map((o) => numberText(p.values[o.metric]?.value ?? Number.NaN)),
      `${p.frontier ? 'on it' : ''}${p.knee ? ', knee' : ''}`,
      p.certainty === null ? 'not known' : CERTAINTY[p.certainty],
      numberText(100 * p.frontier_share),
      p.id,
      p.label,
    ])
    const head = [
      ...objectives.map((o) => `${o.metric} (${o.unit})`),
      'FRONTIER',
      'FOR CERTAIN',
      '% OF RESAMPLES',
      'ID',
      'WHAT',
    ]
    groups.forEach((group, place) => {
      if (groups.length > 1) printLine(`${place > 0 ? '\n' : ''}${headingOf(group.group)}`)
      const own = rows.filter((_, i) => points[i]?.group === place)
      for (const line of columns([head, ...own])) printLine(line)
    })
    if (points.length === 0)
      printLine(
        excluded.length > 0
          ? 'No configuration can be ranked.'
          : 'No run or imported result is let through by the filters.',
      )
    for (const line of pricingText(answer.pricing)) printLine(line)
    sayExcluded(excluded)
  })
}

/** `Task gpqa, energy of the GPUs:` */
export function headingOf(group: Readonly<Record<string, unknown>>): string {
  const text = kindText(group)
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}:`
}

/** How many were left out, and why, on stderr. */
export function sayExcluded(excluded: Pareto['excluded']): void {
  const count = (reason: string) => excluded.filter((e) => e.reason === reason).length
  const lacking = new Map<string, number>()
  for (const { reason, metric, why } of excluded) {
    if (reason !== 'no_value') continue
    const words = `${metric} (${reasonWords((why ?? 'not_recorded') as CostReason)})`
    lacking.set(words, (lacking.get(words) ?? 0) + 1)
  }
  const said = [
    [count('invalid'), 'invalid'],
    [count('caution'), 'with cautions (--cautions include ranks them)'],
    ...[...lacking].map(([words, n]) => [n, `without ${words}`] as const),
  ] as const
  const parts = said.filter(([n]) => n > 0).map(([n, words]) => `${n} ${words}`)
  if (parts.length > 0) process.stderr.write(`Left out: ${parts.join(', ')}.\n`)
}
