import type { Unit } from '../../analysis/schema/units.ts'

/** Narrow no-break space: groups digits and joins a number to its unit, wherever the line breaks. */
const THIN = '\u202f'

export interface Ranged {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/** Half of the range, or null where there is none. */
export function halfRange(r: Ranged): number | null {
  if (r.low === null || r.high === null) return null
  const half = (r.high - r.low) / 2
  return Number.isFinite(half) && half > 0 ? half : null
}

/** Decimals that show two significant digits of `half`; negative: tens, hundreds. 1386 gives -2, 0.0996 gives 2. */
export function decimalsOf(half: number): number {
  const digits = 1 - Math.floor(Math.log10(half))
  // Rounding may carry into another digit: 0.0996 is 0.10, not 0.100.
  return 1 - Math.floor(Math.log10(Number(fixedDecimals(half, digits))))
}

/**
 * A number as a reader wants it: grouped digits, a true minus sign, `decimals` behind the point.
 * Negative decimals round to tens, hundreds and so on.
 */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '−∞' : 'not a number'
  const [whole = '0', fraction] = fixedDecimals(Math.abs(value), decimals).split('.')
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text
}

function fixedDecimals(value: number, decimals: number): string {
  if (decimals >= 0) return value.toFixed(Math.min(decimals, 20))
  const step = 10 ** -decimals
  return (Math.round(value / step) * step).toFixed(0)
}

/** A number with so many significant digits, and no zeros put behind a whole number. */
export function significant(value: number, digits: number): string {
  if (!Number.isFinite(value) || value === 0) return fixed(value, 0)
  if (Math.abs(value) < 1e-5) return powerOfTen(value, digits)
  const rounded = Number(value.toPrecision(digits))
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))))
  return fixed(rounded, Number.isInteger(value) ? 0 : decimals)
}

/** `1.2 × 10⁻⁹`: what would else be a row of zeros. */
function powerOfTen(value: number, digits: number): string {
  const [mantissa = '', exponent = ''] = value.toExponential(digits - 1).split('e')
  const raised = exponent.replace('+', '').replace(/./g, (c) => RAISED[c] ?? c)
  return `${mantissa.replace('-', '−')}${THIN}×${THIN}10${raised}`
}

const RAISED: Record<string, string> = {
  '-': '⁻',
  '0': '⁰',
  '1': '¹',
  '2': '²',
  '3': '³',
  '4': '⁴',
  '5': '⁵',
  '6': '⁶',
  '7': '⁷',
  '8': '⁸',
  '9': '⁹',
}

/** Four significant digits, whole numbers whole: for values without a stated uncertainty. */
export function plain(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return fixed(value, 0)
  return significant(value, 4)
}

/** Enough for any reader, however small the uncertainty. */
const MOST_DIGITS = 6

/** A value rounded by its own uncertainty, so that every digit shown means something. null: null. */
export function valueText(r: Ranged, most = MOST_DIGITS): string | null {
  if (r.value === null) return null
  const half = halfRange(r)
  return half === null ? plain(r.value) : fixed(r.value, shownDecimals(r.value, half, most))
}

/** The ends of the range, with the value's own digits. null: there is no range. */
export function rangeText(r: Ranged, join = ' to ', most = MOST_DIGITS): string | null {
  const half = halfRange(r)
  if (half === null || r.low === null || r.high === null || r.value === null) return null
  const decimals = shownDecimals(r.value, half, most)
  return `${fixed(r.low, decimals)}${join}${fixed(r.high, decimals)}`
}

function shownDecimals(value: number, half: number, most: number): number {
  const magnitude = value === 0 ? -20 : Math.floor(Math.log10(Math.abs(value)))
  return Math.min(decimalsOf(half), Math.max(0, most - 1 - magnitude))
}

/** `12.3 s`: number and unit, which never part at a line's end. */
export const withUnit = (text: string, unit: Unit | string): string =>
  unit === '1' ? text : `${text}${THIN}${unit}`

/** Units in words, as a sentence says them. */
export const UNIT_WORDS: Record<Unit, string> = {
  '1': '',
  '%': 'per cent',
  J: 'joules',
  W: 'watts',
  s: 'seconds',
  ms: 'milliseconds',
  ns: 'nanoseconds',
  'J/token': 'joules per token',
  'J/request': 'joules per request',
  'J/image': 'joules per image',
  'J/video': 'joules per video',
  'token/s': 'tokens per second',
  'token/s/GPU': 'tokens per second and GPU',
  'token/s/W': 'tokens per second and watt',
  'token/J': 'tokens per joule',
  token: 'tokens',
  request: 'requests',
  'request/s': 'requests per second',
  'image/s': 'images per second',
  'video/s': 'videos per second',
  'request/J': 'requests per joule',
  '1/J': 'per joule',
  J·s: 'joule seconds',
  'tokens²/s/J': 'tokens² per second and joule',
  C: '°C',
  MHz: 'megahertz',
  B: 'bytes',
  MiB: 'mebibytes',
  mW: 'milliwatts',
  uW: 'microwatts',
  mJ: 'millijoules',
  uJ: 'microjoules',
  bitmask: 'flags',
}

/** Bytes in the binary unit that keeps two or three digits. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let at = 0
  let left = bytes
  while (left >= 1024 && at < units.length - 1) {
    left /= 1024
    at++
  }
  return withUnit(significant(left, 3), units[at] as string)
}

/** An instant in UTC, to the second: `2026-07-14 09:31:07 UTC`. */
export function utcText(iso: string): string {
  const at = new Date(iso)
  return Number.isNaN(at.getTime()) ? iso : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
