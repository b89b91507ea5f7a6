import { html } from 'hono/html'
import { API_PREFIX } from '../../analysis/schema/wire.ts'
import { VERSION } from '../program.ts'
import type { RunListView } from '../run-view.ts'
import { type Markup, scrolling } from './markup.ts'
import { rangeText, utcText, valueText, withUnit } from './number-text.ts'
import { type Page, page } from './page.ts'
import { STYLES } from './styles.ts'

const LINKS = [
  ['/docs', 'API reference', 'every address with its parameters and an example'],
  ['/vote', 'Compare answers', 'two answers to one prompt, blind, and their energy after the vote'],
  [`${API_PREFIX}/runs`, 'Runs as JSON', 'with filters, sorting and pages'],
  [`${API_PREFIX}/leaderboard`, 'Leaderboard as JSON', 'runs beside imported results'],
  [`${API_PREFIX}/totals?by=month`, 'Totals as JSON', 'everything measured, by month'],
] as const

/**
 * What a browser gets at the root: the newest runs with their reports, and where everything else is.
 * @param runs null: this server requires a token, which a browser does not send, so none is listed
 */
export function homePage(runs: readonly RunListView[] | null): Page {
  const body = html`<header><p class="eyebrow">LLM inference energy</p>
<h1>llem <small>${VERSION}</small></h1></header>
<main><section aria-labelledby="runs"><h2 id="runs">Newest runs</h2>${runsPart(runs)}</section>
<section aria-labelledby="more"><h2 id="more">More</h2>
<ul class="links">${LINKS.map(([address, name, about]) => html`<li><a href="${address}">${name}</a> <small>${about}</small></li>`)}</ul></section></main>`
  return page({ title: 'llem', styles: STYLES + HOME_STYLES, body })
}

function runsPart(runs: readonly RunListView[] | null): Markup {
  if (runs === null)
    return html`<p>This server requires a token, so no runs are listed here. Programs send it as <code>Authorization: Bearer
      TOKEN</code>: <code>GET ${API_PREFIX}/runs</code>.</p>`
  if (runs.length === 0)
    return html`<p>There is no run yet. <code>npx llem-agent run quick-test</code> measures a small model in under two minutes;
      <code>llem-server import PATH</code> takes runs and results recorded elsewhere.</p>`
  return scrolling(
    'Newest runs',
    html`<table class="runs"><thead><tr><th scope="col">run</th><th scope="col">result</th>
      <th scope="col" class="num">energy per output token</th><th scope="col" class="num">mean power</th></tr></thead>
      <tbody>${runs.map(rowOf)}</tbody></table>`,
  )
}

function rowOf(run: RunListView): Markup {
  const about = [run.model, run.engine, gpuText(run), run.host].filter((part) => part !== null)
  return html`<tr><th scope="row"><a href="${API_PREFIX}/reports/${encodeURIComponent(run.run_id)}">${run.name ?? run.run_id}</a>
    <small>${about.join(' · ')}</small><small>${utcText(run.started_at ?? run.created_at)}</small></th>
    <td>${stateOf(run)}</td>${cell(run, 'energy_per_output_token_j', 'J/token')}${cell(run, 'power_mean_w', 'W')}</tr>`
}

const gpuText = ({ gpu_model, num_gpus }: RunListView): string | null =>
  gpu_model === null ? null : num_gpus > 1 ? `${num_gpus} × ${gpu_model}` : gpu_model

/** How the run ended and whether its numbers count. */
function stateOf(run: RunListView): Markup {
  if (run.state === 'open') return html`<span class="tag info">not finished</span>`
  if (run.outcome === 'failed')
    return html`<span class="tag invalid">failed</span><small>${run.reason ?? ''}</small>`
  const ended = run.outcome === 'completed' ? '' : html`<small>${run.outcome}</small>`
  // A summary is computed when somebody opens it, as another run may be measuring on this machine.
  if (run.valid === null) return html`<span class="tag info">not computed yet</span>${ended}`
  if (!run.valid) return html`<span class="tag invalid">invalid</span>${ended}`
  const cautions = run.cautions ?? 0
  return html`<span class="tag valid">valid</span>${ended}${
    cautions === 0
      ? ''
      : html`<small>${cautions} ${cautions === 1 ? 'caution' : 'cautions'}</small>`
  }`
}

function cell(run: RunListView, id: string, unit: string): Markup {
  const metric = run.metrics?.[id]
  const value = metric === undefined ? null : valueText(metric)
  if (metric === undefined || value === null) return html`<td class="num none">–</td>`
  const range = rangeText(metric)
  return html`<td class="num">${withUnit(value, unit)}${range === null ? '' : html`<small>${range}</small>`}</td>`
}

const HOME_STYLES = `
.runs th small, .runs td small { display: block; overflow-wrap: anywhere; }
.runs .tag { white-space: nowrap; }
.runs tbody th { max-width: 26rem; }
.runs tbody th a { overflow-wrap: anywhere; }
.links { padding-left: 0; list-style: none; }
.links li { margin-bottom: 0.35rem; }
@media (max-width: 640px) {
  .runs thead { display: block; position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .runs tbody tr { display: grid; grid-template-columns: 1fr auto auto; gap: 0.2rem 1rem; padding: 0.5rem 0; border-bottom: 1px solid var(--grid); }
  .runs tbody th { grid-column: 1 / -1; }
  .runs tbody th, .runs tbody td { padding: 0; border: 0; }
}
`
