import type { Range } from '../schema/factor.ts'

/** 95 % of a normal spread lie within so many standard deviations. */
const Z_95 = 1.96
const ROOT_3 = Math.sqrt(3)

/**
 * What one uncertain input does to a value, either way: standard (`down`, `up`) and at most (`least`, `most`). Relative
 * where it is an input's own, in the unit of the line once applied.
 */
export interface Term {
  readonly name: string
  readonly down: number
  readonly up: number
  readonly least: number
  readonly most: number
}

/** An input known to a relative standard uncertainty. */
export const standardTerm = (name: string, u: number): Term => ({
  name,
  down: u,
  up: u,
  least: Z_95 * u,
  most: Z_95 * u,
})

/**
 * An input only known to lie between two bounds, evenly spread: of a symmetrical one u = (b - a) / (√3 (a + b)).
 * @returns none where the value is 0, which has no relative spread
 * Source: docs/cost.md, "Uncertainty".
 */
export function rangeTerm(name: string, { low, value, high }: Range): Term[] {
  if (value === 0 || (low === value && high === value)) return []
  const size = Math.abs(value)
  return [widths(name, (value - low) / size, (high - value) / size)]
}

const widths = (name: string, least: number, most: number): Term => ({
  name,
  down: least / ROOT_3,
  up: most / ROOT_3,
  least,
  most,
})

/** What the terms of a value's inputs do to it, in its own unit; of a negative value up is down. */
export const effects = (value: number, terms: readonly Term[]): Term[] =>
  terms.map((t) => {
    const size = Math.abs(value)
    const [down, up] = value < 0 ? [t.up, t.down] : [t.down, t.up]
    const [least, most] = value < 0 ? [t.most, t.least] : [t.least, t.most]
    return {
      name: t.name,
      down: down * size,
      up: up * size,
      least: least * size,
      most: most * size,
    }
  })

/** The effect of an input on a value that is not a plain product of it, by what its bounds make of the value. */
export function rangeEffect(name: string, low: number, value: number, high: number): Term[] {
  return low === value && high === value ? [] : [widths(name, value - low, high - value)]
}

/** Effects of one input on several values that are added: it moves all of them together. */
export function together(effects: readonly Term[]): Term[] {
  const byName = new Map<string, Term>()
  for (const t of effects) {
    const k = byName.get(t.name)
    byName.set(
      t.name,
      k === undefined
        ? t
        : {
            name: t.name,
            down: k.down + t.down,
            up: k.up + t.up,
            least: k.least + t.least,
            most: k.most + t.most,
          },
    )
  }
  return [...byName.values()]
}

const root = (parts: readonly number[]): number => Math.hypot(...parts)
const sum = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0)

/**
 * The 95 % range of a value: 1.96 times the root of the squares, but never further than all inputs at their bounds, and
 * not past zero to the other sign.
 */
export function band(value: number, all: readonly Term[]): Range {
  const terms = together(all)
  const down = Math.min(Z_95 * root(terms.map((t) => t.down)), sum(terms.map((t) => t.least)))
  const up = Math.min(Z_95 * root(terms.map((t) => t.up)), sum(terms.map((t) => t.most)))
  const low = value >= 0 ? Math.max(0, value - down) : value - down
  const high = value < 0 ? Math.min(0, value + up) : value + up
  return { low, value, high }
}

/** Relative standard uncertainty; null of zero. */
export function relativeU(value: number, all: readonly Term[]): number | null {
  if (value === 0) return null
  return root(together(all).map((t) => (t.down + t.up) / 2)) / Math.abs(value)
}

/** Which input the spread of a value comes from: shares of its variance, the largest first. */
export function varianceShares(
  all: readonly Term[],
): { readonly term: string; readonly variance_share: number }[] {
  const squares = together(all).map((t) => ({ term: t.name, square: ((t.down + t.up) / 2) ** 2 }))
  const whole = sum(squares.map((s) => s.square))
  if (whole === 0) return []
  return squares
    .filter((s) => s.square > 0)
    .map((s) => ({ term: s.term, variance_share: s.square / whole }))
    .sort((a, b) => b.variance_share - a.variance_share)
}
