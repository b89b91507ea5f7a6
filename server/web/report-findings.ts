import { html } from 'hono/html'
import type { Finding } from '../../analysis/schema/finding.ts'
import { findingSentence } from '../../analysis/schema/finding-text.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { facts, type Markup } from './markup.ts'

/** Every finding, worst first, each with its evidence. */
export function findingsSection({
  findings,
  devices,
}: Pick<Summary, 'findings' | 'devices'>): Markup {
  if (findings.length === 0)
    return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
      <p>None: nothing speaks against this result.</p></section>`
  const ranks = { invalid: 0, caution: 1, info: 2 }
  const sorted = [...findings].sort((a, b) => ranks[a.severity] - ranks[b.severity])
  return html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
    <ul class="findings">${sorted.map((f) => finding(f, devices))}</ul></section>`
}

function finding(it: Finding, devices: Summary['devices']): Markup {
  const { code, severity, evidence } = it
  const rows = Object.entries(evidence).map(([k, v]) => [k, evidenceText(v)] as const)
  return html`<li class="${severity}">
    <p><span class="tag ${severity}">${severity}</span> ${findingSentence(it, devices)} <code>${code}</code></p>
    ${
      rows.length === 0
        ? ''
        : html`<details ${severity === 'invalid' ? 'open' : ''}><summary>Evidence</summary>${facts(rows)}</details>`
    }</li>`
}

/** Evidence is whatever its rule recorded: numbers and words as they are, the rest as JSON. */
function evidenceText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)) ?? 'none'
}
