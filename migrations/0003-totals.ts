import { type Kysely, type Migration, sql } from 'kysely'

/**
 * What totals are summed from: the energy of each sealed run by the hour, derived and thrown away without regret;
 * statements, which are never changed; and factors of electricity that were fetched from their publishers.
 */
export const totals: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('run_energy')
      .addColumn('run_id', 'text', (c) =>
        c.primaryKey().references('run.run_id').onDelete('cascade'),
      )
      .addColumn('analysis_version', 'integer', (c) => c.notNull())
      .addColumn('valid', 'integer', (c) => c.notNull())
      .addColumn('boundary', 'text', (c) => c.notNull())
      .addColumn('boundary_partial', 'integer', (c) => c.notNull())
      .addColumn('gpus', 'integer', (c) => c.notNull())
      .addColumn('u', 'double precision', (c) => c.notNull())
      .addColumn('reason', 'text')
      .addColumn('computed_at', 'text', (c) => c.notNull())
      .modifyEnd(sql`without rowid`)
      .execute()

    await db.schema
      .createTable('run_energy_hour')
      .addColumn('run_id', 'text', (c) =>
        c.notNull().references('run_energy.run_id').onDelete('cascade'),
      )
      .addColumn('part', 'text', (c) => c.notNull())
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('from_ms', 'bigint')
      .addColumn('to_ms', 'bigint')
      .addColumn('duration_ms', 'double precision', (c) => c.notNull())
      .addColumn('gpu_uj', 'bigint', (c) => c.notNull())
      .addColumn('cpu_uj', 'bigint', (c) => c.notNull())
      .addColumn('dram_uj', 'bigint', (c) => c.notNull())
      .addColumn('node_uj', 'bigint', (c) => c.notNull())
      .addColumn('estimated_uj', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('run_energy_hour_pk', ['run_id', 'part', 'seq'])
      // The hours of a run lie together, in the order in which they are read.
      .modifyEnd(sql`without rowid`)
      .execute()

    // What lists filter and group by, so that a sum over all runs does not read through every run.json.
    await db.schema
      .createIndex('run_facts')
      .on('run')
      .columns([
        'run_id',
        'state',
        'outcome',
        'archived',
        'source',
        'study_id',
        'experiment_key',
        'name',
        'task',
        'model',
        'engine',
        'gpu_model',
        'num_gpus',
        'precision',
        'batch_limit',
        'tensor_parallel',
        'host',
        'site',
        'started_at',
        'created_at',
      ])
      .execute()

    await db.schema
      .createTable('statement')
      .addColumn('statement_id', 'text', (c) => c.primaryKey())
      .addColumn('title', 'text', (c) => c.notNull())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .execute()
    for (const [event, when] of [
      ['update', ''],
      ['delete', ''],
      ['insert', 'when exists (select 1 from statement s where s.statement_id = new.statement_id)'],
    ])
      await sql
        .raw(
          `create trigger statement_no_${event} before ${event} on statement ${when}
           begin select raise(abort, 'a statement is never changed or deleted'); end`,
        )
        .execute(db)

    await db.schema
      .createTable('grid_factor')
      .addColumn('provider', 'text', (c) => c.notNull())
      .addColumn('zone', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('from_ms', 'bigint', (c) => c.notNull())
      .addColumn('to_ms', 'bigint', (c) => c.notNull())
      .addColumn('g_per_kwh', 'double precision', (c) => c.notNull())
      .addColumn('estimated', 'integer', (c) => c.notNull())
      .addColumn('fetched_at', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('grid_factor_pk', ['provider', 'zone', 'kind', 'from_ms'])
      .execute()
  },
}
