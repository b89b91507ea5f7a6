import type { GenerationSource } from '../../analysis/factors/generation.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import { ask, keyOf, MS_PER_DAY, MS_PER_MINUTE, parts } from './ask.ts'
import { acknowledgement, generationSeries } from './entsoe-xml.ts'
import { factorsOfMix, MIX_MEANING, type MixRow } from './generation-mix.ts'
import type { Provider } from './provider.ts'

/** Zones of Electricity Maps to areas of ENTSO-E (EIC). Another area may be named by its code. Reviewed 2026-11-24. */
const AREAS: Readonly<Record<string, string>> = {
  AT: '10YAT-APG------L',
  BE: '10YBE----------2',
  CH: '10YCH-SWISSGRIDZ',
  CZ: '10YCZ-CEPS-----N',
  DE: '10Y1001A1001A83F',
  ES: '10YES-REE------0',
  FI: '10YFI-1--------U',
  FR: '10YFR-RTE------C',
  NL: '10YNL----------L',
  PL: '10YPL-AREA-----S',
  PT: '10YPT-REN------W',
}
const EIC = /^[0-9A-Z-]{16}$/

/** Kinds of plants (psrType). Biomass, waste, storage, marine and "other" have no factor of their own. */
const SOURCES: Readonly<Record<string, GenerationSource>> = {
  B02: 'coal',
  B03: 'gas',
  B04: 'gas',
  B05: 'coal',
  B06: 'petroleum',
  B07: 'petroleum',
  B08: 'coal',
  B09: 'geothermal',
  B11: 'hydro',
  B12: 'hydro',
  B14: 'nuclear',
  B16: 'solar',
  B18: 'wind',
  B19: 'wind',
}
const MOST_MS = 31 * MS_PER_DAY
const QUARTER_MS = 15 * MS_PER_MINUTE

const title = 'The ENTSO-E platform'

/** Zones of Europe by the hour or quarter, of their generation by kind of plant. */
export const entsoe: Provider = {
  name: 'entsoe',
  title,
  keys: ['LLEM_ENTSOE_TOKEN'],
  zone: null,
  meaning: {
    ...MIX_MEANING,
    source: 'ENTSO-E Transparency Platform, actual generation per type',
    licence: 'terms of the ENTSO-E Transparency Platform',
  },
  async fetchSeries(world, zone, from_ms, to_ms) {
    const token = keyOf(world, title, 'LLEM_ENTSOE_TOKEN')
    if (typeof token !== 'string') return token
    const area = EIC.test(zone) ? zone : Object.hasOwn(AREAS, zone) ? AREAS[zone] : undefined
    if (area === undefined)
      return {
        miss: 'unknown_zone',
        message: `No area of ENTSO-E is known for ${JSON.stringify(zone)}; known are ${Object.keys(AREAS).join(', ')}, or give its EIC code of 16 characters.`,
      }
    const base = world.env['LLEM_ENTSOE_URL'] ?? 'https://web-api.tp.entsoe.eu'
    const rows: MixRow[] = []
    for (const [from, to] of parts(from_ms, to_ms, MOST_MS)) {
      const query = new URLSearchParams({
        securityToken: token,
        documentType: 'A75',
        processType: 'A16',
        in_Domain: area,
        periodStart: stamp(from),
        periodEnd: stamp(to),
      })
      const text = await ask(world, title, `${base}/api?${query}`)
      if (typeof text !== 'string') return text
      const said = acknowledgement(text)
      if (said !== null)
        return {
          miss: said.code === '999' ? 'no_data' : 'unreadable',
          message: `${title} answered ${said.code}: ${said.words || 'no reason'}.`,
        }
      const series = generationSeries(text)
      if (series === null)
        return {
          miss: 'unreadable',
          message: `${title} answered with something that is no document of generation per type.`,
        }
      // Kinds come by the hour or by the quarter, also within one zone: all are cut to quarters.
      for (const { psr_type, points } of series)
        for (const { from_ms: begin, to_ms: end, mw } of points)
          for (const [a, b] of parts(begin, end, QUARTER_MS))
            if (a >= from && a < to)
              rows.push({
                from_ms: a,
                to_ms: b,
                source: ownValue(SOURCES, psr_type) ?? null,
                amount: mw,
              })
    }
    return factorsOfMix(rows)
  },
}

const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace(/[-T:]/g, '')
