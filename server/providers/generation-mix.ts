import { GENERATION_G_PER_KWH, type GenerationSource } from '../../analysis/factors/generation.ts'
import type { FactorPoint } from './provider.ts'

/** More generation than this share without a known factor, and its hour has none. */
const MOST_UNKNOWN = 0.15

/** Generation of a span by what made it, in one unit; null: of a kind for which no factor is known. */
export interface MixRow {
  readonly from_ms: number
  readonly to_ms: number
  readonly source: GenerationSource | null
  readonly amount: number
}

/**
 * Factors of a mix: the mean of the kinds' own factors, weighted by what they made. What has no factor (waste, biomass,
 * storage) takes the mean of the rest while it is little; else the span has none. Below zero is what a plant or a pump
 * takes, no generation.
 * Source: docs/totals.md, "Publishers".
 */
export function factorsOfMix(rows: readonly MixRow[]): FactorPoint[] {
  const spans = new Map<number, { to_ms: number; grams: number; known: number; unknown: number }>()
  for (const { from_ms, to_ms, source, amount } of rows) {
    if (!(amount > 0)) continue
    const span = spans.get(from_ms) ?? { to_ms, grams: 0, known: 0, unknown: 0 }
    spans.set(from_ms, span)
    if (source === null) span.unknown += amount
    else {
      span.known += amount
      span.grams += amount * GENERATION_G_PER_KWH[source]
    }
  }
  return [...spans]
    .filter(([, s]) => s.known > 0 && s.unknown <= MOST_UNKNOWN * (s.known + s.unknown))
    .map(([from_ms, s]) => ({
      from_ms,
      to_ms: s.to_ms,
      g_per_kwh: s.grams / s.known,
      estimated: true,
    }))
    .sort((a, b) => a.from_ms - b.from_ms)
}

/** What a factor of a mix is, whoever published the mix. */
export const MIX_MEANING = {
  basis: 'generation',
  scope: 'lifecycle',
  kind: 'average',
  u: 0.15,
} as const
