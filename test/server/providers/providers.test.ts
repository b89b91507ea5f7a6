import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROVIDERS, providerOf } from '../../../server/providers/list.ts'
import { type FactorPoint, isMiss, type Miss } from '../../../server/providers/provider.ts'
import { type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { DAY_MS, FROM_MS, generationXml, HOUR_MS, world } from './provider-worlds.ts'

let double: HttpDouble
beforeAll(async () => {
  double = await httpDouble(() => 500)
})
afterAll(() => double.close())

const ZONES: Readonly<Record<string, string>> = {
  gb: 'GB',
  'electricity-maps': 'DE',
  watttime: 'CAISO_NORTH',
  entsoe: 'DE',
  eia: 'US-CAL-CISO',
}
const fetchOf = async (
  name: string,
  hours = 2,
  env: Readonly<Record<string, string | undefined>> = {},
  timeout_ms = 5000,
) => {
  const provider = providerOf(name)
  if (provider === undefined) throw new Error(`no provider ${name}`)
  return provider.fetchSeries(
    world(double.url, env, timeout_ms),
    ZONES[name] ?? '',
    FROM_MS,
    FROM_MS + hours * HOUR_MS,
  )
}
const points = async (...args: Parameters<typeof fetchOf>): Promise<readonly FactorPoint[]> => {
  const answer = await fetchOf(...args)
  if (isMiss(answer)) throw new Error(answer.message)
  return answer
}
const miss = async (...args: Parameters<typeof fetchOf>): Promise<Miss> => {
  const answer = await fetchOf(...args)
  if (!isMiss(answer)) throw new Error(`${answer.length} points, no miss`)
  return answer
}
const asked = (): URL => new URL(double.asked.at(-1)?.split(' ')[1] ?? '', double.url)

describe.each(PROVIDERS.map((p) => p.name))('%s, where its publisher fails', (name) => {
  it('says that its key is refused, without showing it', async () => {
    for (const status of [401, 403]) {
      double.answer(() => status)
      const answer = await miss(name)
      expect(answer.miss).toBe('unauthorized')
      expect(answer.message).toMatch(/refused the key/)
      expect(answer.message).not.toMatch(/secret/)
    }
  })

  it('says that it was asked too often, and how long to wait', async () => {
    double.answer((_, response) => {
      response.writeHead(429, { 'retry-after': '60' }).end()
      return undefined
    })
    expect(await miss(name)).toMatchObject({
      miss: 'rate_limited',
      message: expect.stringContaining('wait 60 s'),
    })
  })

  it('says that the publisher failed', async () => {
    double.answer(() => 500)
    expect((await miss(name)).miss).toBe('server_error')
  })

  it('waits no longer than it is told', async () => {
    double.answer(() => undefined)
    expect(await miss(name, 2, {}, 100)).toMatchObject({
      miss: 'timeout',
      message: expect.stringContaining('0.1 s'),
    })
  })

  it('says that an answer hangs in the middle', async () => {
    double.answer((_, response) => {
      response.writeHead(200)
      response.write('{"data":')
      return undefined
    })
    expect((await miss(name, 2, {}, 100)).miss).toBe('timeout')
  })

  it('takes nothing from an answer of another shape', async () => {
    for (const garbage of [
      'not json <',
      '[]',
      '{"data":"x"}',
      '',
      '<html><body>hello</body></html>',
    ]) {
      double.answer(() => garbage)
      expect((await miss(name)).miss).toBe('unreadable')
    }
  })

  it('does not follow to another address', async () => {
    double.answer((_, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
      return undefined
    })
    expect(['unreachable', 'unreadable']).toContain((await miss(name)).miss)
  })

  it('is off without its keys, and asks nobody', async () => {
    const { keys } = providerOf(name) ?? { keys: [] }
    for (const key of keys) {
      const before = double.asked.length
      expect(await miss(name, 2, { [key]: undefined })).toMatchObject({
        miss: 'not_configured',
        message: expect.stringContaining(key),
      })
      expect(double.asked.length).toBe(before)
    }
  })
})

it('no connection is a miss too', async () => {
  const gone = await httpDouble(() => 500)
  await gone.close()
  const answer = await providerOf('gb')?.fetchSeries(
    world(gone.url),
    'GB',
    FROM_MS,
    FROM_MS + HOUR_MS,
  )
  expect(answer).toMatchObject({ miss: 'unreachable' })
})

describe('gb', () => {
  const half = (from: string, to: string, actual: number | null) => ({
    from,
    to,
    intensity: { forecast: 266, actual, index: 'moderate' },
  })

  it('takes what was measured of closed half hours within the span, no forecast', async () => {
    double.answer(() => ({
      data: [
        half('2026-06-30T23:30Z', '2026-07-01T00:00Z', 200),
        half('2026-07-01T00:00Z', '2026-07-01T00:30Z', 263),
        half('2026-07-01T00:30Z', '2026-07-01T01:00Z', null),
        half('2026-07-01T01:00Z', '2026-07-01T01:30Z', 0),
        half('2026-07-01T01:30Z', '2026-07-01T02:00Z', 150),
      ],
    }))
    expect(await points('gb')).toEqual([
      { from_ms: FROM_MS, to_ms: FROM_MS + HOUR_MS / 2, g_per_kwh: 263, estimated: false },
      {
        from_ms: FROM_MS + 1.5 * HOUR_MS,
        to_ms: FROM_MS + 2 * HOUR_MS,
        g_per_kwh: 150,
        estimated: false,
      },
    ])
    expect(asked().pathname).toBe('/intensity/2026-07-01T00:00Z/2026-07-01T02:00Z')
  })

  it('asks for a long span in parts of less than two weeks', async () => {
    double.answer(() => ({ data: [] }))
    const before = double.asked.length
    expect(await points('gb', 30 * 24)).toEqual([])
    expect(double.asked.slice(before)).toEqual([
      'GET /intensity/2026-07-01T00:00Z/2026-07-14T00:00Z',
      'GET /intensity/2026-07-14T00:00Z/2026-07-27T00:00Z',
      'GET /intensity/2026-07-27T00:00Z/2026-07-31T00:00Z',
    ])
  })

  it('knows one zone', async () => {
    const answer = await providerOf('gb')?.fetchSeries(world(double.url), 'NI', 0, DAY_MS)
    expect(answer).toMatchObject({ miss: 'unknown_zone' })
  })

  it('refuses a span that ends before it begins', async () => {
    double.answer(() => ({ data: [half('2026-07-01T00:30Z', '2026-07-01T00:00Z', 1)] }))
    expect((await miss('gb')).miss).toBe('unreadable')
  })
})

describe('electricity-maps', () => {
  const hour = (datetime: string, carbonIntensity: number | null, more: object = {}) => ({
    zone: 'DE',
    carbonIntensity,
    datetime,
    updatedAt: '2026-07-02T00:00:00.000Z',
    emissionFactorType: 'lifecycle',
    isEstimated: false,
    estimationMethod: null,
    ...more,
  })

  it('takes hours of life-cycle factors and marks what is estimated', async () => {
    double.answer(() => ({
      zone: 'DE',
      data: [
        hour('2026-07-01T00:00:00.000Z', 302),
        hour('2026-07-01T01:00:00.000Z', 290, { isEstimated: true }),
        hour('2026-07-01T02:00:00.000Z', 280),
      ],
    }))
    expect((await points('electricity-maps')).map((p) => [p.g_per_kwh, p.estimated])).toEqual([
      [302, false],
      [290, true],
    ])
    expect(double.headers.at(-1)?.['auth-token']).toBe('em-secret')
    expect(Object.fromEntries(asked().searchParams)).toMatchObject({
      zone: 'DE',
      emissionFactorType: 'lifecycle',
      shouldUseFallbackCallerLookup: 'false',
    })
  })

  it('leaves out an hour that has none', async () => {
    double.answer(() => ({ zone: 'DE', data: [hour('2026-07-01T00:00:00.000Z', null)] }))
    expect(await points('electricity-maps')).toEqual([])
  })

  it('takes no other place, and no direct factors', async () => {
    double.answer(() => ({ zone: 'FR', data: [] }))
    expect((await miss('electricity-maps')).miss).toBe('unknown_zone')
    double.answer(() => ({
      zone: 'DE',
      data: [hour('2026-07-01T00:00:00.000Z', 302, { emissionFactorType: 'direct' })],
    }))
    expect((await miss('electricity-maps')).miss).toBe('unreadable')
  })
})

describe('watttime', () => {
  const history = (more: object = {}) => ({
    data: [
      { point_time: '2026-07-01T00:00:00+00:00', value: 1000 },
      { point_time: '2026-07-01T00:05:00+00:00', value: null },
    ],
    meta: {
      data_point_period_seconds: 300,
      region: 'CAISO_NORTH',
      signal_type: 'co2_moer',
      units: 'lbs_co2_per_mwh',
      ...more,
    },
  })

  it('logs in once and turns pounds a megawatt hour into grams a kilowatt hour', async () => {
    double.answer((path) => (path.startsWith('/login') ? { token: 'bearer-1' } : history()))
    // 1000 lb/MWh × 453.59237 g/lb / 1000 kWh/MWh = 453.59237 g/kWh.
    expect(await points('watttime')).toEqual([
      { from_ms: FROM_MS, to_ms: FROM_MS + 300_000, g_per_kwh: 453.59237, estimated: false },
    ])
    expect(double.headers.at(-2)?.authorization).toBe(
      `Basic ${Buffer.from('user:wt-secret').toString('base64')}`,
    )
    expect(double.headers.at(-1)?.authorization).toBe('Bearer bearer-1')
    expect(providerOf('watttime')?.meaning.kind).toBe('marginal')
  })

  it('refuses another unit and another region', async () => {
    double.answer((path) =>
      path.startsWith('/login') ? { token: 't' } : history({ units: 'g_per_kwh' }),
    )
    expect((await miss('watttime')).miss).toBe('unreadable')
    double.answer((path) =>
      path.startsWith('/login') ? { token: 't' } : history({ region: 'PJM_DC' }),
    )
    expect((await miss('watttime')).miss).toBe('unknown_zone')
  })
})

describe('eia', () => {
  const cell = (period: string, fueltype: string, value: string | null) => ({
    period,
    respondent: 'CISO',
    fueltype,
    value,
    'value-units': 'megawatthours',
  })
  const answer = (data: readonly object[], total = data.length) => ({
    response: { total: String(total), dateFormat: 'YYYY-MM-DDTHH24', data },
  })

  it('weighs the fuels of an hour, which is named by its end', async () => {
    double.answer(() =>
      answer([
        cell('2026-07-01T01', 'NG', '100'),
        cell('2026-07-01T01', 'SUN', '300'),
        cell('2026-07-01T01', 'OTH', '20'),
        cell('2026-07-01T02', 'NG', '100'),
        cell('2026-07-01T02', 'OTH', '100'),
      ]),
    )
    // (100 × 743 + 300 × 48) / 400 = 221.75; the second hour is half of unknown kinds, and has none.
    expect(await points('eia')).toEqual([
      { from_ms: FROM_MS, to_ms: FROM_MS + HOUR_MS, g_per_kwh: 221.75, estimated: true },
    ])
    expect(asked().searchParams.get('facets[respondent][]')).toBe('CISO')
    expect(asked().searchParams.get('start')).toBe('2026-07-01T01')
    expect(asked().searchParams.get('end')).toBe('2026-07-01T02')
  })

  it('takes nothing of a page that is cut', async () => {
    double.answer(() => answer([cell('2026-07-01T01', 'NG', '100')], 9000))
    expect((await miss('eia')).message).toMatch(/1 of 9000 rows/)
  })

  it('takes pumping, below zero, for no generation', async () => {
    double.answer(() =>
      answer([cell('2026-07-01T01', 'WND', '10'), cell('2026-07-01T01', 'WAT', '-500')]),
    )
    expect((await points('eia')).map((p) => p.g_per_kwh)).toEqual([26])
  })
})

describe('entsoe', () => {
  it('weighs kinds of plants, hours and quarters alike, and repeats positions that are left out', async () => {
    double.answer(() =>
      generationXml([
        { psr: 'B04', points: [[1, 100]] },
        {
          psr: 'B16',
          resolution: 'PT15M',
          end: '2026-07-01T01:00Z',
          points: [
            [1, 300],
            [3, 100],
          ],
        },
        { psr: 'B10', out: true, points: [[1, 5000]] },
      ]),
    )
    const quarters = await points('entsoe')
    expect(quarters).toHaveLength(8)
    // Gas 743 g and solar 48 g: 100 and 300 MW, then 100 and 100 MW; in the second hour gas alone.
    expect(quarters.map((p) => p.g_per_kwh)).toEqual([
      221.75, 221.75, 395.5, 395.5, 743, 743, 743, 743,
    ])
    expect(Object.fromEntries(asked().searchParams)).toMatchObject({
      documentType: 'A75',
      processType: 'A16',
      in_Domain: '10Y1001A1001A83F',
      periodStart: '202607010000',
      periodEnd: '202607010200',
    })
  })

  it('leaves out the time of a gap', async () => {
    const hour = { psr: 'B04', points: [[1, 100]] as const }
    double.answer(() =>
      generationXml([
        { ...hour, end: '2026-07-01T01:00Z' },
        { ...hour, start: '2026-07-01T02:00Z', end: '2026-07-01T03:00Z' },
      ]),
    )
    const starts = (await points('entsoe', 3)).map((p) => (p.from_ms - FROM_MS) / HOUR_MS)
    expect(starts).toEqual([0, 0.25, 0.5, 0.75, 2, 2.25, 2.5, 2.75])
  })

  it('tells no data from an answer that it does not understand', async () => {
    const said = (code: string) =>
      `<?xml version="1.0"?><Acknowledgement_MarketDocument xmlns="urn:x"><Reason><code>${code}</code><text>No matching data found</text></Reason></Acknowledgement_MarketDocument>`
    double.answer(() => said('999'))
    expect(await miss('entsoe')).toMatchObject({
      miss: 'no_data',
      message: expect.stringContaining('No matching data found'),
    })
    double.answer(() => said('401'))
    expect((await miss('entsoe')).miss).toBe('unreadable')
    double.answer(() => generationXml([{ psr: 'B04', points: [[1, 'n/a']] }]))
    expect((await miss('entsoe')).miss).toBe('unreadable')
  })

  it('names the areas that it knows', async () => {
    const answer = await providerOf('entsoe')?.fetchSeries(world(double.url), 'XX', 0, DAY_MS)
    expect(answer).toMatchObject({
      miss: 'unknown_zone',
      message: expect.stringContaining('EIC code'),
    })
  })
})
