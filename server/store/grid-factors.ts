import type { Kysely } from 'kysely'
import type { GridFactorRow, Tables } from './tables.ts'

/**
 * Keeps factors as their publisher told them, in place of what was kept of the same time: a publisher corrects itself, or
 * goes from hours to half hours. Call it within a transaction.
 */
export async function saveGridFactors(
  db: Kysely<Tables>,
  rows: readonly GridFactorRow[],
): Promise<void> {
  for (const row of rows) {
    await db
      .deleteFrom('grid_factor')
      .where('provider', '=', row.provider)
      .where('zone', '=', row.zone)
      .where('kind', '=', row.kind)
      .where('from_ms', '<', row.to_ms)
      .where('from_ms', '>', row.from_ms - LONGEST_MS)
      .where('to_ms', '>', row.from_ms)
      .execute()
    await db.insertInto('grid_factor').values(row).execute()
  }
}

/** No publisher tells a factor for longer: so the rows before a time need not all be looked at. */
const LONGEST_MS = 86_400_000

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
