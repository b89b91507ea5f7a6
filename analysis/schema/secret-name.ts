/** Words that mark as secret whatever name they stand in. */
const ALWAYS: ReadonlySet<string> = new Set([
  ...['password', 'passwd', 'passphrase', 'passcode', 'secret', 'secrets', 'credential'],
  ...['credentials', 'authorization', 'cookie', 'cookies', 'apikey', 'apikeys', 'jwt', 'bearer'],
])
/** Words that mark a name when they come last. */
const LAST: ReadonlySet<string> = new Set(['pass', 'pwd', 'auth', 'pat', 'token', 'signature'])
/** Before `token`: words of tokenizers and of counts, whose tokens are no secrets. */
const TEXT_TOKEN: ReadonlySet<string> = new Set([
  ...['pad', 'eos', 'bos', 'unk', 'mask', 'sep', 'cls', 'stop', 'start', 'end', 'begin', 'image'],
  ...['audio', 'video', 'special', 'first', 'last', 'next', 'prev', 'per', 'output', 'input'],
  ...['prompt', 'generated', 'draft', 'think', 'thinking', 'reasoning', 'new', 'max', 'min', 'by'],
])
const KEY =
  /(^|_)(api|access|private|secret|auth|signing|encryption|session|account|subscription|service|master|admin|deploy|ssh|hf|openai)_?keys?($|_)/
/** What such a name begins with where it is a switch, and ends with where it names the place of a secret. */
const SWITCH = /^(no|enable|disable|use|require|with|without|skip|allow|trust|is|has)_/
const PLACE = /_(env|file|path|dir|name|type|mode|source|len|length|count)$/

/** Whether a key, an option or a variable of this name holds a secret: `api_key`, `--hf-token`, `X-Api-Key`, `dbPassword`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    // HF_TOKEN_2 is a token too.
    .filter((word, i) => word !== '' && (i === 0 || !/^\d+$/.test(word)))
  const whole = words.join('_')
  if (SWITCH.test(whole) || PLACE.test(whole)) return false
  if (words.some((word) => ALWAYS.has(word)) || KEY.test(whole)) return true
  const last = words.at(-1) ?? ''
  if (last === 'token' && TEXT_TOKEN.has(words.at(-2) ?? '')) return false
  return LAST.has(last)
}
