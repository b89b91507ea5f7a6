import { html, raw } from 'hono/html'

/** Escaped HTML. Everything that a template interpolates is escaped, unless it is markup itself. */
export type Markup = ReturnType<typeof html>

/**
 * A value as JSON for a script element: `<` is written as an escape, so that no text of the data can end the
 * element or open a comment.
 */
export function jsonScript(id: string, value: unknown): Markup {
  const json = JSON.stringify(value).replace(/</g, '\\u003c')
  return html`<script type="application/json" id="${id}">${raw(json)}</script>`
}

/** A wide table that scrolls within itself on a narrow screen, reachable by keyboard. */
export function scrolling(label: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" aria-label="Table: ${label}" tabindex="0">${table}</div>`
}

/** Pairs of name and value; what is null is left out. */
export function facts(
  pairs: readonly (readonly [string, Markup | string | number | null | undefined])[],
): Markup {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  return html`<dl class="facts">${shown.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`
}
