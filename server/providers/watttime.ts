import { z } from 'zod'
import { instantOrNaN, instantText } from '../../analysis/schema/instant.ts'
import { askJson, keyOf, MS_PER_DAY, MS_PER_MINUTE, parts } from './ask.ts'
import { type FactorPoint, isMiss, type Provider } from './provider.ts'

const loginSchema = z.object({ token: z.string().min(1) })
const answerSchema = z.object({
  data: z.array(z.object({ point_time: z.string(), value: z.number().nullable() })),
  meta: z.object({
    region: z.string(),
    units: z.literal('lbs_co2_per_mwh'),
    data_point_period_seconds: z.number().positive().optional(),
  }),
})
const MOST_MS = 30 * MS_PER_DAY
/** A pound is 453.59237 g, a megawatt hour a thousand kilowatt hours. */
const G_PER_KWH_OF_LB_PER_MWH = 0.45359237

const title = 'WattTime'

/** Marginal emissions by five minutes: of the plants that follow the load, not of the mix. Not to be mixed with averages. */
export const watttime: Provider = {
  name: 'watttime',
  title,
  keys: ['LLEM_WATTTIME_USER', 'LLEM_WATTTIME_PASSWORD'],
  zone: null,
  meaning: {
    source: 'WattTime, marginal operating emissions',
    basis: 'generation',
    scope: 'direct',
    kind: 'marginal',
    licence: 'terms of the WattTime API',
    u: null,
  },
  async fetchSeries(world, zone, from_ms, to_ms) {
    const user = keyOf(world, title, 'LLEM_WATTTIME_USER')
    if (typeof user !== 'string') return user
    const password = keyOf(world, title, 'LLEM_WATTTIME_PASSWORD')
    if (typeof password !== 'string') return password
    const base = world.env['LLEM_WATTTIME_URL'] ?? 'https://api.watttime.org'
    const basic = Buffer.from(`${user}:${password}`).toString('base64')
    const login = await askJson(world, title, `${base}/login`, loginSchema, {
      authorization: `Basic ${basic}`,
    })
    if (isMiss(login)) return login
    const headers = { authorization: `Bearer ${login.data.token}` }
    const points: FactorPoint[] = []
    for (const [from, to] of parts(from_ms, to_ms, MOST_MS)) {
      const query = new URLSearchParams({
        region: zone,
        start: instantText(from),
        end: instantText(to),
        signal_type: 'co2_moer',
      })
      const answer = await askJson(
        world,
        title,
        `${base}/v3/historical?${query}`,
        answerSchema,
        headers,
      )
      if (isMiss(answer)) return answer
      const { data, meta } = answer.data
      if (meta.region !== zone)
        return {
          miss: 'unknown_zone',
          message: `${title} was asked for ${zone} and answered for ${meta.region}; nothing was taken.`,
        }
      const period_ms = (meta.data_point_period_seconds ?? 300) * 1000
      for (const { point_time, value } of data) {
        const at = instantOrNaN(point_time)
        if (Number.isNaN(at) || period_ms < MS_PER_MINUTE)
          return {
            miss: 'unreadable',
            message: `${title} answered ${JSON.stringify(point_time)} every ${period_ms} ms, which is no series.`,
          }
        if (at < from || at >= to || value === null || value <= 0) continue
        points.push({
          from_ms: at,
          to_ms: at + period_ms,
          g_per_kwh: value * G_PER_KWH_OF_LB_PER_MWH,
          estimated: false,
        })
      }
    }
    return points
  },
}
