/**
 * JSON text as Python's `json.dumps(value, sort_keys=True, indent=2)` writes it: sorted keys, two spaces, everything
 * beyond ASCII escaped, no final newline, so that a file that only passed through differs in no byte.
 * @param isFloat whether the number under a key is a float to Python, which writes 14 as 14.0
 */
export function pythonJson(value: unknown, isFloat: (key: string) => boolean): string {
  const write = (v: unknown, key: string, pad: string): string => {
    if (typeof v === 'number') return Number.isFinite(v) ? pythonNumber(v, isFloat(key)) : 'null'
    if (typeof v === 'string') return ascii(v)
    if (v === null || typeof v !== 'object') return JSON.stringify(v) ?? 'null'
    const inner = `${pad}  `
    if (Array.isArray(v))
      return bracketed(
        '[',
        ']',
        pad,
        v.map((e) => inner + write(e, key, inner)),
      )
    const entries = Object.entries(v).filter(([, e]) => e !== undefined)
    // By code point, as Python sorts.
    entries.sort(([a], [b]) => (a < b ? -1 : 1))
    return bracketed(
      '{',
      '}',
      pad,
      entries.map(([k, e]) => `${inner}${ascii(k)}: ${write(e, k, inner)}`),
    )
  }
  return write(value, '', '')
}

const bracketed = (open: string, close: string, pad: string, parts: readonly string[]): string =>
  parts.length === 0 ? open + close : `${open}\n${parts.join(',\n')}\n${pad}${close}`

const ascii = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** Python takes to exponents below 1e-4 and from 1e16, JavaScript below 1e-6 and from 1e21; both write the shortest digits. */
function pythonNumber(value: number, float: boolean): string {
  if (Number.isInteger(value) && !float && Math.abs(value) < 1e16) return String(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent = '0'] = value.toExponential().split('e')
    const sign = exponent.startsWith('-') ? '-' : '+'
    return `${digits}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`
  }
  const text = Object.is(value, -0) ? '-0' : String(value)
  return text.includes('.') ? text : `${text}.0`
}
