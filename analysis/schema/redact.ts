import { isPlainVariable } from './plain-variables.ts'
import { type Hide, isRedacted } from './redacted.ts'
import { isSecretName } from './secret-name.ts'
import { hideInText, isCount, isHarmless } from './secret-text.ts'

/**
 * Decides what of a run is stored in clear. Both methods change nothing in what they have given, and hold for
 * configurations, environments, details of events and any other part of a run.
 */
export interface Redactor {
  /** A text that people or programs wrote: a message, a log's lines, a command line. */
  text(text: string): string
  /** Nested values of JSON; what is not text stays as it is. */
  value<T>(value: T): T
}

/**
 * @param hide what stands for a value
 * @param known values that are secret wherever they stand, such as those that {@link secretsIn} found
 */
export function createRedactor(hide: Hide, known: readonly string[] = []): Redactor {
  // The longest first: one may be a part of another.
  const sure = [...new Set(known)].filter(isTelling).sort((a, b) => b.length - a.length)
  const text = (part: string) => hideInText(part, hide, sure)
  const whole = (part: string) => (isHarmless(part) ? part : hide(part))
  const variable = (name: string, value: unknown): unknown => {
    if (value === null || value === '') return value
    // Whatever it looks like: variables are on the list by their name, not by their value.
    if (!isPlainVariable(name)) return isRedacted(String(value)) ? value : hide(String(value))
    return typeof value === 'string' ? text(value) : value
  }

  /** `NAME=value`, or as Kubernetes writes it `{ name, value }`. */
  function variableOf(item: unknown): unknown {
    if (typeof item === 'string') {
      const cut = item.indexOf('=')
      if (cut < 1) return text(item)
      return `${item.slice(0, cut)}=${variable(item.slice(0, cut), item.slice(cut + 1))}`
    }
    const { name, value } = (item ?? {}) as { name?: unknown; value?: unknown }
    return typeof name === 'string' && value !== undefined
      ? { ...(item as object), value: variable(name, value) }
      : walk(item, '')
  }

  function header(name: string, value: unknown): unknown {
    if (typeof value !== 'string') return walk(value, name)
    if (PLAIN_HEADERS.has(name.toLowerCase())) return text(value)
    const [, scheme = '', rest = ''] =
      /^((?:Bearer|Basic|Digest|Token|ApiKey)\s+)?([\s\S]*)$/i.exec(value) as RegExpExecArray
    return `${scheme}${whole(rest)}`
  }

  function headerLine(line: string): string {
    const cut = line.indexOf(':')
    if (cut < 1 || isHarmless(line)) return text(line)
    const gap = /^\s*/.exec(line.slice(cut + 1))?.[0] ?? ''
    const value = header(line.slice(0, cut).trim(), line.slice(cut + 1 + gap.length))
    return `${line.slice(0, cut + 1)}${gap}${value}`
  }

  /** Arguments of a command: `--api-key X`, `--api-key=X`, `-H "X-Key: X"`, `-u name:password`, `HF_TOKEN=X`. */
  function args(list: readonly unknown[]): unknown[] {
    const takesSeveral = list.some((word) => typeof word === 'string' && /vllm/i.test(word))
    let option: string | null = null
    return list.map((word) => {
      if (typeof word !== 'string') return walk(word, '')
      const given = OPTION.exec(word)
      if (given !== null) {
        const [, name = '', value] = given
        option = value === undefined ? name : null
        if (value === undefined) return word
        if (isSecretName(name) && !isCount(name, value))
          return `${cutAtEquals(word)}${whole(value)}`
        if (/^-*header$/i.test(name)) return `${cutAtEquals(word)}${headerLine(value)}`
        return text(word)
      }
      const before = option
      if (before === null) return text(word)
      if (!takesSeveral) option = null
      if (isSecretName(before) && !isCount(before, word)) return whole(word)
      option = null
      if (/^(-H|--header)$/.test(before)) return headerLine(word)
      if (/^(-u|--user|--proxy-user)$/.test(before) && /^[^/\s]+:[^/\s]+$/.test(word))
        return whole(word)
      return text(word)
    })
  }

  // Rows of results have hundreds of fields, the same in each.
  const names = new Map<string, boolean>()
  function isSecret(name: string): boolean {
    const known = names.get(name)
    if (known !== undefined) return known
    const secret = isSecretName(name)
    if (names.size < MOST_NAMES) names.set(name, secret)
    return secret
  }

  function walk(value: unknown, key: string): unknown {
    const secret = isSecret(key)
    if (typeof value === 'string') return secret ? whole(value) : text(value)
    // A password of digits is a number to YAML.
    if (typeof value === 'number' || typeof value === 'bigint')
      return secret && !isCount(key, String(value)) ? hide(String(value)) : value
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) {
      if (secret) return value.map((v) => (typeof v === 'string' ? whole(v) : walk(v, key)))
      if (ENV.test(key)) return value.map(variableOf)
      if (HEADERS.test(key))
        return value.map((v) => (typeof v === 'string' ? headerLine(v) : walk(v, '')))
      return args(value)
    }
    const inner = (name: string, v: unknown): unknown => {
      if (ENV.test(key)) return variable(name, v)
      if (HEADERS.test(key)) return header(name, v)
      // What stands within `credentials` is secret under any name.
      return walk(v, secret && typeof v === 'string' ? key : name)
    }
    return Object.fromEntries(Object.entries(value).map(([name, v]) => [name, inner(name, v)]))
  }

  return { text, value: <T>(value: T) => walk(value, '') as T }
}

const MOST_NAMES = 10_000
const ENV = /^(env|environ|env_vars|environment_variables)$/i
const HEADERS = /^(extra_|default_|http_|request_)?headers$/i
const PLAIN_HEADERS: ReadonlySet<string> = new Set([
  ...['accept', 'accept-encoding', 'accept-language', 'connection', 'content-length'],
  ...['content-type', 'host', 'user-agent'],
])
const OPTION = /^(--?[A-Za-z][\w.-]*)(?:=([\s\S]*))?$/
const cutAtEquals = (word: string) => word.slice(0, word.indexOf('=') + 1)
/** Shorter ones stand in many a text by chance. */
const isTelling = (value: string) => value.length >= 6 && !isHarmless(value)

/** The values that a redactor hides in a part of a run, so that they are found in its other parts too. */
export function secretsIn(value: unknown): string[] {
  const found = new Set<string>()
  createRedactor((secret) => {
    found.add(secret)
    return '(hidden)'
  }).value(value)
  return [...found].filter(isTelling)
}
