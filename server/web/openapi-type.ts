import { html } from 'hono/html'
import type { Markup } from './markup.ts'
import { refName, type Schema, schemaAnchor } from './openapi.ts'

/** A schema in words, such as `list of Run` or `whole number, 0 to 65536`; names lead to their schema. */
export function typeWords(schema: Schema | undefined): Markup {
  if (schema === undefined) return html`anything`
  if (schema.$ref !== undefined) {
    const name = refName(schema.$ref)
    return html`<a href="#${schemaAnchor(name)}">${name}</a>`
  }
  const parts = schema.anyOf ?? schema.oneOf
  if (parts !== undefined) return joined(parts, ' or ')
  if (schema.allOf !== undefined) return joined(schema.allOf, ' and ')
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum !== undefined)
    return html`one of ${schema.enum.map((v, i) => html`${i > 0 ? ', ' : ''}<code>${word(v)}</code>`)}`
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])
  if (types.includes('array') || schema.items !== undefined)
    return html`list of ${typeWords(schema.items)}${types.includes('null') ? ' or null' : ''}`
  if (types.includes('object') || schema.properties !== undefined)
    return html`${objectWords(schema)}${types.includes('null') ? ' or null' : ''}`
  if (types.length === 0) return html`anything`
  return html`${types.map((t) => TYPE_WORDS[t] ?? t).join(' or ')}${limits(schema)}`
}

const TYPE_WORDS: Record<string, string> = {
  integer: 'whole number',
  number: 'number',
  string: 'text',
  boolean: 'true or false',
  null: 'null',
}

const word = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')

function joined(parts: readonly Schema[], by: string): Markup {
  return html`${parts.map((part, i) => html`${i > 0 ? by : ''}${typeWords(part)}`)}`
}

function objectWords(schema: Schema): Markup {
  const fields = Object.keys(schema.properties ?? {}).length
  if (fields > 0)
    return html`<details class="fields"><summary>object with ${fields} ${fields === 1 ? 'field' : 'fields'}</summary>${propertyTable(schema)}</details>`
  if (typeof schema.additionalProperties === 'object')
    return html`object whose values are ${typeWords(schema.additionalProperties)}`
  return html`object`
}

/** The fields of an object: name, type, whether it must be there, and what it means. */
export function propertyTable(schema: Schema): Markup {
  const required = new Set(schema.required)
  return html`<table><thead><tr><th scope="col">field</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead>
    <tbody>${Object.entries(schema.properties ?? {}).map(
      ([
        name,
        field,
      ]) => html`<tr><th scope="row"><code class="name">${name}</code>${required.has(name) ? '' : html` <small>optional</small>`}</th>
        <td>${typeWords(field)}</td><td>${field.description ?? ''}${preset(field)}</td></tr>`,
    )}</tbody></table>`
}

/** What is taken where a value is not given. */
export const preset = (schema: Schema | undefined): Markup | '' =>
  schema?.default === undefined
    ? ''
    : html` <small>default <code>${JSON.stringify(schema.default)}</code></small>`

function limits(s: Schema): string {
  const said: string[] = []
  if (s.format !== undefined) said.push(s.format)
  const low = s.minimum ?? s.exclusiveMinimum
  const high = s.maximum ?? s.exclusiveMaximum
  // The ends of what a double holds exactly say nothing to a reader.
  if (low !== undefined && low > Number.MIN_SAFE_INTEGER)
    said.push(s.minimum === undefined ? `above ${low}` : `at least ${low}`)
  if (high !== undefined && high < Number.MAX_SAFE_INTEGER)
    said.push(s.maximum === undefined ? `below ${high}` : `at most ${high}`)
  if (s.minLength !== undefined && s.minLength > 1) said.push(`${s.minLength} characters or more`)
  if (s.maxLength !== undefined) said.push(`at most ${s.maxLength} characters`)
  if (s.pattern !== undefined) said.push(`matches ${s.pattern}`)
  return said.length === 0 ? '' : `, ${said.join(', ')}`
}
