import { html } from 'hono/html'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { labelledSummary, plainLabel } from '../../analysis/schema/label.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { facts, type Markup } from './markup.ts'
import { bytesText, utcText } from './number-text.ts'
import { shareableConfig } from './shareable-config.ts'

/** The name that people know a run by, else model, engine and GPU. */
export const runName = (run: RunData, summary: Summary): string =>
  run.experiment.name ?? plainLabel(labelledSummary(summary, run.experiment.raw))

/** What was run, on what, when, and whether the result counts. */
export function reportHead(run: RunData, summary: Summary): Markup {
  const { experiment, host } = run
  const stamp = summary.valid
    ? html`<span class="stamp valid">valid</span>`
    : html`<span class="stamp invalid">INVALID</span>`
  return html`<header>
    <p class="eyebrow">llem report</p>
    <h1>${runName(run, summary)} ${stamp}</h1>
    ${facts([
      ['model', experiment.model],
      ['engine', experiment.engine],
      ['program', programWords(run)],
      ['load', experiment.kind === 'measure' ? null : loadWords(run)],
      ['tokens', tokenWords(run)],
      ['devices', deviceWords(summary)],
      ['host', host?.hostname],
      ['started', run.started_at === null ? null : utcText(run.started_at)],
      ['outcome', outcomeWords(run)],
      [
        'tags',
        Object.entries(experiment.tags)
          .map(([k, v]) => `${k}=${v}`)
          .join(', '),
      ],
    ])}</header>`
}

/** The command line of a measured program, without what its options keep secret. */
function programWords({ experiment }: RunData): string | null {
  if (experiment.kind !== 'measure') return null
  const command = shareableConfig(experiment.raw['command'])
  return Array.isArray(command) ? command.join(' ') : 'windows that programs marked'
}

function loadWords({ experiment: { load } }: RunData): string {
  const much =
    load.requests !== null
      ? `${load.requests} requests`
      : load.duration_s !== null
        ? `${load.duration_s} s`
        : null
  const shape =
    load.shape === 'closed'
      ? `closed loop, ${load.concurrency ?? 1} in flight`
      : `${load.shape}, ${load.rate} requests/s`
  return much === null ? shape : `${shape}, ${much}`
}

function tokenWords({ experiment: { data } }: RunData): string | null {
  if (data === null) return null
  const length = (l: (typeof data)['input_tokens']) =>
    typeof l === 'number' ? `${l}` : `${l.dist} ${l.min}–${l.max}`
  return `${length(data.input_tokens)} in, ${length(data.output_tokens)} out`
}

/** The used devices by model, counted: `2 × NVIDIA H100`. */
function deviceWords(summary: Summary): string | null {
  const models = new Map<string, number>()
  for (const d of summary.devices)
    if (d.used) models.set(d.model ?? d.kind, (models.get(d.model ?? d.kind) ?? 0) + 1)
  const words = [...models].map(([model, n]) => (n > 1 ? `${n} × ${model}` : model))
  return words.length === 0 ? null : words.join(', ')
}

const outcomeWords = (run: RunData): string =>
  run.reason === null
    ? (run.outcome ?? 'not sealed')
    : `${run.outcome ?? 'not sealed'}: ${run.reason}`

/** The host that the run was recorded on. */
export function hostFacts({ host }: RunData): Markup {
  if (host === null) return html`<p>The run does not say on which host it was recorded.</p>`
  return facts([
    ['name', host.hostname],
    ['system', [host.os, host.arch].filter(Boolean).join(', ')],
    ['processor', host.cpu_model],
    ['cores', host.cpu_cores],
    ['memory', host.memory_bytes == null ? null : bytesText(host.memory_bytes)],
  ])
}
