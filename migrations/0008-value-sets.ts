import { type Kysely, type Migration, sql } from 'kysely'

const RUN_FACTS = [
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
  'value_set_id',
]

/**
 * Configured values by their path, and the facts without a column, where lists filter, sort and group by them. A cache:
 * derived from run.json and from results, filled where it is missing, thrown away without regret. Runs of one
 * configuration share a set.
 */
export const valueSets: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('value_set')
      .addColumn('value_set_id', 'integer', (c) => c.primaryKey())
      .addColumn('sha256', 'text', (c) => c.notNull().unique())
      .addColumn('stamp', 'text', (c) => c.notNull())
      .execute()

    await db.schema
      .createTable('value_set_value')
      .addColumn('value_set_id', 'integer', (c) =>
        c.notNull().references('value_set.value_set_id').onDelete('cascade'),
      )
      .addColumn('path', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('text', 'text', (c) => c.notNull())
      .addColumn('number', 'double precision')
      .addPrimaryKeyConstraint('value_set_value_pk', ['value_set_id', 'path'])
      .modifyEnd(sql`without rowid`)
      .execute()
    await db.schema
      .createIndex('value_set_value_text')
      .on('value_set_value')
      .columns(['path', 'text', 'value_set_id'])
      .execute()

    for (const table of ['run', 'result']) {
      await db.schema.alterTable(table).addColumn('value_set_id', 'integer').execute()
      await db.schema
        .createIndex(`${table}_value_set_id`)
        .on(table)
        .column('value_set_id')
        .execute()
    }
    // The one index that sums over all runs read, so that they read no run.json: now with the set.
    await db.schema.dropIndex('run_facts').execute()
    await db.schema.createIndex('run_facts').on('run').columns(RUN_FACTS).execute()
  },
}
