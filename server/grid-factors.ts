import { type IntensitySeries, MAX_SERIES, seriesSchema } from '../analysis/schema/factor.ts'
import { instantText } from '../analysis/schema/instant.ts'
import { PROVIDERS, providerOf } from './providers/list.ts'
import { isMiss, type Miss, type ProviderWorld } from './providers/provider.ts'
import { ScenarioError } from './scenario-file.ts'
import { readGridFactors, saveGridFactors } from './store/grid-factors.ts'
import type { Store } from './store/open.ts'

export interface FetchAsked {
  readonly provider: string
  readonly zone: string
  readonly from_ms: number
  readonly to_ms: number
  /** Ask even for what is there already: publishers correct themselves. */
  readonly again: boolean
}

export interface Fetched {
  readonly provider: string
  readonly zone: string
  /** New or replaced. */
  readonly rows: number
  readonly asked: boolean
  /** Hours of the span for which no factor is kept now. */
  readonly missing_hours: number
}

/** Asks a publisher for what is not kept yet, and keeps it. A failure is a miss that says why; nothing half is kept. */
export async function fetchFactors(
  store: Store,
  world: ProviderWorld,
  { provider, zone, from_ms, to_ms, again }: FetchAsked,
  now: () => string,
): Promise<Fetched | Miss> {
  const publisher = providerOf(provider)
  if (publisher === undefined) return { miss: 'not_configured', message: unknownProvider(provider) }
  const missing = async (): Promise<number> =>
    uncovered(await readGridFactors(store.db, provider, zone, from_ms, to_ms), from_ms, to_ms)
  if (!again && (await missing()) === 0)
    return { provider, zone, rows: 0, asked: false, missing_hours: 0 }
  const points = await publisher.fetchSeries(world, zone, from_ms, to_ms)
  if (isMiss(points)) return points
  if (points.length === 0)
    return {
      miss: 'no_data',
      message: `${publisher.title} has no factor of ${zone} from ${instantText(from_ms)} to ${instantText(to_ms)}.`,
    }
  const { kind } = publisher.meaning
  const fetched_at = now()
  await store.db.transaction().execute((tx) =>
    saveGridFactors(
      tx,
      points.map(({ estimated, ...p }) => ({
        provider,
        zone,
        kind,
        ...p,
        estimated: estimated ? 1 : 0,
        fetched_at,
      })),
    ),
  )
  return {
    provider,
    zone,
    rows: points.length,
    asked: true,
    missing_hours: (await missing()) / 3_600_000,
  }
}

export const unknownProvider = (name: string): string =>
  `There is no provider ${JSON.stringify(name)}; there are ${PROVIDERS.map((p) => p.name).join(', ')}.`

function uncovered(
  rows: readonly { from_ms: number; to_ms: number }[],
  from_ms: number,
  to_ms: number,
): number {
  let at = from_ms
  let open = 0
  for (const row of rows) {
    open += Math.max(0, row.from_ms - at)
    at = Math.max(at, row.to_ms)
  }
  return open + Math.max(0, to_ms - at)
}

/**
 * Fetched factors as a series of a scenario; hours that are missing stay missing.
 * @throws ScenarioError where nothing is kept, or more than a scenario takes
 */
export async function keptSeries(
  store: Store,
  provider: string,
  zone: string,
  from_ms?: number,
  to_ms?: number,
): Promise<IntensitySeries> {
  const publisher = providerOf(provider)
  const fault = (message: string) => new ScenarioError('series', [{ path: '', message }])
  if (publisher === undefined) throw fault(unknownProvider(provider))
  const rows = await readGridFactors(store.db, provider, zone, from_ms, to_ms)
  if (rows.length === 0)
    throw fault(
      `No factor of ${provider}:${zone} is kept. Fetch some: llem-server factors fetch --provider ${provider} --zone ${zone} --from 2026-07-01 --to 2026-08-01`,
    )
  if (rows.length > MAX_SERIES)
    throw fault(
      `${provider}:${zone} has ${rows.length} factors, and a scenario takes ${MAX_SERIES}. Put a part of them into one: llem-server factors show ${provider}:${zone} --from 2026-07-01 --to 2026-08-01`,
    )
  return seriesSchema.parse({
    ...publisher.meaning,
    zone,
    source_version: `fetched ${rows.reduce((last, r) => (r.fetched_at > last ? r.fetched_at : last), '')}`,
    estimated: rows.some((r) => r.estimated === 1),
    rows: rows.map((r) => ({
      from: instantText(r.from_ms),
      to: instantText(r.to_ms),
      g_per_kwh: r.g_per_kwh,
    })),
  })
}
