import { type OpenApi, type Route, refName, type Schema } from './openapi.ts'

/** A command that calls the route as it stands, with names in capitals where the caller fills in a value. */
export function curlExample(document: OpenApi, route: Route): string {
  const { method, path, operation } = route
  const base = (document.servers?.[0]?.url ?? 'http://127.0.0.1:8642').replace(/\/$/, '')
  const host = /^https?:/.test(base) ? base : `http://127.0.0.1:8642${base}`
  const needed = (operation.parameters ?? []).filter((p) => p.in === 'query' && p.required)
  const query = needed.map((p) => `${p.name}=${placeholder(p.name)}`).join('&')
  const address = `${host}${path.replace(/\{(\w+)\}/g, (_, name: string) => placeholder(name))}`
  const parts = [method === 'get' ? 'curl' : `curl -X ${method.toUpperCase()}`]
  if ((operation.security ?? document.security ?? []).length > 0)
    parts.push('-H "Authorization: Bearer $LLEM_TOKEN"')
  for (const p of operation.parameters ?? [])
    if (p.in === 'header' && p.required)
      parts.push(quoted(`-H`, `${p.name}: ${placeholder(p.name)}`))
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  if (type !== undefined) {
    parts.push(quoted('-H', `Content-Type: ${type}`))
    if (type.includes('json')) {
      const body = content?.example ?? exampleOf(document, content?.schema, 0)
      parts.push(quoted('--data', JSON.stringify(body)))
    } else parts.push('--data-binary @FILE')
  }
  parts.push(quoted('', `${address}${query === '' ? '' : `?${query}`}`).trim())
  return parts.length > 2 ? parts.join(' \\\n  ') : parts.join(' ')
}

const placeholder = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')

/** Single quotes keep everything as it is, but for a single quote itself. */
const quoted = (flag: string, text: string): string => `${flag} '${text.replace(/'/g, `'\\''`)}'`

const DEEPEST = 6

/** The least value that the schema takes: required fields alone, its own example or default where it names one. */
function exampleOf(document: OpenApi, schema: Schema | undefined, depth: number): unknown {
  if (schema === undefined || depth > DEEPEST) return {}
  if (schema.$ref !== undefined)
    return exampleOf(document, document.components?.schemas?.[refName(schema.$ref)], depth + 1)
  const given =
    schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.default ?? schema.enum?.[0]
  if (given !== undefined) return given
  const part = schema.anyOf?.[0] ?? schema.oneOf?.[0] ?? schema.allOf?.[0]
  if (part !== undefined) return exampleOf(document, part, depth + 1)
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.[0]
  if (type === 'array') return []
  if (type === 'string') return '...'
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0
  if (type === 'boolean') return false
  if (type === 'null') return null
  const required = new Set(schema.required)
  return Object.fromEntries(
    Object.entries(schema.properties ?? {})
      .filter(([name]) => required.has(name))
      .map(([name, field]) => [name, exampleOf(document, field, depth + 1)]),
  )
}
