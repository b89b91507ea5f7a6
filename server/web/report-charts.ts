import { html, raw } from 'hono/html'
import { CHARTS, type ChartName, chartSpecs } from '../../analysis/report/chart-specs.ts'
import type { ReportTables } from '../../analysis/report/report-tables.ts'
import type { VegaLiteSpec } from '../../analysis/report/spec.ts'
import { PAGE } from '../../analysis/report/theme.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { distributionData, latencyData, ledgerData, powerData } from './chart-data.ts'
import {
  CHART_TITLES,
  type ChartWords,
  distributionWords,
  latencyWords,
  ledgerWords,
  powerWords,
} from './chart-words.ts'
import { jsonScript, type Markup } from './markup.ts'
import { drawSvg } from './svg.ts'

/** Pixels of the drawing on a page, and on a phone. */
const WIDTHS = { wide: 950, narrow: 328 }
const HALF = 456
const HALVES: ReadonlySet<ChartName> = new Set(['ttft', 'itl'])
const OF_REQUESTS: ReadonlySet<ChartName> = new Set(['ttft', 'itl', 'latency'])

/** Every chart as a still drawing with its words and numbers; and the specs that make them live. */
export async function chartsSection(
  tables: ReportTables,
  summary: Summary,
  explorable: boolean,
): Promise<Markup> {
  const draw = (width: number) => chartSpecs(tables, { width, palette: PAGE })
  const [wide, half, narrow] = [draw(WIDTHS.wide), draw(HALF), draw(WIDTHS.narrow)]
  const described = describe(tables, summary)
  const figures: Markup[] = []
  const specs: Record<string, unknown> = {}
  for (const name of CHARTS) {
    const large = (HALVES.has(name) ? half : wide)[name]
    const small = narrow[name]
    const said = described[name]
    if (large === undefined || small === undefined || said === undefined) {
      // A measured program sends no requests: charts of them are not missing, they have no place.
      if (summary.kind !== 'measure' || !OF_REQUESTS.has(name)) figures.push(absent(name))
      continue
    }
    figures.push(await figure(name, large, small, said))
    specs[name] = live(large, small)
  }
  return html`<section aria-labelledby="charts"><h2 id="charts">Charts</h2>
    <div class="charts">${figures}</div>
    ${
      explorable
        ? jsonScript('chart-specs', specs)
        : html`<p class="note">The charts are still: the code that makes them live, dist/web/explore.js, was not found
          beside the program. <code>npm run build</code> makes it.</p>`
    }</section>`
}

/** Both widths of a chart share their data: it travels once. */
function live(wide: VegaLiteSpec, narrow: VegaLiteSpec) {
  const { datasets, ...large } = wide
  const { datasets: _, ...small } = narrow
  return { datasets, wide: large, narrow: small }
}

async function figure(
  name: ChartName,
  wide: VegaLiteSpec,
  narrow: VegaLiteSpec,
  said: Described,
): Promise<Markup> {
  return html`<figure id="chart-${name}" class="${HALVES.has(name) ? 'half' : ''}">
    <h3>${CHART_TITLES[name]}</h3>
    <p>${said.message}</p>
    <div class="still" role="img" aria-label="${CHART_TITLES[name]}. ${said.message}">
      <div class="wide">${raw(await drawSvg(wide, `${name}-w`))}</div>
      <div class="narrow">${raw(await drawSvg(narrow, `${name}-n`))}</div>
    </div>
    <div class="live" id="live-${name}" role="group" aria-label="${CHART_TITLES[name]}, live" hidden></div>
    ${said.note === '' ? '' : html`<figcaption>${said.note}</figcaption>`}
    <div class="more"><button type="button" data-chart="${name}" aria-pressed="false" hidden>Explore<span class="sr"> ${CHART_TITLES[name]}</span></button>
    <details><summary>Data<span class="sr"> of ${CHART_TITLES[name]}</span></summary>${said.data}</details></div></figure>`
}

const absent = (name: ChartName): Markup =>
  html`<figure id="chart-${name}" class="${HALVES.has(name) ? 'half' : ''}"><h3>${CHART_TITLES[name]}</h3>
    <p class="note">No chart: ${ABSENT[name]}.</p></figure>`

const ABSENT: Record<ChartName, string> = {
  power: 'the run holds no reading of power',
  ttft: 'no request that was completed in the counted window has a time of its first token',
  itl: 'no two tokens of one answer came one after the other in the counted window',
  ledger: 'the energy of the whole recorded span is not known',
  latency: 'no request of the measured load brought a token',
}

interface Described extends ChartWords {
  readonly data: Markup
}

/** Each chart's words and numbers, where the run holds its data. */
function describe(tables: ReportTables, summary: Summary): Partial<Record<ChartName, Described>> {
  const { power, ttft, itl, ledger, latency } = tables
  return {
    ...(power && { power: { ...powerWords(power, summary), data: powerData(power) } }),
    ...(ttft && { ttft: { ...distributionWords(ttft), data: distributionData(ttft) } }),
    ...(itl && { itl: { ...distributionWords(itl), data: distributionData(itl) } }),
    ...(ledger && {
      ledger: { ...ledgerWords(ledger, summary), data: ledgerData(ledger, summary) },
    }),
    ...(latency && { latency: { ...latencyWords(latency), data: latencyData(latency) } }),
  }
}
