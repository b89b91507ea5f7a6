import { html } from 'hono/html'
import { stringify } from 'yaml'
import type { RunData } from '../../analysis/run-data.ts'
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
    ${run.sensors.length === 0 ? html`<p>The run names no sensors.</p>` : scrolling('Sensors', sensorTable(run.sensors))}
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

function environment({ environment }: RunData): Markup | '' {
  const rows = Object.entries(shareableConfig(environment) as Record<string, unknown>)
  if (rows.length === 0) return ''
  return html`<h3>Environment</h3>${facts(
    rows.map(([key, value]) => [
      key,
      typeof value === 'string' ? value : stringify(value, { lineWidth: 0 }).trim(),
    ]),
  )}`
}

function sensorTable(sensors: readonly SensorRow[]): Markup {
  const ms = (v: number | null | undefined) => (v == null ? '–' : String(v))
  return html`<table><thead><tr><th scope="col">sensor</th><th scope="col">device</th><th scope="col">metric</th>
    <th scope="col">source</th><th scope="col">scope</th><th scope="col" class="num">averaged over, ms</th>
    <th scope="col" class="num">refreshed every, ms</th></tr></thead><tbody>
    ${sensors.map(
      (
        s,
      ) => html`<tr><th scope="row"><code>${s.sensor_id}</code></th><td><code>${s.device_id}</code></td>
        <td><code>${s.metric}</code></td><td>${sourceWords(s.source)}</td><td>${s.scope ?? '–'}</td>
        <td class="num">${ms(s.averaging_ms)}</td><td class="num">${ms(s.period_ms)}</td></tr>`,
    )}</tbody></table>`
}
