import { html, raw } from 'hono/html'
import type { Markup } from './markup.ts'
import { policyOf } from './page-policy.ts'

/** A page with its Content-Security-Policy, which stands in the page itself and goes with it as a header. */
export interface Page {
  readonly html: string
  readonly policy: string
}

export interface PageParts {
  readonly title: string
  readonly styles: string
  readonly body: Markup
  /** Address of a script of this server; it runs once the page is read. */
  readonly script_file?: string
  /** Text of an inline script at the end of the body. */
  readonly script?: string
  /** Text of a script that the inline one puts into the page. */
  readonly unpacked_script?: string
  /** The page requests the API of its server. */
  readonly requests?: boolean
}

/** The frame of every page: what a browser must know of it before anything else, its style sheet, its script. */
export function page(parts: PageParts): Page {
  const { title, styles, body, script, script_file, unpacked_script, requests = false } = parts
  const policy = policyOf({
    scripts: [script, unpacked_script].filter((text) => text !== undefined),
    styles: [styles],
    script_files: script_file !== undefined,
    requests,
  })
  const text = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="llem">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(styles)}</style>${script_file === undefined ? '' : html`<script src="${script_file}" defer></script>`}</head>
<body>${body}${script === undefined ? '' : html`<script>${raw(script)}</script>`}</body></html>
`
  return { html: String(text), policy }
}
