import type { Answer, Choice, Recommendation } from '../../analysis/schema/choosing.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { recommendQuerySchema } from '../candidate-query.ts'
import { recommendStored } from '../choose-stored.ts'
import { askedUnder, pricingText } from './asking.ts'
import { numberText } from './number-text.ts'
import { headingOf, sayExcluded } from './pareto.ts'
import { parseQuery } from './parse-query.ts'
import { columns } from './runs.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** What to choose of what is stored. `query` has the names of the HTTP parameters. */
export async function recommend(
  options: { db: string; json: boolean; scenario: string | undefined },
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const parsed = parseQuery(recommendQuerySchema, query, 'recommend')
  await withStore(options.db, { create: false }, async (store) => {
    const { answer, chart } = await askedUnder(store, options.scenario, (asking) =>
      recommendStored(store, summariesFor(store), parsed, asking),
    )
    if (parsed.format === 'vega') return printLine(toJson(chart(), 2))
    if (options.json) return printLine(toJson(answer, 2))
    printLine(answer.reason)
    for (const line of pricingText(answer.pricing)) printLine(line)
    const { unit, minimize, latency, groups, excluded } = answer
    const shown = [answer, ...groups].flatMap(choices)
    // What is bounded, and what the scenario says beside: carbon of the cheapest, money of the cleanest.
    const told = new Set(shown.flatMap(({ choice }) => Object.keys(choice.values)))
    const beside = [...told].filter((id) => id !== minimize && id !== latency)
    const unitOf = (id: string) => shown.flatMap(({ choice }) => choice.values[id]?.unit ?? [])[0]
    const rows = shown.map(({ role, choice }) => [
      role,
      numberText(choice.value),
      choice.low === null || choice.high === null
        ? ''
        : `${numberText(choice.low)} to ${numberText(choice.high)}`,
      choice.latency === null ? '-' : numberText(choice.latency),
      ...beside.map((id) => {
        const found = choice.values[id]
        return found === undefined ? '-' : numberText(found.value)
      }),
      choice.id,
      choice.label,
    ])
    if (rows.length > 0) {
      printLine('')
      const besides = beside.map((id) => (unitOf(id) === '1' ? id : `${id} (${unitOf(id)})`))
      const head = ['', `${minimize} (${unit})`, '95 % RANGE', latency, ...besides, 'ID', 'WHAT']
      const [first = '', ...lines] = columns([head, ...rows])
      printLine(first)
      shown.forEach(({ group }, i) => {
        // Where there are several answers, each stands under what its candidates have in common.
        if (group !== null && group !== shown[i - 1]?.group) printLine(headingOf(group))
        printLine(lines[i] ?? '')
      })
    }
    for (const own of [answer, ...groups])
      for (const line of hardwareText(own, answer)) printLine(line)
    sayExcluded(excluded)
  })
}

interface Row {
  readonly group: Answer['group']
  readonly role: string
  readonly choice: Choice
}

function choices({ group, recommended, baseline, nearest }: Answer): Row[] {
  const row = (role: string, choice: Choice | null) =>
    choice === null ? [] : [{ group, role, choice }]
  return [
    ...row('recommended', recommended),
    ...row('baseline', baseline?.id === recommended?.id ? null : baseline),
    ...row('nearest', nearest),
  ]
}

/** What newer hardware saves: the best of each model and precision on both, at each deadline. */
function hardwareText(
  { hardware_gain: gain, group }: Answer,
  { minimize, unit, latency }: Recommendation,
): string[] {
  if (gain === null) return []
  const { old_gpu, new_gpu, comparisons, wins, median_pct, low_pct, high_pct } = gain
  const of = group === null ? '' : ` (${headingOf(group).replace(/:$/, '')})`
  if (comparisons.length === 0)
    return ['', `${new_gpu} against ${old_gpu}${of}: no model was measured on both in time.`]
  const range = [low_pct, median_pct, high_pct].map((p) => (p === null ? '-' : p.toFixed(0)))
  const head = ['MODEL', `${latency} AT MOST`, old_gpu, new_gpu, 'SAVES']
  const rows = comparisons.map((c) => [
    c.group,
    numberText(c.deadline),
    numberText(c.old_best),
    numberText(c.new_best),
    `${c.gain_pct.toFixed(0)} %`,
  ])
  return [
    '',
    `${new_gpu} against ${old_gpu}${of}, best against best by ${minimize} (${unit}): saves ${range[1]} % in the middle (${range[0]} to ${range[2]} %); it takes less in ${wins} of ${comparisons.length}.`,
    '',
    ...columns([head, ...rows]),
  ]
}
