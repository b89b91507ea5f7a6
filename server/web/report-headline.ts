import { html } from 'hono/html'
import type { MetricValue, Summary } from '../../analysis/schema/summary.ts'
import { J_PER_KWH } from '../../analysis/schema/units.ts'
import type { Markup } from './markup.ts'
import { reasonWords, sourceWords, windowWords } from './metric-words.ts'
import {
  decimalsOf,
  fixed,
  halfRange,
  plain,
  rangeText,
  significant,
  UNIT_WORDS,
  valueText,
  withUnit,
} from './number-text.ts'

/** kWh per million tokens = J per token / 3.6. Source: docs/metrics.md, "Energy". */
const KWH_PER_MILLION = 1 / 3.6

/** The one number of the run, with all that it takes to trust it, and the four that stand beside it. */
export function headlineSection(summary: Summary): Markup {
  if (summary.kind === 'measure') return programHeadline(summary)
  const headline = summary.metrics['energy_per_output_token_j']
  return html`<section class="headline" aria-labelledby="headline">
    <h2 id="headline">Energy per output token</h2>
    ${headline === undefined ? missing('the summary does not hold it') : figure(headline, TOKEN)}
    <dl class="beside">
      ${beside(summary, 'output throughput', 'output_throughput_tok_s')}
      ${beside(summary, 'time to first token, median', 'ttft_ms_p50')}
      ${beside(summary, 'inter-token latency, median', 'itl_ms_p50')}
      ${beside(summary, 'mean power', 'power_mean_w')}
    </dl>
    ${windowLine(summary)}</section>`
}

/** Of a measured program: what it drew from its start to its end. */
function programHeadline(summary: Summary): Markup {
  const energy = summary.metrics['energy_compute_j']
  return html`<section class="headline" aria-labelledby="headline">
    <h2 id="headline">Energy of the program</h2>
    ${energy === undefined ? missing('the summary does not hold it') : figure(energy, PROGRAM)}
    <dl class="beside">
      ${beside(summary, 'mean power', 'power_mean_w')}
      ${beside(summary, 'power before it', 'idle_cold_w')}
      ${beside(summary, 'above that', 'energy_above_idle_j')}
      ${beside(summary, 'processor and memory', 'energy_host_j')}
    </dl>
    ${
      summary.window === null
        ? html`<p>No window could be counted: ${reasonWords('no_window')}.</p>`
        : html`<p>Counted over the ${withUnit(significant(summary.window.duration_s, 4), 's')} from the program's start to its
          end; tokens and latencies are not known of it.</p>`
    }</section>`
}

/** What a headline's joules are of. */
interface Headline {
  readonly unit: string
  readonly kwh: string
  readonly kwh_per: number
  readonly counted: string
}
const TOKEN: Headline = {
  unit: 'joules per output token',
  kwh: 'kWh per million output tokens',
  kwh_per: KWH_PER_MILLION,
  counted: 'output tokens',
}
const PROGRAM: Headline = {
  unit: 'joules',
  kwh: 'kWh',
  kwh_per: 1 / J_PER_KWH,
  counted: 'readings',
}

const missing = (why: string): Markup =>
  html`<p class="figure none">not available <span class="unit">${why}</span></p>`

function figure(m: MetricValue, of: Headline): Markup {
  if (m.value === null) return missing(reasonWords(m.reason))
  const estimate = m.provenance === 'cpu_estimate'
  const half = halfRange(m)
  return html`<p class="figure"><strong>${valueText(m)}</strong>
      ${half === null ? '' : html`<span class="pm">± ${fixed(half, decimalsOf(half))}</span>`}
      <span class="unit">${of.unit}</span>
      ${estimate ? html`<span class="tag caution">estimate</span>` : ''}</p>
    ${
      estimate
        ? html`<p class="warning">Estimated from processor load: no sensor measured this host. The range is wide for
          that reason, and the value is neither ranked nor counted in totals.</p>`
        : ''
    }
    <ul class="notes">
      ${range(m)}
      <li>${valueText(scaled(m, of.kwh_per))} ${of.kwh}</li>
      <li>Source: ${sourceWords(m.provenance)}${m.scope ? html`, over ${m.scope}` : ''}${m.n === null ? '' : html`; ${plain(m.n)} ${of.counted}`}</li>
    </ul>`
}

function range(m: MetricValue): Markup | '' {
  const whole = rangeText(m)
  if (whole === null) return html`<li>No range could be given.</li>`
  const repeat = rangeText({ value: m.value, low: m.repeat_low, high: m.repeat_high })
  return html`<li>95 % range ${whole}, everything included</li>
    ${repeat === null ? '' : html`<li>Repeatable range ${repeat}: by this, runs on the same device are compared</li>`}`
}

const scaled = (m: MetricValue, by: number) => ({
  value: m.value === null ? null : m.value * by,
  low: m.low === null ? null : m.low * by,
  high: m.high === null ? null : m.high * by,
})

/** They give the picture; all digits stand among the metrics. */
const BESIDE_DIGITS = 4

function beside(summary: Summary, title: string, key: string): Markup {
  const m = summary.metrics[key]
  if (m === undefined || m.value === null)
    return html`<div><dt>${title}</dt><dd class="none">not available</dd>
      <dd class="range">${m === undefined ? '' : reasonWords(m.reason)}</dd></div>`
  const whole = rangeText(m, ' to ', BESIDE_DIGITS)
  return html`<div><dt>${title}</dt><dd>${valueText(m, BESIDE_DIGITS)} <span class="unit">${UNIT_WORDS[m.unit]}</span></dd>
    <dd class="range">${whole === null ? '' : whole}</dd></div>`
}

function windowLine({ window, metrics }: Summary): Markup {
  if (window === null) return html`<p>No window could be counted: ${reasonWords('no_window')}.</p>`
  const tokens = metrics['output_tokens']?.value ?? null
  return html`<p>Tokens and joules were counted over the same ${withUnit(significant(window.duration_s, 4), 's')}${
    tokens === null ? '' : html`, in which ${plain(Math.round(tokens))} output tokens arrived`
  }. Window rule <em>${window.rule}</em>: ${windowWords(window.rule)}.</p>`
}
