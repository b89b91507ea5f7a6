import { html, raw } from 'hono/html'
import { type CostChart, costSpec } from '../../analysis/report/cost.ts'
import { PAGE } from '../../analysis/report/theme.ts'
import {
  type CostLedger,
  LINES,
  type Line,
  type LineId,
  type PerUnit,
  reasonWords,
} from '../../analysis/schema/cost.ts'
import { scenarioWords } from '../stored-words.ts'
import { type Markup, scrolling } from './markup.ts'
import { rangeText, valueText } from './number-text.ts'
import { drawSvg } from './svg.ts'

/** Pixels of a drawing on a page, and on a phone. */
const WIDTHS = { wide: 950, narrow: 328 }
/** What the scenario does not speak of needs no row. */
const SILENT: ReadonlySet<string> = new Set(['not_asked', 'not_applicable'])

/** Carbon, water and money under the scenario that the report was asked with. */
export async function costSection(ledger: CostLedger): Promise<Markup> {
  const lines = ledger.lines.filter((l) => !SILENT.has(l.reason ?? ''))
  const totals = Object.values(ledger.totals).filter((t) => !SILENT.has(t.reason ?? ''))
  return html`<section aria-labelledby="cost"><h2 id="cost">Carbon and money</h2>
    <p>The energy of the ${ledger.span === 'window' ? 'counted window' : 'whole record'}, boundary ${ledger.boundary}, under scenario
      ${ledger.scenario_stored === undefined ? ledger.scenario_id : scenarioWords(ledger.scenario_stored)}. Location and market are two answers to one question; neither holds embodied emissions.</p>
    ${scrolling('Lines of carbon and money', lineTable(lines))}
    ${scrolling('Totals of carbon and money', totalTable(totals, ledger.per_unit))}
    ${await figure(ledger, 'carbon', 'Emissions')}${await figure(ledger, 'money', 'Cost')}
    ${ledger.notes.map((n) => html`<p class="note">${n}</p>`)}
    <details><summary>What each line assumes</summary><ul>${lines
      .filter((l) => l.assumptions.length > 0)
      .map(
        (l) => html`<li>${LINES[l.id as LineId].title}: ${l.assumptions.join(' ')}</li>`,
      )}</ul></details>
    ${ledger.warnings.map((w) => html`<p class="note"><code>${w}</code>: ${reasonWords(w)}.</p>`)}
    ${
      ledger.attribution.length === 0
        ? ''
        : html`<p class="note">Data: ${ledger.attribution.join('; ')}.</p>`
    }</section>`
}

function lineTable(lines: readonly Line[]): Markup {
  return html`<table><thead><tr><th scope="col">line</th><th scope="col" class="num">amount</th>
    <th scope="col">unit</th><th scope="col">factor</th><th scope="col">source</th></tr></thead><tbody>
    ${lines.map(
      (
        l,
      ) => html`<tr><th scope="row">${LINES[l.id as LineId].title}</th>${amountCell(l)}<td>${l.unit}</td>
        <td>${l.factor === null ? '' : `${Number(l.factor.value.toPrecision(4))} ${l.factor.unit}`}</td>
        <td>${[l.provenance, l.source, l.year].filter((w) => w !== null).join(', ')}</td></tr>`,
    )}</tbody></table>`
}

const UNITS = [
  ['mtok_out', '1M output tokens'],
  ['mtok_total', '1M tokens'],
  ['request', 'request'],
] as const

function totalTable(totals: readonly Line[], per_unit: Readonly<Record<string, PerUnit>>): Markup {
  return html`<table><thead><tr><th scope="col">total</th><th scope="col" class="num">amount</th>
    <th scope="col">unit</th>${UNITS.map(
      ([, words]) => html`<th scope="col" class="num">per ${words}</th>`,
    )}</tr></thead><tbody>
    ${totals.map(
      (
        t,
      ) => html`<tr><th scope="row">${t.id.replaceAll('_', ' ')}</th>${amountCell(t)}<td>${t.unit}</td>
        ${UNITS.map(([unit]) => amountCell(per_unit[`${t.id}_per_${unit}`]))}</tr>`,
    )}</tbody></table>`
}

function amountCell(it: Pick<Line, 'amount' | 'reason'> | undefined): Markup {
  if (it === undefined || it.amount === null)
    return html`<td class="none">${reasonWords(it?.reason ?? 'no_data')}</td>`
  return html`<td class="num">${valueText(it.amount)}<small>${rangeText(it.amount, '–') ?? ''}</small></td>`
}

async function figure(ledger: CostLedger, chart: CostChart, title: string): Promise<Markup | ''> {
  const draw = (width: number) => costSpec(ledger, chart, { width, palette: PAGE })
  const [wide, narrow] = [draw(WIDTHS.wide), draw(WIDTHS.narrow)]
  if (wide === null || narrow === null) return ''
  return html`<figure id="chart-${chart}"><h3>${title}</h3>
    <div class="still" role="img" aria-label="${title}, each line with its 95 % range; the table above has the numbers.">
      <div class="wide">${raw(await drawSvg(wide, `${chart}-w`))}</div>
      <div class="narrow">${raw(await drawSvg(narrow, `${chart}-n`))}</div></div></figure>`
}
