import { html } from 'hono/html'
import type { MetricValue, Summary, WindowGroup } from '../../analysis/schema/summary.ts'
import { type Markup, scrolling } from './markup.ts'
import { reasonWords } from './metric-words.ts'
import { plain, rangeText, significant, valueText } from './number-text.ts'

/** The windows that programs marked, by name; nothing where they marked none. */
export function windowsSection({ windows, run_id }: Summary): Markup | '' {
  if (windows.length === 0) return ''
  const open = windows.reduce((n, w) => n + w.unclosed, 0)
  return html`<section aria-labelledby="windows"><h2 id="windows">Marked windows</h2>
    <p>What the program itself marked, by name. A window that lies within another is counted in both, so names are not to be
      added up. A mean stands with its range over the windows.</p>
    ${scrolling('Marked windows', windowTable(windows))}
    ${
      open === 0
        ? ''
        : html`<p class="note">${plain(open)} ${open === 1 ? 'window was' : 'windows were'} not ended; they are counted, to the
          end of the program, only where no window of their name was ended.</p>`
    }
    <p class="note">Each window by itself: <code>GET /api/v1/runs/${run_id}/windows</code>.</p></section>`
}

function windowTable(windows: readonly WindowGroup[]): Markup {
  return html`<table><thead><tr><th scope="col">window</th><th scope="col" class="num">times</th>
    <th scope="col" class="num">seconds, mean</th><th scope="col" class="num">energy, J</th>
    <th scope="col" class="num">of one, J</th><th scope="col" class="num">mean power, W</th>
    <th scope="col" class="num">J per token</th><th scope="col" class="num">J per request</th></tr></thead><tbody>
    ${windows.map((w) => {
      const cell = (id: string) => valueCell(w.metrics[id])
      return html`<tr><th scope="row">${w.name}</th><td class="num">${plain(w.n)}</td>
        <td class="num">${significant(w.duration_s / w.n, 4)}</td>
        ${cell('energy_compute_j')}${cell('energy_compute_j_mean')}${cell('power_mean_w')}
        ${counted(w.tokens, cell('energy_per_token_j'))}${counted(w.requests, cell('energy_per_request_j'))}</tr>`
    })}</tbody></table>`
}

function valueCell(m: MetricValue | undefined): Markup {
  if (m === undefined || m.value === null)
    return html`<td class="none">${reasonWords(m?.reason ?? 'not_recorded')}</td>`
  return html`<td class="num">${valueText(m)}<small>${rangeText(m, '–') ?? ''}</small></td>`
}

/** What the program did not count needs no reason in each row. */
const counted = (count: number | null, cell: Markup): Markup =>
  count === null ? html`<td class="num">–</td>` : cell
