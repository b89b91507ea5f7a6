import { z } from 'zod'
import { instantOrNaN } from '../../analysis/schema/instant.ts'
import { askJson, MS_PER_DAY, parts } from './ask.ts'
import { type FactorPoint, isMiss, type Provider } from './provider.ts'

const answerSchema = z.object({
  data: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      intensity: z.object({ actual: z.number().nullable() }),
    }),
  ),
})
/** It gives two weeks at a time. */
const MOST_MS = 13 * MS_PER_DAY

const title = 'The Carbon Intensity API'

/** Great Britain without Northern Ireland by half hours, of its system operator. No key. */
export const gb: Provider = {
  name: 'gb',
  title,
  keys: [],
  zone: 'GB',
  meaning: {
    source: 'National Energy System Operator, Carbon Intensity API (CC BY 4.0)',
    basis: 'generation',
    scope: 'direct',
    kind: 'average',
    licence: 'CC-BY-4.0',
    u: null,
  },
  async fetchSeries(world, zone, from_ms, to_ms) {
    if (zone !== 'GB')
      return {
        miss: 'unknown_zone',
        message: `${title} knows one zone, GB, not ${JSON.stringify(zone)}.`,
      }
    const base = world.env['LLEM_GB_URL'] ?? 'https://api.carbonintensity.org.uk'
    const points: FactorPoint[] = []
    for (const [from, to] of parts(from_ms, to_ms, MOST_MS)) {
      const url = `${base}/intensity/${minutes(from)}/${minutes(to)}`
      const answer = await askJson(world, title, url, answerSchema, { accept: 'application/json' })
      if (isMiss(answer)) return answer
      for (const row of answer.data.data) {
        const span = { from_ms: instantOrNaN(row.from), to_ms: instantOrNaN(row.to) }
        if (!(span.to_ms > span.from_ms))
          return {
            miss: 'unreadable',
            message: `${title} answered ${row.from} to ${row.to}, which is no span of time.`,
          }
        // It also gives the half hour that ends at the begin; `actual` is null until a half hour is closed.
        const { actual } = row.intensity
        if (span.from_ms < from || span.from_ms >= to || actual === null || actual <= 0) continue
        points.push({ ...span, g_per_kwh: actual, estimated: false })
      }
    }
    return points
  },
}

const minutes = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`
