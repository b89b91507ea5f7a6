import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchFactors, keptSeries } from '../../server/grid-factors.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { type HttpDouble, httpDouble } from '../support/http-double.ts'
import { FROM_MS, HOUR_MS, world } from './providers/provider-worlds.ts'
import { tempDir } from './served.ts'

let dir: string
let store: Store
let double: HttpDouble
beforeAll(async () => {
  dir = tempDir()
  store = await openStore(join(dir, 'llem.db'), { create: true })
  double = await httpDouble(() => 500)
})
afterAll(async () => {
  await double.close()
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const NOW = '2026-08-01T00:00:00.000Z'
const fetchHours = (hours: number, again = false) =>
  fetchFactors(
    store,
    world(double.url),
    { provider: 'gb', zone: 'GB', from_ms: FROM_MS, to_ms: FROM_MS + hours * HOUR_MS, again },
    () => NOW,
  )
const spans = (step_ms: number, values: readonly (number | null)[]) => ({
  data: values.map((actual, k) => ({
    from: new Date(FROM_MS + k * step_ms).toISOString(),
    to: new Date(FROM_MS + (k + 1) * step_ms).toISOString(),
    intensity: { forecast: 1, actual, index: 'low' },
  })),
})

describe('kept factors', () => {
  it('tell how many hours have none, and are asked for again while there are any', async () => {
    double.answer(() => spans(HOUR_MS, [100, null, 300]))
    expect(await fetchHours(3)).toEqual({
      provider: 'gb',
      zone: 'GB',
      rows: 2,
      asked: true,
      missing_hours: 1,
    })
    double.answer(() => spans(HOUR_MS, [100, 200, 300]))
    expect(await fetchHours(3)).toMatchObject({ asked: true, missing_hours: 0 })
    expect(await fetchHours(3)).toMatchObject({ asked: false, rows: 0 })
  })

  it('are replaced where the publisher goes from hours to half hours, with no time twice', async () => {
    double.answer(() => spans(HOUR_MS / 2, [110, 120]))
    expect(await fetchHours(1, true)).toMatchObject({ rows: 2, missing_hours: 0 })
    const { rows } = await keptSeries(store, 'gb', 'GB')
    expect(rows.map((r) => r.g_per_kwh)).toEqual([110, 120, 200, 300])
    double.answer(() => spans(HOUR_MS, [105]))
    await fetchHours(1, true)
    expect((await keptSeries(store, 'gb', 'GB')).rows.map((r) => r.g_per_kwh)).toEqual([
      105, 200, 300,
    ])
  })

  it('stay as they are where the publisher fails in the middle of a long span', async () => {
    let answers = 0
    double.answer(() => (answers++ === 0 ? spans(HOUR_MS, [1, 1, 1, 1]) : 500))
    expect(await fetchHours(24 * 20)).toMatchObject({ miss: 'server_error' })
    expect(answers).toBe(2)
    expect((await keptSeries(store, 'gb', 'GB')).rows).toHaveLength(3)
  })

  it('say who made them, of which kind they are, and when they were fetched', async () => {
    expect(await keptSeries(store, 'gb', 'GB')).toMatchObject({
      zone: 'GB',
      kind: 'average',
      basis: 'generation',
      licence: 'CC-BY-4.0',
      source_version: `fetched ${NOW}`,
      estimated: false,
    })
  })

  it('are refused above what a scenario takes, with the remedy', async () => {
    store.raw.exec(`with recursive k(i) as (select 0 union all select i + 1 from k where i < 100000)
      insert into grid_factor select 'watttime', 'Z', 'marginal', i * 300000, (i + 1) * 300000, 400, 0, '' from k`)
    await expect(keptSeries(store, 'watttime', 'Z')).rejects.toThrow(
      /100001 factors, and a scenario takes 100000.*factors show watttime:Z --from/,
    )
    expect((await keptSeries(store, 'watttime', 'Z', 0, 900_000)).rows).toHaveLength(3)
  })
})
