import { reasonWords } from '../../analysis/schema/cost.ts'
import { toJson } from '../../analysis/schema/json.ts'
import {
  SUM_IDS,
  TOTAL_PART_IDS,
  type Totals,
  type TotalsGroup,
} from '../../analysis/schema/totals.ts'
import { hasSites } from '../store/document-versions.ts'
import type { Store } from '../store/open.ts'
import { storedLines } from '../stored-words.ts'
import { type TotalsAsked, totalsStored } from '../totals.ts'
import { totalsAsked } from '../totals-ask.ts'
import { totalsQuerySchema } from '../totals-query.ts'
import { inCommand, namedScenario } from './named-scenario.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { namedSites } from './sites.ts'
import { isoNow, printLine, summariesFor, withStore } from './with-store.ts'

export interface TotalsCommand {
  readonly db: string
  readonly json: boolean
  readonly scenario: string | undefined
  readonly sites: string | undefined
}

/** Sums over everything measured. `query` has the names of the HTTP parameters. */
export async function totals(
  options: TotalsCommand,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const asked = await readAsked(store, options, query, 'totals')
    const { totals } = await totalsStored(store, summariesFor(store), asked, isoNow)
    if (options.json) return printLine(toJson(totals, 2))
    for (const line of totalsText(totals)) printLine(line)
  })
}

/**
 * What a command is asked to sum, with the scenario and the sites that it names.
 * @throws CommandError
 */
export async function readAsked(
  store: Store,
  { scenario, sites }: TotalsCommand,
  query: Readonly<Record<string, string>>,
  command: string,
): Promise<TotalsAsked> {
  const parsed = parseQuery(totalsQuerySchema, query, command)
  return inCommand(async () => {
    const base = scenario === undefined ? null : await namedScenario(store, scenario)
    const table = sites === undefined ? null : await namedSites(store, sites)
    // Used unasked, it would change answers on the day that somebody stores it; left out in silence, it would surprise.
    if (table === null && (await hasSites(store.db)))
      process.stderr.write(
        'A table of sites is stored and not used here; --sites stored puts each host under its row.\n',
      )
    return totalsAsked(store, parsed, base, table, isoNow().slice(0, 10))
  })
}

/** Totals as a table, with what they do not hold beside them. */
export function totalsText(answer: Totals): string[] {
  const { groups, total, by, runs, left_out, attribution } = answer
  const asked = SUM_IDS.filter(
    (id) => id === 'energy_it' || total.totals[id]?.reason !== 'not_asked',
  )
  const head = [
    ...by.map((b) => b.toUpperCase()),
    'RUNS',
    ...asked.map((id) => `${id} (${total.totals[id]?.unit})`),
  ]
  const line = (group: TotalsGroup, keys: readonly string[]) => [
    ...keys,
    String(group.runs),
    ...asked.map((id) => cell(group, id)),
  ]
  const rows = groups.map((g) =>
    line(
      g,
      by.map((b) => g.key[b] ?? '(not told)'),
    ),
  )
  const sum = line(
    total,
    by.map((_, i) => (i === 0 ? 'all' : '')),
  )
  return [
    ...columns([head, ...rows, sum]),
    '',
    ...columns([
      ['OF THE ENERGY', 'RUNS', 'kWh'],
      ...TOTAL_PART_IDS.map((id) => {
        const part = total.parts[id]
        return [id, String(part?.runs ?? 0), numberText(part?.energy_it_kwh ?? 0)]
      }),
    ]),
    ...asked.flatMap((id) =>
      (total.totals[id]?.missing ?? []).map(
        ({ reason, kwh }) =>
          `${id}: not of ${numberText(kwh)} kWh: ${reasonWords(reason)} (${reason}).`,
      ),
    ),
    ...(answer.without_site ?? []).map(unplacedText),
    ...(total.estimates.runs > 0
      ? [
          `Not counted: ${numberText(total.estimates.kwh)} kWh of ${total.estimates.runs} runs are estimates (${numberText(total.estimates.share_pct ?? 0)} % of both).`,
        ]
      : []),
    ...runs.unmeasured.map((u) => `Not counted: ${u.runs} runs without energy (${u.reason}).`),
    ...(runs.open > 0 ? [`Not counted: ${runs.open} runs that are not finished.`] : []),
    ...(runs.unreadable > 0
      ? [`Not counted: ${runs.unreadable} runs whose rows can't be read.`]
      : []),
    ...(left_out.length > 0
      ? [`Left out, as it is of the site's month, not of runs: ${left_out.join(', ')}.`]
      : []),
    ...storedLines(answer),
    ...(attribution.length > 0 ? [`Data: ${attribution.join('; ')}.`] : []),
  ]
}

/** Whose energy stands under the scenario alone, as no row of the table of sites is of it. */
function unplacedText({
  host,
  site,
  runs,
  kwh,
}: NonNullable<Totals['without_site']>[number]): string {
  const who = host === null ? 'Runs that tell no host' : `Host ${host}`
  const told = site === null ? '' : `, whose runs tell the site ${site}`
  const count = `${runs} ${runs === 1 ? 'run' : 'runs'}, ${numberText(kwh)} kWh`
  return `Without a site: ${who}${told}: ${count}. No row of the table fits its name on these days, so the scenario alone holds.`
}

function cell({ totals }: TotalsGroup, id: string): string {
  const total = totals[id]
  if (total === undefined || total.amount === null) return '-'
  const share =
    total.covered_pct !== null && total.covered_pct < 100
      ? ` (of ${numberText(total.covered_pct)} %)`
      : ''
  return `${numberText(total.amount.value)}${share}`
}
