import { z } from 'zod'
import type { GenerationSource } from '../../analysis/factors/generation.ts'
import { instantOrNaN } from '../../analysis/schema/instant.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import { askJson, keyOf, MS_PER_DAY, MS_PER_HOUR, parts } from './ask.ts'
import { factorsOfMix, MIX_MEANING, type MixRow } from './generation-mix.ts'
import { isMiss, type Provider } from './provider.ts'

const answerSchema = z.object({
  response: z.object({
    total: z.coerce.number(),
    data: z.array(
      z.object({
        period: z.string(),
        respondent: z.string(),
        fueltype: z.string(),
        value: z.union([z.string(), z.number()]).nullable(),
      }),
    ),
  }),
})

/** Batteries, pumped storage and "other" have no factor of their own. */
const SOURCES: Readonly<Record<string, GenerationSource>> = {
  COL: 'coal',
  GEO: 'geothermal',
  NG: 'gas',
  NUC: 'nuclear',
  OIL: 'petroleum',
  SUN: 'solar',
  WAT: 'hydro',
  WND: 'wind',
}
/** It gives 5,000 rows at a time, some ten kinds an hour. */
const MOST_ROWS = 5000
const MOST_MS = 10 * MS_PER_DAY

const title = 'The EIA'

/** Balancing authorities of the United States by the hour, of their generation by fuel. */
export const eia: Provider = {
  name: 'eia',
  title,
  keys: ['LLEM_EIA_KEY'],
  zone: null,
  meaning: {
    ...MIX_MEANING,
    source: 'U.S. Energy Information Administration, hourly generation by fuel',
    licence: 'public domain',
  },
  async fetchSeries(world, zone, from_ms, to_ms) {
    const key = keyOf(world, title, 'LLEM_EIA_KEY')
    if (typeof key !== 'string') return key
    const base = world.env['LLEM_EIA_URL'] ?? 'https://api.eia.gov'
    // US-CAL-CISO is the zone of CISO; a balancing authority may be named itself.
    const respondent = zone.split('-').at(-1) ?? zone
    const rows: MixRow[] = []
    for (const [from, to] of parts(from_ms, to_ms, MOST_MS)) {
      const query = new URLSearchParams({
        api_key: key,
        frequency: 'hourly',
        'data[0]': 'value',
        'facets[respondent][]': respondent,
        // An hour is named by its end.
        start: hour(from + MS_PER_HOUR),
        end: hour(to),
        length: String(MOST_ROWS),
      })
      const url = `${base}/v2/electricity/rto/fuel-type-data/data/?${query}`
      const answer = await askJson(world, title, url, answerSchema)
      if (isMiss(answer)) return answer
      const { data, total } = answer.data.response
      if (total > data.length)
        return {
          miss: 'unreadable',
          message: `${title} gave ${data.length} of ${total} rows; ask for fewer days at a time.`,
        }
      for (const row of data) {
        const end = instantOrNaN(`${row.period}:00Z`)
        const amount = row.value === null ? Number.NaN : Number(row.value)
        if (Number.isNaN(end) || row.respondent !== respondent)
          return {
            miss: 'unreadable',
            message: `${title} answered ${row.respondent} at ${row.period}; ${respondent} was asked for, by the hour in UTC.`,
          }
        if (end <= from || end > to) continue
        const source = ownValue(SOURCES, row.fueltype) ?? null
        rows.push({ from_ms: end - MS_PER_HOUR, to_ms: end, source, amount })
      }
    }
    return factorsOfMix(rows)
  },
}

const hour = (ms: number): string => new Date(ms).toISOString().slice(0, 13)
