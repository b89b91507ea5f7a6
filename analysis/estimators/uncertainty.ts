import type { Component, MetricValue } from '../schema/summary.ts'
import type { Unit } from '../schema/units.ts'
import { sourceFamily } from './calibration.ts'

/** Published ranges are plus and minus two standard uncertainties. */
const COVERAGE = 2

/** Standard uncertainty of all parts together. */
export const standard = (parts: readonly Component[]): number =>
  Math.hypot(...parts.map((c) => c.value))

/** Standard uncertainty without what is common to all runs on the device. */
export const repeatable = (parts: readonly Component[]): number =>
  standard(parts.filter((c) => !c.shared))

/** The parts of k times the value. */
export const scaled = (parts: readonly Component[], k: number): Component[] =>
  parts.map((c) => ({ ...c, value: c.value * Math.abs(k) }))

/**
 * Parts of a sum over devices, by name: what is shared (one calibration) adds linearly, the rest in quadrature. Sensors of
 * unlike makers share nothing, so each family of sources has a part of its own.
 * Source: docs/metrics.md, "Energy", uncertainty.
 */
export function summed(devices: readonly (readonly Component[])[]): Component[] {
  const byName = new Map<string, Component>()
  for (const part of devices.flat()) {
    const key = `${part.name} ${part.source == null ? '' : sourceFamily(part.source)}`
    const known = byName.get(key)
    if (known === undefined) byName.set(key, part)
    else
      byName.set(key, {
        ...part,
        ...(part.source == null ? {} : { source: bothSources(known.source, part.source) }),
        value: part.shared ? known.value + part.value : Math.hypot(known.value, part.value),
      })
  }
  return [...byName.values()]
}

const bothSources = (known: string | null | undefined, more: string): string =>
  [...new Set([...(known ?? '').split('+'), more])].filter((s) => s !== '').join('+')

/**
 * Parts of a ratio: relative squares add, so the numerator's parts shrink by the divisor and the divisor's own
 * uncertainty becomes a part.
 * @param u_divisor standard, in the divisor's unit; null: not known, counted as none
 */
export function dividedParts(
  numerator: { readonly value: number; readonly parts: readonly Component[] },
  divisor: number,
  u_divisor: number | null,
  name: string,
): Component[] {
  const parts = scaled(numerator.parts, 1 / divisor)
  if (u_divisor === null || u_divisor === 0) return parts
  const value = Math.abs((numerator.value / divisor) * (u_divisor / divisor))
  return [...parts, { name, value, shared: false }]
}

export interface Known {
  readonly value: number
  readonly unit: Unit
  readonly parts: readonly Component[]
  readonly n?: number | null
  readonly provenance?: string | null
  readonly scope?: string | null
}

/** A value with its 95 % range, whole and repeatable, and the parts that these come from. */
export function withRange({ value, unit, parts, n, provenance, scope }: Known): MetricValue {
  const all = COVERAGE * standard(parts)
  const repeat = COVERAGE * repeatable(parts)
  return {
    value,
    unit,
    low: value - all,
    high: value + all,
    repeat_low: value - repeat,
    repeat_high: value + repeat,
    n: n ?? null,
    reason: null,
    provenance: provenance ?? null,
    scope: scope ?? null,
    components: [...parts],
  }
}
