import { html } from 'hono/html'
import type { Statistic } from '../../analysis/schema/canon.ts'
import type { MetricValue, Summary } from '../../analysis/schema/summary.ts'
import { type Markup, scrolling } from './markup.ts'
import { type MetricKey, readKey, reasonWords, sourceWords, titleOf } from './metric-words.ts'
import { plain, rangeText, valueText } from './number-text.ts'

interface Entry extends MetricKey {
  readonly metric: MetricValue
}

const SECTIONS = ['energy', 'throughput', 'load', 'memory', 'latency', 'ledger', 'other'] as const
const SECTION_TITLES: Record<(typeof SECTIONS)[number], string> = {
  energy: 'Energy',
  throughput: 'Throughput',
  load: 'Load',
  memory: 'Memory',
  latency: 'Latency',
  ledger: 'Ledger',
  other: 'Other',
}

/** Every metric of the summary by section; what can't be had is listed last, with its reason. */
export function metricsSection(summary: Summary): Markup {
  const entries = Object.entries(summary.metrics).map(
    ([key, metric]): Entry => ({ ...readKey(key), metric }),
  )
  const of = (section: string) => entries.filter((e) => (e.row?.section ?? 'other') === section)
  return html`<section aria-labelledby="metrics"><h2 id="metrics">All metrics</h2>
    <p>Values are rounded to two significant digits of their uncertainty. The range is 95 %, everything included;
      n is the number of values that a statistic was made of. A dash: not available, for a reason given below.</p>
    ${SECTIONS.map((section) => sectionTables(section, of(section)))}
    ${unavailable(entries)}</section>`
}

function sectionTables(section: (typeof SECTIONS)[number], entries: readonly Entry[]): Markup | '' {
  const known = entries.filter((e) => e.metric.value !== null)
  if (known.length === 0) return ''
  const scalars = known.filter((e) => e.statistic === null)
  const spread = grouped(
    known.filter((e) => e.statistic !== null),
    titleOf,
  )
  return html`<h3>${SECTION_TITLES[section]}</h3>
    ${scalars.length === 0 ? '' : scrolling(`${SECTION_TITLES[section]} metrics`, scalarTable(scalars))}
    ${spread.length === 0 ? '' : scrolling(`${SECTION_TITLES[section]} distributions`, spreadTable(spread))}`
}

function scalarTable(entries: readonly Entry[]): Markup {
  return html`<table class="scalars"><thead><tr><th scope="col">metric</th><th scope="col" class="num">value</th>
    <th scope="col">unit</th><th scope="col" class="num">95 % low</th><th scope="col" class="num">high</th>
    <th scope="col" class="num">n</th><th scope="col">source</th></tr></thead><tbody>
    ${entries.map((e) => {
      const [low, high] = (rangeText(e.metric, '|') ?? '|').split('|')
      return html`<tr><th scope="row">${titleOf(e)} <code>${e.key}</code></th>
        <td class="num">${valueText(e.metric)}</td><td>${e.metric.unit === '1' ? '' : e.metric.unit}</td>
        <td class="num">${low}</td><td class="num">${high}</td>
        <td class="num">${e.metric.n === null ? '' : plain(e.metric.n)}</td>
        <td>${sourceWords(e.metric.provenance)}${e.metric.scope ? ` (${e.metric.scope})` : ''}</td></tr>`
    })}</tbody></table>`
}

const COLUMN_TITLES: Record<Statistic, string> = {
  mean: 'mean',
  sd: 'sd',
  min: 'min',
  p50: 'p50',
  p90: 'p90',
  p95: 'p95',
  p99: 'p99',
  p999: 'p99.9',
  max: 'max',
}
const COLUMNS = Object.keys(COLUMN_TITLES) as Statistic[]

function spreadTable(groups: readonly [Entry, ...Entry[]][]): Markup {
  return html`<table class="spread"><thead><tr><th scope="col">metric</th>
    ${COLUMNS.map((s) => html`<th scope="col" class="num">${COLUMN_TITLES[s]}</th>`)}
    <th scope="col" class="num">n</th></tr></thead><tbody>
    ${groups.map((group) => {
      const [first] = group
      const n = Math.max(...group.map((e) => e.metric.n ?? 0))
      return html`<tr><th scope="row">${titleOf(first)}, ${first.metric.unit} <code>${first.id}</code></th>
        ${COLUMNS.map((s) => cell(group.find((e) => e.statistic === s)))}
        <td class="num">${n === 0 ? '' : plain(n)}</td></tr>`
    })}</tbody></table>`
}

/** Nine statistics stand side by side: four digits of each are what fits and what a reader compares. */
const CELL_DIGITS = 4

function cell(entry: Entry | undefined): Markup {
  if (entry === undefined) return html`<td class="num none">–</td>`
  const range = rangeText(entry.metric, '–', CELL_DIGITS)
  return html`<td class="num">${valueText(entry.metric, CELL_DIGITS)}${range === null ? '' : html`<small>${range}</small>`}</td>`
}

/** The metrics without a value by their reason: one reason often holds for many. */
function unavailable(entries: readonly Entry[]): Markup | '' {
  const nulls = entries.filter((e) => e.metric.value === null)
  if (nulls.length === 0) return ''
  const reasons = grouped(nulls, (e) => reasonWords(e.metric.reason))
  return html`<h3>Not available</h3>
    <dl class="reasons">${reasons.map(
      (group) => html`<div><dt>${reasonWords(group[0].metric.reason)}</dt>
        <dd>${grouped(group, titleOf).map((of, i) => html`${i > 0 ? '; ' : ''}${absentTitle(of, entries)}`)}</dd></div>`,
    )}</dl>`
}

/** A distribution that lacks everything is named once, not nine times. */
function absentTitle(absent: readonly [Entry, ...Entry[]], entries: readonly Entry[]): Markup {
  const [first] = absent
  const all = entries.filter((e) => titleOf(e) === titleOf(first))
  const which =
    absent.length === all.length || first.statistic === null
      ? ''
      : `: ${absent.map((e) => (e.statistic === null ? '' : COLUMN_TITLES[e.statistic])).join(', ')}`
  return html`${titleOf(first)}${which} <code>${first.id}</code>`
}

function grouped(entries: readonly Entry[], by: (e: Entry) => string): [Entry, ...Entry[]][] {
  const groups = new Map<string, [Entry, ...Entry[]]>()
  for (const entry of entries) {
    const group = groups.get(by(entry))
    if (group) group.push(entry)
    else groups.set(by(entry), [entry])
  }
  return [...groups.values()]
}
