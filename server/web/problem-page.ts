import { html } from 'hono/html'
import type { Problem } from '../../analysis/schema/wire.ts'
import { type Page, page } from './page.ts'
import { STYLES } from './styles.ts'

/** An error for people: what is wrong, in the sentence that programs get as problem details, and where to go on. */
export function problemPage({ status, title, code, detail, errors }: Problem): Page {
  const body = html`<header><p class="eyebrow">${status} <code>${code}</code></p>
<h1>${title}</h1></header>
<main><p>${detail}</p>
${
  errors === undefined || errors.length < 2
    ? ''
    : html`<ul>${errors.map((e) => html`<li><code>${e.path}</code> ${e.message}</li>`)}</ul>`
}
<p><a href="/">Newest runs</a> · <a href="/docs">API reference</a></p></main>`
  return page({ title: `${title} – llem`, styles: `${STYLES}main { margin-top: 0.8rem; }`, body })
}
