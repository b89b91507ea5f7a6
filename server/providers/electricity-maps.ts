import { z } from 'zod'
import { instantOrNaN, instantText } from '../../analysis/schema/instant.ts'
import { askJson, keyOf, MS_PER_DAY, MS_PER_HOUR, parts } from './ask.ts'
import { type FactorPoint, isMiss, type Provider } from './provider.ts'

const answerSchema = z.object({
  zone: z.string(),
  data: z.array(
    z.object({
      zone: z.string().optional(),
      carbonIntensity: z.number().nullable(),
      datetime: z.string(),
      emissionFactorType: z.string().optional(),
      isEstimated: z.boolean().nullish(),
    }),
  ),
})
/** Ten days of hours at a time. */
const MOST_MS = 10 * MS_PER_DAY

const title = 'Electricity Maps'

/** Zones of the world by the hour: consumption, life cycle. */
export const electricityMaps: Provider = {
  name: 'electricity-maps',
  title,
  keys: ['LLEM_ELECTRICITY_MAPS_TOKEN'],
  zone: null,
  meaning: {
    source: 'Electricity Maps',
    basis: 'consumption',
    scope: 'lifecycle',
    kind: 'average',
    licence: 'terms of the Electricity Maps API',
    u: null,
  },
  async fetchSeries(world, zone, from_ms, to_ms) {
    const token = keyOf(world, title, 'LLEM_ELECTRICITY_MAPS_TOKEN')
    if (typeof token !== 'string') return token
    const base = world.env['LLEM_ELECTRICITY_MAPS_URL'] ?? 'https://api.electricitymaps.com'
    const points: FactorPoint[] = []
    for (const [from, to] of parts(from_ms, to_ms, MOST_MS)) {
      const query = new URLSearchParams({
        zone,
        start: instantText(from),
        end: instantText(to),
        emissionFactorType: 'lifecycle',
        // Without this it answers an unknown zone with the place that the request comes from.
        shouldUseFallbackCallerLookup: 'false',
      })
      const url = `${base}/v3/carbon-intensity/past-range?${query}`
      const answer = await askJson(world, title, url, answerSchema, { 'auth-token': token })
      if (isMiss(answer)) return answer
      const odd = [answer.data, ...answer.data.data].find((r) => (r.zone ?? zone) !== zone)
      if (odd !== undefined)
        return {
          miss: 'unknown_zone',
          message: `${title} was asked for ${zone} and answered for ${odd.zone}; nothing was taken.`,
        }
      for (const row of answer.data.data) {
        const at = instantOrNaN(row.datetime)
        if (Number.isNaN(at) || (row.emissionFactorType ?? 'lifecycle') !== 'lifecycle')
          return {
            miss: 'unreadable',
            message: `${title} answered ${row.datetime} with ${row.emissionFactorType} factors; hours of life-cycle factors were asked for.`,
          }
        const { carbonIntensity, isEstimated } = row
        if (at < from || at >= to || carbonIntensity === null || carbonIntensity <= 0) continue
        points.push({
          from_ms: at,
          to_ms: at + MS_PER_HOUR,
          g_per_kwh: carbonIntensity,
          estimated: isEstimated === true,
        })
      }
    }
    return points
  },
}
