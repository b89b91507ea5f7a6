import type { CostReason } from '../schema/cost.ts'
import type { Factor, IntensityRow } from '../schema/factor.ts'
import { instantMs } from '../schema/instant.ts'
import type { Draw, Piece } from './cost-draw.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { type Held, overlap } from './cost-overlap.ts'
import { standardTerm, type Term } from './cost-terms.ts'
import type { Intensity } from './intensity.ts'

/** What the site draws for the IT: IT energy times PUE, with both in its terms. */
export interface SiteDraw {
  readonly kwh: number
  readonly pieces: readonly Piece[]
  readonly terms: readonly Term[]
  readonly pue_known: boolean
  /** What every line made of it shares. */
  readonly assumptions: readonly string[]
}

/**
 * Location-based emissions: each piece of site energy by the factor of its own time, sum of E_site(t) × g(t). A mean of
 * the factors times a sum of the energies would be another, wrong number.
 * Source: docs/cost.md, "Carbon".
 */
export function locationLine(
  draw: Draw | CostReason,
  site: SiteDraw | null,
  intensity: Intensity | null,
): CostLine {
  const line = (reason: CostReason, more: object = {}) => missing('co2_location', reason, more)
  if (intensity === null) return line('not_asked')
  if (typeof draw === 'string' || site === null)
    return line(typeof draw === 'string' ? draw : 'no_data')
  if (intensity.kind === 'none')
    return line(intensity.code, { assumptions: [...intensity.assumptions] })
  if (intensity.kind === 'constant') {
    const { factor, u, codes, assumptions, provenance, year } = intensity.found
    return known('co2_location', site.kwh * factor.value, {
      terms: [...site.terms, standardTerm('intensity', u)],
      ...described(factor),
      year,
      provenance,
      codes: [...codes, ...(site.pue_known ? [] : (['pue_unknown'] as const))],
      assumptions: [...assumptions, ...site.assumptions],
    })
  }
  const { series, annual, u } = intensity
  const joined = overlap(site.pieces, intensityHeld(series.rows))
  if (joined === null)
    return line('tz_missing', {
      assumptions: ['A series of factors needs the wall time of the run, which it does not tell.'],
    })
  const gap = joined.gap_kwh > 0
  const share = site.kwh === 0 ? 0 : (100 * joined.gap_kwh) / site.kwh
  if (gap && annual === null)
    return line('series_gap', {
      assumptions: [
        `${share.toFixed(1)} % of the energy falls into hours without a value, the first at ${joined.first_gap}; the rest is ${joined.sum.toFixed(1)} g. Add the missing rows, or set gap: annual.`,
      ],
    })
  const grams = joined.sum + (annual === null ? 0 : joined.gap_kwh * annual.factor.value)
  const mixed = gap && annual !== null && annual.factor.basis !== series.basis
  return known('co2_location', grams, {
    terms: [...site.terms, standardTerm('intensity', gap ? Math.max(u, annual?.u ?? 0) : u)],
    ...described(series),
    factor:
      site.kwh === 0 ? null : { value: grams / site.kwh, unit: 'gCO2e/kWh, weighted by energy' },
    year: null,
    provenance: 'user',
    codes: [
      ...(gap ? (['series_gap'] as const) : []),
      ...(mixed ? (['basis_mixed'] as const) : []),
      ...(gap ? (annual?.codes ?? []) : []),
      ...(site.pue_known ? [] : (['pue_unknown'] as const)),
    ],
    licences: gap && annual !== null ? [described(annual.factor).source] : [],
    assumptions: [
      ...(gap && annual !== null
        ? [
            `${share.toFixed(1)} % of the energy falls into hours without a value and was given the factor of ${annual.factor.zone} in ${annual.year ?? 'an unknown year'}, ${annual.factor.value} g/kWh.`,
            ...annual.assumptions,
          ]
        : []),
      ...site.assumptions,
    ],
  })
}

const described = (
  of: Omit<Factor, 'value' | 'unit' | 'period'> & { readonly value?: number },
) => ({
  ...(of.value === undefined ? {} : { factor: { value: of.value, unit: 'gCO2e/kWh' } }),
  source: [of.source, of.source_version].filter((s) => s !== '').join(', '),
  licence: of.licence === '' ? null : of.licence,
  basis: `${of.basis}, ${of.scope}, ${of.kind}`,
})

/** No grid's electricity is free of emissions: zero and below stand for a missing value. */
const positive = (g: number | null): number | null => (g !== null && g > 0 ? g : null)

/** A series of factors as values over time. */
export const intensityHeld = (rows: readonly IntensityRow[]): Held[] =>
  rows.map((r) => ({
    from_ms: instantMs(r.from),
    to_ms: instantMs(r.to),
    value: positive(r.g_per_kwh),
  }))
