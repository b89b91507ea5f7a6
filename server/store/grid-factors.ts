import type { Kysely } from 'kysely'
import type { GridFactorRow, Tables } from './tables.ts'

const ROWS_AT_ONCE = 100

/** Keeps factors as their publisher told them; one that is there already is replaced. Call it within a transaction. */
export async function saveGridFactors(
  db: Kysely<Tables>,
  rows: readonly GridFactorRow[],
): Promise<void> {
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
    await db
      .insertInto('grid_factor')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .onConflict((c) =>
        c.columns(['provider', 'zone', 'kind', 'from_ms']).doUpdateSet((eb) => ({
          to_ms: eb.ref('excluded.to_ms'),
          g_per_kwh: eb.ref('excluded.g_per_kwh'),
          estimated: eb.ref('excluded.estimated'),
          fetched_at: eb.ref('excluded.fetched_at'),
        })),
      )
      .execute()
}

/** What is kept of a publisher's zone, in order of time. */
export async function readGridFactors(
  db: Kysely<Tables>,
  provider: string,
  zone: string,
  from_ms = Number.MIN_SAFE_INTEGER,
  to_ms = Number.MAX_SAFE_INTEGER,
): Promise<GridFactorRow[]> {
  return db
    .selectFrom('grid_factor')
    .selectAll()
    .where('provider', '=', provider)
    .where('zone', '=', zone)
    .where('to_ms', '>', from_ms)
    .where('from_ms', '<', to_ms)
    .orderBy('from_ms')
    .execute()
}

export interface KeptFactors {
  readonly provider: string
  readonly zone: string
  readonly kind: string
  readonly rows: number
  readonly hours: number
  readonly from_ms: number
  readonly to_ms: number
  readonly fetched_at: string
}

/** What is kept, by publisher and zone. */
export async function listGridFactors(db: Kysely<Tables>): Promise<KeptFactors[]> {
  const rows = await db
    .selectFrom('grid_factor')
    .select((eb) => [
      'provider',
      'zone',
      'kind',
      eb.fn.countAll<number>().as('rows'),
      eb.fn.sum<number>(eb('to_ms', '-', eb.ref('from_ms'))).as('covered_ms'),
      eb.fn.min('from_ms').as('from_ms'),
      eb.fn.max('to_ms').as('to_ms'),
      eb.fn.max('fetched_at').as('fetched_at'),
    ])
    .groupBy(['provider', 'zone', 'kind'])
    .orderBy('provider')
    .orderBy('zone')
    .execute()
  return rows.map(({ covered_ms, ...r }) => ({ ...r, hours: Number(covered_ms) / 3_600_000 }))
}
