import { type Kysely, sql } from 'kysely'
import type { TotalsRow } from '../../analysis/cost/totals.ts'
import { RUN_COLUMNS } from '../../analysis/schema/fact.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { TOTAL_PART_IDS, type TotalPart } from '../../analysis/schema/totals.ts'
import type { Store } from './open.ts'
import { conditions, type RunListQuery } from './run-filter.ts'
import type { Tables } from './tables.ts'

/** Runs that the query lets through, with the energy that is kept of them and their summary. */
const filtered = (db: Kysely<Tables>, query: RunListQuery) =>
  db
    .selectFrom('run')
    .leftJoin('summary', (j) =>
      j
        .onRef('summary.run_id', '=', 'run.run_id')
        .on('summary.analysis_version', '=', ANALYSIS_VERSION),
    )
    .leftJoin('run_energy as e', (j) =>
      j.onRef('e.run_id', '=', 'run.run_id').on('e.analysis_version', '=', ANALYSIS_VERSION),
    )
    .where((eb) => eb.and(conditions(eb as unknown as Parameters<typeof conditions>[0], query)))

/** What a name of `by` is of a run: a column, its tag `team`, or a configured value. */
function keyOf(name: string) {
  if (name === 'team') return sql.ref<string | null>('team.value')
  if (RUN_COLUMNS.some((c) => c === name)) return sql.ref<string | null>(`run.${name}`)
  return sql<string | null>`(select v.text from value_set_value v
    where v.value_set_id = run.value_set_id and v.path = ${name})`
}

/** An hour as the database hands it out: by place, as names would take longer than the sums. */
type RawHour = readonly [
  run_id: string,
  part: number,
  from_ms: number | null,
  to_ms: number | null,
  duration_ms: number,
  it_uj: number,
  estimated_uj: number,
  gpus: number,
  u: number,
  host: string | null,
  site: string | null,
  ...keys: (string | null)[],
]

/**
 * The hours of all runs that the query lets through, one after the other. In no order: so the index `run_facts` alone is
 * read, and no run.json.
 * @param sited whether hosts and sites are looked at, for a table of sites
 */
export function* totalsRows(
  { db, raw }: Store,
  query: RunListQuery,
  by: readonly string[],
  sited: boolean,
): Generator<TotalsRow> {
  const names = by.filter((b) => b !== 'month')
  const none = sql<string | null>`null`
  const { sql: text, parameters } = filtered(db, query)
    .innerJoin('run_energy_hour as h', 'h.run_id', 'e.run_id')
    .leftJoin('run_tag as team', (j) =>
      j.onRef('team.run_id', '=', 'run.run_id').on('team.key', '=', 'team'),
    )
    .select([
      'run.run_id',
      // Places in TOTAL_PART_IDS: measured, idle, invalid, failed.
      sql`case when run.outcome is null or run.outcome <> 'completed' then 3
        when e.valid = 0 then 2 when h.part = 'window' then 0 else 1 end`.as('place'),
      'h.from_ms',
      'h.to_ms',
      'h.duration_ms',
      sql`h.gpu_uj + h.cpu_uj + h.dram_uj + h.node_uj`.as('it_uj'),
      'h.estimated_uj',
      'e.gpus',
      'e.u',
      (sited ? sql.ref<string | null>('run.host') : none).as('own_host'),
      (sited ? sql.ref<string | null>('run.site') : none).as('own_site'),
      ...names.map((b, i) => keyOf(b).as(`key${i}`)),
    ])
    .compile()
  const rows = raw
    .prepare(text)
    .raw()
    .iterate(...parameters) as IterableIterator<RawHour>
  for (const row of rows) {
    const keys: Record<string, string | null> = {}
    names.forEach((b, i) => {
      keys[b] = row[OWN_PLACES + i] as string | null
    })
    yield {
      run_id: row[0],
      part: TOTAL_PART_IDS[row[1]] as TotalPart,
      from_ms: row[2],
      to_ms: row[3],
      duration_ms: row[4],
      it_uj: row[5],
      estimated_uj: row[6],
      gpus: row[7],
      u: row[8],
      host: row[9],
      site: row[10],
      keys,
    }
  }
}

const OWN_PLACES = 11

export interface NotCounted {
  readonly unmeasured: { reason: string; runs: number }[]
  readonly open: number
  readonly unreadable: number
}

/** Runs that the query lets through and that are in no total, and why. */
export async function notCounted(db: Kysely<Tables>, query: RunListQuery): Promise<NotCounted> {
  const rows = await filtered(db, query)
    .select((eb) => [
      'run.state',
      'e.reason',
      sql<number>`e.run_id is null`.as('unknown'),
      eb.fn.countAll<number>().as('runs'),
    ])
    .where((eb) => eb.or([eb('e.run_id', 'is', null), eb('e.reason', 'is not', null)]))
    .groupBy(['run.state', 'e.reason', sql`e.run_id is null`])
    .execute()
  const count = (test: (row: (typeof rows)[number]) => boolean): number =>
    rows.filter(test).reduce((sum, r) => sum + Number(r.runs), 0)
  return {
    unmeasured: rows
      .flatMap(({ reason, runs }) => (reason === null ? [] : [{ reason, runs: Number(runs) }]))
      .sort((a, b) => (a.reason < b.reason ? -1 : 1)),
    open: count((r) => r.state === 'open'),
    unreadable: count((r) => r.state === 'sealed' && Boolean(r.unknown)),
  }
}
