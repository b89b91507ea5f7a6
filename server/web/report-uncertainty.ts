import { html } from 'hono/html'
import type { Component, Summary } from '../../analysis/schema/summary.ts'
import { type Markup, scrolling } from './markup.ts'
import { componentWords, sourceWords } from './metric-words.ts'
import { significant } from './number-text.ts'

/** What the headline's range is made of, largest first. */
export function uncertaintySection(summary: Summary): Markup {
  const components = summary.metrics['energy_per_output_token_j']?.components ?? []
  const body =
    components.length === 0
      ? html`<p>The headline carries no components: it has no range, or no value.</p>`
      : html`<p>Standard uncertainties of the headline. The 95 % range is twice their root sum of squares; the
          repeatable range leaves out what is common to all runs on the device, since it cancels when two of them
          are compared.</p>${scrolling('Components of the uncertainty', componentTable(components))}`
  return html`<section aria-labelledby="uncertainty"><h2 id="uncertainty">Uncertainty of the headline</h2>${body}</section>`
}

function componentTable(components: readonly Component[]): Markup {
  const square = components.reduce((sum, c) => sum + c.value ** 2, 0)
  const sorted = [...components].sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
  return html`<table><thead><tr><th scope="col">component</th><th scope="col" class="num">standard, J/token</th>
    <th scope="col" class="num">share of the variance, %</th><th scope="col">common to all runs on the device</th></tr></thead>
    <tbody>${sorted.map(
      (
        c,
      ) => html`<tr><th scope="row">${componentWords(c.name)}${c.source == null ? '' : `, ${c.source.split('+').map(sourceWords).join(' and ')}`} <code>${c.name}</code></th>
        <td class="num">${significant(c.value, 2)}</td>
        <td class="num">${square === 0 ? '–' : ((100 * c.value ** 2) / square).toFixed(1)}</td>
        <td>${c.shared ? 'yes' : 'no'}</td></tr>`,
    )}</tbody></table>`
}
