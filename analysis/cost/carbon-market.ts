import type { CostReason } from '../schema/cost.ts'
import type { Scenario } from '../schema/scenario.ts'
import type { SiteDraw } from './carbon.ts'
import type { Piece } from './cost-draw.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { standardTerm } from './cost-terms.ts'

const MS_PER_HOUR = 3_600_000
const USUAL_U = 0.15

/**
 * Market-based emissions: what has certificates by theirs, the rest by the residual mix; without a residual mix null, as
 * the location's factor would count the certificates of others again. Never added to the location-based line.
 * Source: docs/cost.md, "Carbon".
 */
export function marketLine(site: SiteDraw | CostReason, { market }: Scenario): CostLine {
  if (market === null) return missing('co2_market', 'not_asked')
  if (typeof site === 'string') return missing('co2_market', site)
  const { eac_share, eac_g_per_kwh, residual } = market
  const open = 1 - eac_share
  if (open > 0 && residual === null)
    return missing('co2_market', 'no_data', {
      assumptions: [
        `${(100 * open).toFixed(1)} % has no certificates and no residual mix is given; give market.residual.`,
      ],
    })
  if (open > 0 && residual !== null && !(residual.value > 0))
    return missing('co2_market', 'zero_is_missing')
  const value = eac_share * eac_g_per_kwh + open * (residual?.value ?? 0)
  // Certificates are contracts, exact by themselves: only the residual part is a statistic.
  const part = value === 0 ? 0 : (open * (residual?.value ?? 0)) / value
  return known('co2_market', site.kwh * value, {
    terms: [
      ...site.terms,
      ...(part > 0 ? [standardTerm('residual_mix', (residual?.u ?? USUAL_U) * part)] : []),
    ],
    factor: { value, unit: 'gCO2e/kWh' },
    source: residual?.source ?? null,
    licence: residual === null || residual.licence === '' ? null : residual.licence,
    basis: residual === null ? null : `${residual.basis}, ${residual.scope}, ${residual.kind}`,
    year: residual?.period == null ? null : Number(residual.period.from.slice(0, 4)),
    provenance: 'user',
    codes: site.pue_known ? [] : ['pue_unknown'],
    assumptions: [
      `${(100 * eac_share).toFixed(1)} % with certificates at ${eac_g_per_kwh} g/kWh.`,
      ...site.assumptions,
    ],
  })
}

/**
 * Share of the load that carbon-free energy of the same hour covers: sum of min(load, cfe) / sum of load.
 * @param cfe_kwh of each hour in UTC, the first that of the first piece
 * @returns null without load or wall time
 */
export function hourlyMatch(pieces: readonly Piece[], cfe_kwh: readonly number[]): number | null {
  const start = pieces[0]?.from_ms ?? null
  if (start === null) return null
  const first = Math.floor(start / MS_PER_HOUR)
  const load = new Map<number, number>()
  for (const { from_ms, to_ms, kwh } of pieces) {
    if (from_ms === null || to_ms === null) return null
    if (from_ms === to_ms) {
      const hour = Math.floor(from_ms / MS_PER_HOUR) - first
      load.set(hour, (load.get(hour) ?? 0) + kwh)
    }
    for (let at = from_ms; at < to_ms; ) {
      const hour = Math.floor(at / MS_PER_HOUR)
      const until = Math.min((hour + 1) * MS_PER_HOUR, to_ms)
      load.set(
        hour - first,
        (load.get(hour - first) ?? 0) + (kwh * (until - at)) / (to_ms - from_ms),
      )
      at = until
    }
  }
  let whole = 0
  let matched = 0
  for (const [hour, kwh] of load) {
    whole += kwh
    matched += Math.min(kwh, cfe_kwh[hour] ?? 0)
  }
  return whole === 0 ? null : matched / whole
}
