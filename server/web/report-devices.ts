import { html } from 'hono/html'
import type { RunData } from '../../analysis/readings/run-data.ts'
import type { Summary, SummaryDevice } from '../../analysis/schema/summary.ts'
import { BYTES_PER_MIB } from '../../analysis/schema/units.ts'
import { type Markup, scrolling } from './markup.ts'
import { reasonWords, sourceWords } from './metric-words.ts'
import { bytesText, rangeText, significant, valueText } from './number-text.ts'
import { calibrationNotes } from './report-calibration.ts'

/** Every recorded device with its energy over the window, used by the engine or not. */
export function devicesSection(run: RunData, summary: Summary): Markup {
  return html`<section aria-labelledby="devices"><h2 id="devices">Devices</h2>
    ${
      summary.devices.length === 0
        ? html`<p>The run recorded no device.</p>`
        : scrolling('Devices', deviceTable(run, summary.devices))
    }${calibrationNotes(run, summary)}</section>`
}

function deviceTable(run: RunData, devices: readonly SummaryDevice[]): Markup {
  const rated = new Map(run.devices.map((d) => [d.device_id, d.tdp_w ?? null]))
  const installed = new Map(run.devices.map((d) => [d.device_id, d.memory_bytes ?? null]))
  return html`<table class="devices"><thead><tr><th scope="col">device</th><th scope="col">used</th>
    <th scope="col" class="num">energy, J</th><th scope="col" class="num">mean power, W</th>
    <th scope="col" class="num">idle, W</th><th scope="col" class="num">hottest, °C</th>
    <th scope="col" class="num">memory, most</th>
    <th scope="col">source</th></tr></thead><tbody>
    ${devices.map(
      (d) => html`<tr><th scope="row">${d.model ?? d.kind}<code>${d.device_id}</code></th>
        <td>${usedWords(d)}</td>${energyCell(d)}
        ${cell(d.power_mean_w, beside('rated', rated.get(d.device_id) ?? null))}
        ${cell(d.idle_resident_w, beside('empty', d.idle_cold_w))}
        ${cell(d.temperature_max_c, '')}
        ${memoryCell(d, installed.get(d.device_id) ?? null)}
        <td>${sourceWords(d.provenance)}${crossChecks(d)}</td></tr>`,
    )}</tbody></table>`
}

/** An estimate of memory is shown beside its processor, and in no sum. */
function usedWords({ used, kind, provenance }: SummaryDevice): string {
  if (!used) return 'no'
  return kind === 'dram' && provenance === 'cpu_estimate' ? 'yes, not added' : 'yes'
}

function energyCell(d: SummaryDevice): Markup {
  if (d.energy_j === null) return html`<td class="none">${reasonWords(d.reason)}</td>`
  const energy = { value: d.energy_j, low: d.low, high: d.high }
  return html`<td class="num">${valueText(energy)}<small>${rangeText(energy, '–') ?? ''}</small></td>`
}

/** A second value under the first: rated power, idle power with nothing loaded. */
const beside = (word: string, value: number | null): string =>
  value === null ? '' : `${word} ${significant(value, 4)}`

const cell = (value: number | null, below: string): Markup =>
  html`<td class="num">${value === null ? '–' : significant(value, 4)}<small>${below}</small></td>`

/** All of the device's memory that was in use at most, and how much it has. */
function memoryCell({ memory_peak_mib: peak }: SummaryDevice, installed: number | null): Markup {
  if (peak == null) return html`<td class="num">–</td>`
  const of = installed === null ? '' : `of ${bytesText(installed)}`
  return html`<td class="num">${bytesText(peak * BYTES_PER_MIB)}<small>${of}</small></td>`
}

/** What other sources said of the same energy: they check the chosen one and are never added to it. */
function crossChecks(d: SummaryDevice): Markup | '' {
  const others = d.estimates.filter((e) => e.source !== d.provenance && e.energy_j !== null)
  if (others.length === 0) return ''
  const words = others.map(
    (e) => `${sourceWords(e.source)} (${e.method}) ${significant(e.energy_j as number, 5)} J`,
  )
  return html`<small>cross-check: ${words.join('; ')}</small>`
}
