const SECRET_NAME = /token|secret|password|passwd|credential|auth|api_?key|private_?key/i
const HIDDEN = '(hidden)'

/**
 * A configuration fit to be shown to others: values of environment variables and options whose name says that they
 * are secret, and passwords within addresses, are hidden. Counts such as `input_tokens` are no secrets.
 */
export function shareableConfig(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(\/\/)[^/@\s]+:[^/@\s]+@/g, `$1${HIDDEN}@`)
  if (Array.isArray(value)) return value.map(shareableConfig)
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

/** They match the pattern, but hold a name. */
const NAMES_ONLY: ReadonlySet<string> = new Set(['api_key_env', 'tokenizer', 'token_source'])
