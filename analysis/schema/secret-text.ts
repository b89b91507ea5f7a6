import { cutAtRedacted, type Hide, isRedacted } from './redacted.ts'
import { isSecretName } from './secret-name.ts'

/** Beginnings by which makers of keys let them be found. */
const KEY_FORMS: readonly string[] = [
  'sk-(?:(?=[\\w-]*[0-9A-Z])[\\w-]{8,}|[\\w-]{12,})',
  '[spr]k_(?:live|test)_\\w{8,}',
  'hf_(?=[A-Za-z0-9]*[0-9A-Z])[A-Za-z0-9]{8,}',
  'gh[pousr]_[A-Za-z0-9]{8,}',
  'github_pat_\\w{8,}',
  'gl(?:pat|dt|rt|cbt|ptt)-[\\w-]{8,}',
  'xox[abeoprs]-[\\w-]{8,}',
  'xapp-[\\w-]{8,}',
  '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}',
  'AIza[\\w-]{20,}',
  'ya29\\.[\\w-]{8,}',
  'nvapi-[\\w-]{8,}',
  'gsk_\\w{8,}',
  'r8_\\w{8,}',
  'npm_[A-Za-z0-9]{16,}',
  'pypi-[\\w-]{16,}',
  'dop_v1_\\w{8,}',
  'SG\\.[\\w-]{8,80}\\.[\\w-]{8,}',
  'eyJ[\\w-]{8,500}\\.[\\w-]{4,}(?:\\.[\\w-]*)?',
]
const KEYS = new RegExp(`(?<![A-Za-z0-9])(?:${KEY_FORMS.join('|')})`, 'g')
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
const WEBHOOK = /(?<=hooks\.slack\.com\/services\/)[\w/-]+/g
const USERINFO = /(?<=\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]+(?=@)/gi
const SCHEME = /\b(Bearer|Basic|Digest|Negotiate|ApiKey)(\s{1,8})([A-Za-z0-9._~+/-]{6,}=*)/gi
/** A word with no quotes, brackets or separators; a quoted text is taken whole, with its quotes. */
const VALUE = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|[^\\s"',;&<>()[\\]{}]+`
const QUERY = /([?&;#])([A-Za-z][\w.[\]-]{0,60})=([^&#;\s"'<>]+)/g
const ASSIGNED = new RegExp(`(?<![\\w?&;#-])([A-Za-z_][\\w.-]{0,80})=(${VALUE})`, 'g')
const FLAG = new RegExp(`(?<![\\w-])(--?[A-Za-z][\\w.-]{0,80})([=\\s]\\s{0,8})(${VALUE})`, 'g')
const MEMBER = new RegExp(
  `(\\\\?["']?)([A-Za-z_][\\w-]{0,80})\\1(\\s{0,8}:\\s{0,8}\\[?\\s{0,8})((?:(?:Bearer|Basic|Digest|Token|ApiKey|Negotiate)\\s{1,8})?)(\\\\"[^"\\\\]*\\\\"|${VALUE})`,
  'gi',
)
/** Parameters of an address that are secret, beside those that their name gives away. */
const PARAMETERS: ReadonlySet<string> = new Set(['key', 'sig', 'sas', 'code', 'x-amz-credential'])

/** Values of a configuration that hold no secret under any name. */
const NO_SECRET = /^(|\*+|\(hidden\)|none|null|nil|true|false|auto|undefined)$/i
/** In a text also: a placeholder, a reference to a variable, a word that stands where a value might. */
const NO_SECRET_IN_TEXT =
  /^(\.{3}|…|<[^>]*>|\$[A-Z_][A-Z0-9_]*|\$\{\w+\}|yes|no|on|off|basic|bearer|digest|enabled|disabled|default)$/

export const isHarmless = (value: string): boolean => NO_SECRET.test(value) || isRedacted(value)
const isHarmlessInText = (value: string): boolean =>
  isHarmless(value) || NO_SECRET_IN_TEXT.test(value.replace(/^(basic|bearer|digest)$/i, 'basic'))

/**
 * Replaces what a text quotes of keys: passwords within addresses, parameters and options with the name of a
 * secret, headers that let in, and keys known by the form that their makers give them.
 * @param known values that are secret wherever they stand
 */
export function hideInText(text: string, hide: Hide, known: readonly string[]): string {
  let before = text
  for (let i = 0; i < MOST_PASSES; i++) {
    const after = pass(before, hide, known)
    if (after === before) break
    before = after
  }
  return before
}

/** What is replaced may let a rule see what it did not before; hardly ever more than once. */
const MOST_PASSES = 8

function pass(text: string, hide: Hide, known: readonly string[]): string {
  let out = outside(text, (part) => withoutKnown(part, hide, known))
  out = outside(out, (part) => part.replace(PEM, hide).replace(WEBHOOK, hide).replace(KEYS, hide))
  out = out.replace(USERINFO, (login) => (login === 'git' ? login : bare(login, hide)))
  out = out.replace(QUERY, (all, lead, name, value) =>
    isSecretName(name) || PARAMETERS.has(name.toLowerCase())
      ? `${lead}${name}=${bare(value, hide)}`
      : all,
  )
  out = out.replace(FLAG, (all, name, between, value) =>
    isSecretName(name) && !/^-/.test(value) && !isCount(name, value)
      ? `${name}${between}${quoted(value, hide)}`
      : all,
  )
  out = out.replace(ASSIGNED, (all, name, value) =>
    isSecretName(name) && !isCount(name, value) ? `${name}=${quoted(value, hide)}` : all,
  )
  out = out.replace(MEMBER, (all, quote, name, between, scheme, value) =>
    isSecretName(name) && !isCount(name, value) && !/^\/\//.test(value)
      ? `${quote}${name}${quote}${between}${scheme}${quoted(value, hide)}`
      : all,
  )
  return out.replace(SCHEME, (all, scheme, between, value) =>
    /[\d._~+/=-]|[a-z][A-Z]/.test(value) ? `${scheme}${between}${bare(value, hide)}` : all,
  )
}

/** `--max-token 128` is a count; a password of digits is a password. */
export const isCount = (name: string, value: string): boolean =>
  /token$/i.test(name) && /^["']?[\d.]+["']?$/.test(value)

const outside = (text: string, work: (part: string) => string): string =>
  cutAtRedacted(text)
    .map((part, i) => (i % 2 === 1 ? part : work(part)))
    .join('')

function withoutKnown(text: string, hide: Hide, known: readonly string[]): string {
  let out = text
  for (const value of known)
    for (const form of spellings(value))
      if (out.includes(form)) out = outside(out, (part) => part.replaceAll(form, () => hide(value)))
  return out
}

/** A value as it is, within JSON and within an address. */
function spellings(value: string): ReadonlySet<string> {
  const forms = new Set([value, JSON.stringify(value).slice(1, -1)])
  // Half a surrogate pair can't stand in an address.
  if (!/\p{Cs}/u.test(value)) forms.add(encodeURIComponent(value))
  return forms
}

/** What begins with a redacted value was redacted before, up to a full stop or the like. */
const bare = (value: string, hide: Hide): string =>
  isHarmlessInText(value) || /^redacted:[0-9a-f]{16}/.test(value) || value.startsWith('(hidden)')
    ? value
    : hide(value)

function quoted(value: string, hide: Hide): string {
  const quote = /^(\\?["'])([\s\S]*)\1$/.exec(value)
  if (quote === null) return bare(value, hide)
  const [, mark, inner] = quote as unknown as [string, string, string]
  return `${mark}${bare(inner, hide)}${mark}`
}
