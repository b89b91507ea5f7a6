const SECRET_NAME = /token|secret|password|passwd|credential|auth|api_?key|private_?key/i
const HIDDEN = '(hidden)'

/**
 * A configuration fit to be shown to others: values of environment variables and options whose name says that they
 * are secret, and passwords within addresses, are hidden. Counts such as `input_tokens` are no secrets.
 */
export function shareableConfig(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(\/\/)[^/@\s]+:[^/@\s]+@/g, `$1${HIDDEN}@`)
  if (Array.isArray(value)) return value.map((inner, i) => argument(inner, value[i - 1]))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' && SECRET_NAME.test(key) && !NAMES_ONLY.has(key)
        ? HIDDEN
        : shareableConfig(inner),
    ]),
  )
}

const OPTION = /^--?([A-Za-z][\w-]*)(=.*)?$/s

/** An argument of a command: what follows `--api-key` or stands behind `--api-key=` is hidden. */
function argument(value: unknown, before: unknown): unknown {
  if (typeof value !== 'string') return shareableConfig(value)
  const own = OPTION.exec(value)
  if (own?.[2] !== undefined && isSecret(own[1], own[2].slice(1)))
    return `${value.slice(0, value.indexOf('=') + 1)}${HIDDEN}`
  const option = typeof before === 'string' ? OPTION.exec(before) : null
  if (own === null && option !== null && option[2] === undefined && isSecret(option[1], value))
    return HIDDEN
  return shareableConfig(value)
}

/** `--max-tokens 128` is a count. */
function isSecret(option = '', value: string): boolean {
  const name = option.replaceAll('-', '_')
  return SECRET_NAME.test(name) && !NAMES_ONLY.has(name) && !/^[\d.]+$/.test(value)
}

/** They match the pattern, but hold a name. */
const NAMES_ONLY: ReadonlySet<string> = new Set(['api_key_env', 'tokenizer', 'token_source'])
