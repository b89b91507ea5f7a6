import type { Kysely } from 'kysely'
import type { RunEnergy } from '../../analysis/energy/run-energy.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import type { Tables } from './tables.ts'

/** Keeps the energy of a run where totals sum it. Call it within a transaction. */
export async function cacheRunEnergy(
  db: Kysely<Tables>,
  energy: RunEnergy,
  valid: boolean,
  now: string,
): Promise<void> {
  const { run_id } = energy
  await db.deleteFrom('run_energy').where('run_id', '=', run_id).execute()
  await db
    .insertInto('run_energy')
    .values({
      run_id,
      analysis_version: ANALYSIS_VERSION,
      valid: valid ? 1 : 0,
      boundary: energy.boundary,
      boundary_partial: energy.boundary_partial ? 1 : 0,
      gpus: energy.gpus,
      u: energy.u,
      reason: energy.reason,
      computed_at: now,
    })
    .execute()
  const rows = energy.hours.map((hour, seq) => ({ run_id, seq, ...hour }))
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
    await db
      .insertInto('run_energy_hour')
      .values(rows.slice(i, i + ROWS_AT_ONCE))
      .execute()
}

const ROWS_AT_ONCE = 100

/** Sealed runs whose energy is not known under this program's formulas yet. */
export async function runsWithoutEnergy(db: Kysely<Tables>): Promise<string[]> {
  const rows = await db
    .selectFrom('run')
    .leftJoin('run_energy', (j) =>
      j
        .onRef('run_energy.run_id', '=', 'run.run_id')
        .on('run_energy.analysis_version', '=', ANALYSIS_VERSION),
    )
    .select('run.run_id')
    .where('run.state', '=', 'sealed')
    .where('run_energy.run_id', 'is', null)
    .execute()
  return rows.map((r) => r.run_id)
}
