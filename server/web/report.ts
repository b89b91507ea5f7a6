import { html, raw } from 'hono/html'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { chartSpecs } from '../../analysis/report/chart-specs.ts'
import { reportTables } from '../../analysis/report/report-tables.ts'
import type { VegaLiteSpec } from '../../analysis/report/spec.ts'
import type { CostLedger } from '../../analysis/schema/cost.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { exploreBundle } from './explore-bundle.ts'
import { LIVE_STYLES } from './live-styles.ts'
import type { Markup } from './markup.ts'
import { type Page, page } from './page.ts'
import { besideSection } from './report-beside.ts'
import { chartsSection } from './report-charts.ts'
import { costSection } from './report-cost.ts'
import { devicesSection } from './report-devices.ts'
import { findingsSection } from './report-findings.ts'
import { reportHead, runName } from './report-head.ts'
import { headlineSection } from './report-headline.ts'
import { metricsSection } from './report-metrics.ts'
import { REPORT_SCRIPT } from './report-script.ts'
import { setupSection } from './report-setup.ts'
import { uncertaintySection } from './report-uncertainty.ts'
import { windowsSection } from './report-windows.ts'
import { STYLES } from './styles.ts'

/**
 * The report of a run: one HTML file that opens offline, with every chart drawn and every number with its range or
 * its reason. Findings stand first where the result is invalid. All text of the run is escaped.
 * @param cost its carbon and money, where the report was asked with a scenario
 */
export async function reportPage(
  run: RunData,
  summary: Summary,
  cost: CostLedger | null = null,
): Promise<Page> {
  const bundle = await exploreBundle()
  const findings = findingsSection(summary)
  const headline = headlineSection(summary)
  const body = await html`${reportHead(run, summary)}
<main>${contents(summary, cost)}
${summary.valid ? headline : findings}
${summary.valid ? findings : headline}
${await chartsSection(reportTables(run, summary), summary, bundle !== null)}
${windowsSection(summary)}
${devicesSection(run, summary)}
${besideSection(summary)}
${cost === null ? '' : await costSection(cost)}
${metricsSection(summary)}
${uncertaintySection(summary)}
${setupSection(run, summary)}</main>
<footer>llem, analysis version ${summary.analysis_version}. Every number here is computed from the raw readings of run
<code>${run.run_id}</code> and can be computed again. Instants are in UTC.</footer>
${
  bundle === null
    ? ''
    : html`<script type="text/plain" id="explore-bundle">${raw(bundle.packed)}</script>`
}`
  return page({
    title: `${runName(run, summary)} – llem report`,
    styles: STYLES + LIVE_STYLES,
    body,
    ...(bundle === null ? {} : { script: REPORT_SCRIPT, unpacked_script: bundle.script }),
  })
}

/** The text of {@link reportPage}: its policy stands in the file itself. */
export const reportHtml = async (
  run: RunData,
  summary: Summary,
  cost: CostLedger | null = null,
): Promise<string> => (await reportPage(run, summary, cost)).html

/** The charts of the report as bare Vega-Lite specs by name, with their data inside. */
export function reportSpecs(run: RunData, summary: Summary): Record<string, VegaLiteSpec> {
  return chartSpecs(reportTables(run, summary))
}

const SECTIONS = [
  'charts',
  'windows',
  'devices',
  'beside',
  'cost',
  'metrics',
  'uncertainty',
  'setup',
]

function contents({ valid, windows, beside }: Summary, cost: CostLedger | null): Markup {
  const absent = new Set([
    ...(windows.length === 0 ? ['windows'] : []),
    ...((beside?.length ?? 0) === 0 ? ['beside'] : []),
    ...(cost === null ? ['cost'] : []),
  ])
  return html`<nav aria-label="Sections"><ul>${[
    ...(valid ? ['headline', 'findings'] : ['findings', 'headline']),
    ...SECTIONS,
  ]
    .filter((id) => !absent.has(id))
    .map((id) => html`<li><a href="#${id}">${id}</a></li>`)}</ul></nav>`
}
