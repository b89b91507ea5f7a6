import { type Kysely, sql } from 'kysely'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import type { TotalPart } from '../../analysis/schema/totals.ts'
import type { TotalsRow } from '../../analysis/totals.ts'
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

/** The hours of all runs that the query lets through, in the order of runs. */
export async function totalsRows(db: Kysely<Tables>, query: RunListQuery): Promise<TotalsRow[]> {
  const rows = await filtered(db, query)
    .innerJoin('run_energy_hour as h', 'h.run_id', 'e.run_id')
    .leftJoin('run_tag as team', (j) =>
      j.onRef('team.run_id', '=', 'run.run_id').on('team.key', '=', 'team'),
    )
    .select([
      'run.run_id',
      'run.outcome',
      'e.valid',
      'e.gpus',
      'e.u',
      'h.part',
      'h.from_ms',
      'h.to_ms',
      'h.duration_ms',
      'h.estimated_uj',
      sql<number>`h.gpu_uj + h.cpu_uj + h.dram_uj + h.node_uj`.as('it_uj'),
      'team.value as team',
      'run.model',
      'run.host',
      'run.site',
      'run.gpu_model',
      'run.engine',
      'run.task',
    ])
    .orderBy('run.run_id')
    .execute()
  return rows.map((r) => ({
    run_id: r.run_id,
    part: partOf(r.outcome, r.valid === 1, r.part),
    from_ms: r.from_ms,
    to_ms: r.to_ms,
    duration_ms: r.duration_ms,
    it_uj: r.it_uj,
    estimated_uj: r.estimated_uj,
    gpus: r.gpus ?? 0,
    u: r.u ?? 0,
    host: r.host,
    site: r.site,
    keys: r,
  }))
}

function partOf(outcome: string | null, valid: boolean, part: 'window' | 'outside'): TotalPart {
  if (outcome !== 'completed') return 'failed'
  if (!valid) return 'invalid'
  return part === 'window' ? 'measured' : 'idle'
}

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
