import { html } from 'hono/html'
import { stringify } from 'yaml'
import { missingSensors } from '../../analysis/energy/missing-reason.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { facts, type Markup, scrolling } from './markup.ts'
import { sourceWords } from './metric-words.ts'
import { hostFacts } from './report-head.ts'
import { shareableConfig } from './shareable-config.ts'

/** What was configured, on which host and with which sensors, and how to run it again. */
export function setupSection(run: RunData, summary: Summary): Markup {
  const config = stringify(shareableConfig(run.experiment.raw), { lineWidth: 0 })
  return html`<section aria-labelledby="setup"><h2 id="setup">Setup</h2>
    <h3>How to reproduce</h3>
    ${reproduce(run)}
    <p>Two runs of one configuration agree where their repeatable ranges overlap.</p>
    <h3>Configuration</h3>
    <pre tabindex="0" aria-label="Configuration"><code>${config}</code></pre>
    <h3>Host</h3>
    ${hostFacts(run)}
    ${environment(run)}
    <h3>Sensors</h3>
    ${run.sensors.length === 0 ? html`<p>The run names no sensors.</p>` : sensorTables(run.sensors)}
    ${notRead(run)}
    <h3>Identity</h3>
    ${facts([
      ['run', html`<code>${run.run_id}</code>`],
      ['study', run.study_id === null ? null : html`<code>${run.study_id}</code>`],
      ['experiment key', html`<code>${run.experiment_key}</code>`],
      ['analysis version', summary.analysis_version],
      ['samples', run.samples.length],
      ['requests', run.requests.length],
      ['times', 'instants in UTC; charts count seconds from the start of the run'],
    ])}</section>`
}

function reproduce({ experiment }: RunData): Markup {
  if (experiment.kind === 'measure')
    return html`<p>Measure the same program, of the same inputs, on the same hardware:</p>
    <pre tabindex="0"><code>llem-agent measure -- COMMAND</code></pre>`
  return html`<p>Save the configuration below as <code>run.yaml</code> and run it on the same hardware:</p>
    <pre tabindex="0"><code>llem-agent run run.yaml</code></pre>`
}

/** Short facts as a list, whole structures folded: a driver tells dozens of things. */
function environment({ environment }: RunData): Markup | '' {
  const rows = Object.entries(shareableConfig(environment) as Record<string, unknown>)
  if (rows.length === 0) return ''
  const isPlain = ([, value]: readonly [string, unknown]) =>
    value === null || typeof value !== 'object'
  return html`<h3>Environment</h3>${facts(
    rows.filter(isPlain).map(([key, value]) => [key, String(value)]),
  )}${rows
    .filter((row) => !isPlain(row))
    .map(
      ([key, value]) => html`<details><summary><code>${key}</code></summary>
    <pre tabindex="0" aria-label="${key}"><code>${stringify(value, { lineWidth: 0 }).trim()}</code></pre></details>`,
    )}`
}

/** What was looked for and is not there, and what to type to get it. */
function notRead(run: RunData): Markup | '' {
  const missing = missingSensors(run)
  if (missing.length === 0) return ''
  return html`<h3>Not read</h3><ul>${missing.map(
    ({ source, reason, fix }) =>
      html`<li><code>${source}</code>: ${ownValue(REASONS, reason) ?? reason}. ${fix}</li>`,
  )}</ul>`
}

/** One table a device: what each source reads, how often it is renewed, and by how much it may err. */
function sensorTables(sensors: readonly SensorRow[]): Markup[] {
  return [...new Set(sensors.map((s) => s.device_id))].map((device_id) =>
    scrolling(
      `Sensors of ${device_id}`,
      sensorTable(
        device_id,
        sensors.filter((s) => s.device_id === device_id),
      ),
    ),
  )
}

function sensorTable(device_id: string, sensors: readonly SensorRow[]): Markup {
  const ms = (v: number | null | undefined) => (v == null ? '–' : String(v))
  return html`<table><caption><code>${device_id}</code></caption><thead><tr><th scope="col">metric</th>
    <th scope="col">source</th><th scope="col">scope</th><th scope="col" class="num">averaged over, ms</th>
    <th scope="col" class="num">refreshed every, ms</th><th scope="col" class="num">error, at most</th></tr></thead><tbody>
    ${sensors.map(
      (s) => html`<tr><th scope="row"><code>${s.metric}</code></th>
        <td>${sourceWords(s.source)}${s.standby ? ', while the better one fails' : ''}</td><td>${s.scope ?? '–'}</td>
        <td class="num">${ms(s.averaging_ms)}</td><td class="num">${ms(s.period_ms)}</td>
        <td class="num">${bound(s)}</td></tr>`,
    )}</tbody></table>`
}

function bound({ accuracy, duty }: SensorRow): string {
  const share =
    accuracy?.gain_rel == null ? null : `${Number((100 * accuracy.gain_rel).toFixed(1))} %`
  const watts = accuracy?.offset_w == null ? null : `${accuracy.offset_w} W`
  const said = [share, watts].filter((part) => part !== null).join(' or ')
  if (said === '') return '–'
  const sees = duty == null ? '' : `, sees ${Math.round(100 * duty)} % of the time`
  return `${said}, ${accuracy?.basis ?? 'basis not told'}${sees}`
}
