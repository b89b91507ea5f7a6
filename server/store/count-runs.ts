import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** How many runs there are in each state. */
export async function countRuns(
  db: Kysely<Tables>,
): Promise<{ readonly state: string; readonly count: number }[]> {
  const rows = await db
    .selectFrom('run')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  return rows.map((r) => ({ state: r.state, count: Number(r.count) }))
}
