import { html } from 'hono/html'
import { curlExample } from './curl-example.ts'
import { type Markup, scrolling } from './markup.ts'
import {
  type Answer,
  type Content,
  type OpenApi,
  type Parameter,
  type Route,
  routesOf,
  schemaAnchor,
} from './openapi.ts'
import { preset, propertyTable, typeWords } from './openapi-type.ts'
import { type Page, page } from './page.ts'
import { STYLES } from './styles.ts'

/**
 * The API as a page that opens offline: every route with its parameters, body, answers and a command to call it, and
 * every schema, each with an anchor.
 * @param openapi an OpenAPI 3.1 document
 */
export function docsPage(openapi: object): Page {
  const document = openapi as OpenApi
  const routes = routesOf(document)
  const { title = 'API', version, description } = document.info ?? {}
  const schemas = Object.entries(document.components?.schemas ?? {})
  const body = html`<header><p class="eyebrow">API reference</p>
<h1>${title} ${version === undefined ? '' : html`<small>${version}</small>`}</h1>
${description === undefined ? '' : html`<p>${description}</p>`}
<p><a href="/">Newest runs</a> · <a href="/api/v1/reports/last">Report of the newest run</a> · <a href="/vote">Compare answers</a> · <a href="/api/v1/openapi.json">OpenAPI 3.1</a></p></header>
<main><h2 id="routes">Routes</h2>
${scrolling(
  'Routes',
  html`<table><thead><tr><th scope="col">route</th><th scope="col">answers</th></tr></thead><tbody>${routes.map(
    (
      r,
    ) => html`<tr><th scope="row"><a href="#${r.anchor}">${methodTag(r)} <span class="path">${foldable(r.path)}</span></a></th>
      <td>${r.operation.summary ?? ''}</td></tr>`,
  )}</tbody></table>`,
)}
${routes.map((r) => routeSection(document, r))}
${schemas.length === 0 ? '' : html`<h2 id="schemas">Schemas</h2>`}
${schemas.map(
  ([name, schema]) => html`<section id="${schemaAnchor(name)}"><h3>${name}</h3>
    ${schema.description === undefined ? '' : html`<p>${schema.description}</p>`}
    ${schema.properties === undefined ? html`<p>${typeWords(schema)}</p>` : scrolling(`Fields of ${name}`, propertyTable(schema))}</section>`,
)}</main>`
  return page({ title, styles: STYLES + DOCS_STYLES, body })
}

/** A path that a narrow page may fold after each slash, rather than within a word. */
const foldable = (path: string): Markup =>
  html`${path.split('/').map((part, k) => (k === 0 ? part : html`/<wbr>${part}`))}`

const methodTag = ({ method }: Route): Markup =>
  html`<code class="method">${method.toUpperCase()}</code>`

function routeSection(document: OpenApi, route: Route): Markup {
  const { operation } = route
  const parameters = operation.parameters ?? []
  const body = operation.requestBody
  return html`<section id="${route.anchor}" class="route"><h3>${methodTag(route)} <span class="path">${route.path}</span></h3>
    ${operation.summary === undefined ? '' : html`<p>${operation.summary}</p>`}
    ${operation.description === undefined ? '' : html`<p>${operation.description}</p>`}
    ${parameters.length === 0 ? '' : html`<h4>Parameters</h4>${scrolling(`Parameters of ${route.method} ${route.path}`, parameterTable(parameters))}`}
    ${
      body === undefined
        ? ''
        : html`<h4>Body</h4>${body.description === undefined ? '' : html`<p>${body.description}</p>`}${contentList(body.content, true)}`
    }
    <h4>Answers</h4>${scrolling(`Answers of ${route.method} ${route.path}`, answerTable(operation.responses ?? {}))}
    <h4>Example</h4><pre tabindex="0"><code>${curlExample(document, route)}</code></pre></section>`
}

const parameterTable = (parameters: readonly Parameter[]): Markup =>
  html`<table><thead><tr><th scope="col">name</th><th scope="col">in</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
    <tbody>${parameters.map(
      (
        p,
      ) => html`<tr><th scope="row"><code class="name">${p.name}</code>${p.required ? '' : html` <small>optional</small>`}</th>
        <td>${p.in}</td><td>${typeWords(p.schema)}</td>
        <td>${p.description ?? p.schema?.description ?? ''}${preset(p.schema)}</td></tr>`,
    )}</tbody></table>`

const answerTable = (answers: Readonly<Record<string, Answer>>): Markup =>
  html`<table><thead><tr><th scope="col">status</th><th scope="col">when</th><th scope="col">body</th></tr></thead>
    <tbody>${Object.entries(answers).map(
      ([
        status,
        answer,
      ]) => html`<tr><th scope="row">${status}</th><td>${answer.description ?? ''}</td>
        <td>${contentList(answer.content)}</td></tr>`,
    )}</tbody></table>`

/** What a body or an answer may hold, by media type; `open`: with the fields of an object at once. */
function contentList(content: Content = {}, open = false): Markup {
  return html`${Object.entries(content).map(
    ([type, { schema }]) =>
      html`<div><code>${type}</code>${schema === undefined ? '' : open && schema.properties !== undefined ? scrolling(type, propertyTable(schema)) : html`: ${typeWords(schema)}`}</div>`,
  )}`
}

const DOCS_STYLES = `
.route { margin-top: 2rem; border-top: 1px solid var(--grid); }
h4 { font-size: 0.84rem; font-weight: 600; color: var(--faint); margin: 0.7rem 0 0.15rem; }
.method { font-weight: 600; }
th a .method { display: inline; color: inherit; font-size: 0.84em; }
.path { overflow-wrap: anywhere; }
th code.name { display: inline; color: inherit; font-size: 0.92em; }
.fields { display: inline-block; vertical-align: top; max-width: 100%; }
@media (min-width: 641px) { th .path { white-space: nowrap; } }
td table { margin: 0.2rem 0 0.4rem; }
section:target > h3 { text-decoration: underline; text-underline-offset: 4px; }
`
