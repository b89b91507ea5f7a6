import { html } from 'hono/html'
import type { Beside, BesideCompared, BesideComponent } from '../../analysis/schema/beside.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { type Markup, scrolling } from './markup.ts'
import { sourceWords } from './metric-words.ts'
import { fixed, rangeText, significant, valueText } from './number-text.ts'

const NAMES: Readonly<Record<string, string>> = { zeus: 'Zeus', codecarbon: 'CodeCarbon' }
const COMPONENT_WORDS: Readonly<Record<BesideComponent, string>> = {
  gpu: 'GPU',
  cpu: 'processor',
  dram: 'memory',
}
/** Windows that are shown one by one; all of them are in the summary. */
const SHOWN = 20

/** What other tools measured of the same windows, beside ours; nothing where none was asked. */
export function besideSection({ beside }: Summary): Markup | '' {
  if (beside == null || beside.length === 0) return ''
  const told = beside.filter((b) => b.failure === null)
  const windows = [...new Set(told.map((b) => b.window))]
  return html`<section aria-labelledby="beside"><h2 id="beside">Beside other tools</h2>
    <p>Other tools measured the same windows in processes of their own. Each difference is theirs less ours, with the
      reasons as far as they can be computed; what their sum leaves is unexplained.</p>
    ${beside
      .filter((b) => b.failure !== null)
      .map((b) => html`<p class="note">${nameOf(b)}, ${windowWords(b.window)}: ${b.failure}</p>`)}
    ${windows.slice(0, SHOWN).map((window) =>
      windowPart(
        window,
        told.filter((b) => b.window === window),
      ),
    )}
    ${
      windows.length > SHOWN
        ? html`<p class="note">${windows.length - SHOWN} more windows are in the summary's <code>beside</code>.</p>`
        : ''
    }</section>`
}

const windowWords = (window: string): string =>
  window === 'measure' ? 'phase measure with its drain' : `marked ${window.replace(':', ' ')}`

const nameOf = (b: Beside): string =>
  `${ownValue(NAMES, b.tool) ?? b.tool}${b.version === null ? '' : ` ${b.version}`}`

function windowPart(window: string, told: readonly Beside[]): Markup {
  return html`${scrolling(
    `Figures of ${windowWords(window)}`,
    html`<table><caption>${windowWords(window)}</caption><thead><tr><th scope="col">part</th><th scope="col" class="num">llem, J</th>${told.map(
      (b) =>
        html`<th scope="col" class="num">${nameOf(b)}, J</th><th scope="col" class="num">difference</th>`,
    )}</tr></thead><tbody>${rowsOf(told)}
    <tr><th scope="row">seconds</th><td class="num">${secondsText(told[0]?.ours_s ?? null)}</td>${told.map(
      (b) => html`<td class="num">${secondsText(b.seconds)}</td><td></td>`,
    )}</tr></tbody></table>`,
  )}${told.map((b) => reasonsOf(b))}`
}

const secondsText = (seconds: number | null): string => (seconds === null ? '–' : fixed(seconds, 3))

function rowsOf(told: readonly Beside[]): Markup[] {
  const components = (['gpu', 'cpu', 'dram'] as const).filter((c) =>
    told.some((b) => b.compared.some((x) => x.component === c)),
  )
  return components.map((component) => {
    const of = (b: Beside) => b.compared.find((x) => x.component === component)
    const ours = told.map(of).find((x) => x?.ours_j != null)
    return html`<tr><th scope="row">${COMPONENT_WORDS[component]}</th>${oursCell(ours)}${told.map(
      (b) => theirsCells(of(b)),
    )}</tr>`
  })
}

function oursCell(c: BesideCompared | undefined): Markup {
  if (c?.ours_j == null) return html`<td class="num">–</td>`
  const ranged = { value: c.ours_j, low: c.ours_low_j, high: c.ours_high_j }
  return html`<td class="num">${valueText(ranged)}<small>${rangeText(ranged, '–') ?? ''}${
    c.ours_source === null
      ? ''
      : html`<br>${c.ours_source.split('+').map(sourceWords).join(' and ')}`
  }</small></td>`
}

function theirsCells(c: BesideCompared | undefined): Markup {
  if (c?.theirs_j == null) return html`<td class="num">–</td><td class="num">–</td>`
  return html`<td class="num">${significant(c.theirs_j, 5)}<small>${c.how ?? ''}</small></td>
    <td class="num">${c.difference_pct === null ? '–' : `${signed(c.difference_pct, 2)} %`}</td>`
}

const signed = (value: number, digits: number): string =>
  `${value > 0 ? '+' : ''}${significant(value, digits)}`

function reasonsOf(b: Beside): Markup {
  return html`<h3>Why ${nameOf(b)} differs</h3><ul>${
    b.total_j === null ? html`<li>It tells no joules of this host.</li>` : ''
  }${b.compared.map(
    (c) =>
      html`<li>${COMPONENT_WORDS[c.component]}: ${c.why.map(
        (w) =>
          html`${w.words}${
            w.low_j === null || w.high_j === null
              ? ''
              : html` <small>(${between(w.low_j, w.high_j)})</small>`
          } `,
      )}${
        c.unexplained_j === null
          ? ''
          : c.unexplained_j === 0
            ? html`<strong>The difference lies within these.</strong>`
            : html`<strong>Unexplained: ${signed(c.unexplained_j, 3)} J.</strong>`
      }</li>`,
  )}${b.notes.map((note) => html`<li>It warned: ${note}</li>`)}</ul>`
}

const between = (low: number, high: number): string =>
  high - low < 1e-9 * Math.max(1, Math.abs(high))
    ? `${signed(low, 3)} J`
    : `${signed(low, 3)} to ${signed(high, 3)} J`
