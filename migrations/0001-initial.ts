import { type Kysely, type Migration, sql } from 'kysely'

/**
 * Runs with their processes and chunks, the summary cache, tags, the audit trail, tokens, and results that came
 * without raw rows. Times are ISO 8601 in UTC. `bytes` stands last, so that a look at the other columns of a chunk
 * does not read through it.
 */
export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('run')
      .addColumn('run_id', 'text', (c) => c.primaryKey())
      .addColumn('source', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('run_json', 'text', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('registered_sha256', 'text', (c) => c.notNull())
      .addColumn('seal_json', 'text')
      .addColumn('outcome', 'text')
      .addColumn('reason', 'text')
      .addColumn('study_id', 'text')
      .addColumn('experiment_key', 'text', (c) => c.notNull())
      .addColumn('name', 'text')
      .addColumn('task', 'text')
      .addColumn('model', 'text')
      .addColumn('engine', 'text')
      .addColumn('gpu_model', 'text')
      .addColumn('num_gpus', 'integer', (c) => c.notNull())
      .addColumn('precision', 'text')
      .addColumn('batch_limit', 'integer')
      .addColumn('tensor_parallel', 'integer')
      .addColumn('host', 'text')
      .addColumn('site', 'text')
      .addColumn('started_at', 'text')
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('sealed_at', 'text')
      .addColumn('note', 'text')
      .addColumn('archived', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    for (const column of ['created_at', 'study_id', 'experiment_key', 'name', 'model'])
      await db.schema.createIndex(`run_${column}`).on('run').column(column).execute()

    await db.schema
      .createTable('process')
      .addColumn('run_id', 'text', (c) => c.notNull().references('run.run_id').onDelete('cascade'))
      .addColumn('process_id', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('process_pk', ['run_id', 'process_id'])
      .execute()

    await db.schema
      .createTable('chunk')
      .addColumn('run_id', 'text', (c) => c.notNull())
      .addColumn('process_id', 'text', (c) => c.notNull())
      .addColumn('stream', 'text', (c) => c.notNull())
      .addColumn('seq', 'integer', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('size_bytes', 'integer', (c) => c.notNull())
      .addColumn('row_count', 'integer', (c) => c.notNull())
      .addColumn('received_at', 'text', (c) => c.notNull())
      .addColumn('bytes', 'blob', (c) => c.notNull())
      .addPrimaryKeyConstraint('chunk_pk', ['run_id', 'process_id', 'stream', 'seq'])
      .addForeignKeyConstraint(
        'chunk_process',
        ['run_id', 'process_id'],
        'process',
        ['run_id', 'process_id'],
        (c) => c.onDelete('cascade'),
      )
      .execute()

    await db.schema
      .createTable('summary')
      .addColumn('run_id', 'text', (c) => c.notNull().references('run.run_id').onDelete('cascade'))
      .addColumn('analysis_version', 'integer', (c) => c.notNull())
      .addColumn('valid', 'integer', (c) => c.notNull())
      .addColumn('cautions', 'integer', (c) => c.notNull())
      .addColumn('computed_at', 'text', (c) => c.notNull())
      .addColumn('json', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('summary_pk', ['run_id', 'analysis_version'])
      .execute()

    await db.schema
      .createTable('summary_metric')
      .addColumn('run_id', 'text', (c) => c.notNull())
      .addColumn('analysis_version', 'integer', (c) => c.notNull())
      .addColumn('metric', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision', (c) => c.notNull())
      .addPrimaryKeyConstraint('summary_metric_pk', ['run_id', 'analysis_version', 'metric'])
      .addForeignKeyConstraint(
        'summary_metric_summary',
        ['run_id', 'analysis_version'],
        'summary',
        ['run_id', 'analysis_version'],
        (c) => c.onDelete('cascade'),
      )
      .execute()
    await db.schema
      .createIndex('summary_metric_value')
      .on('summary_metric')
      .columns(['metric', 'analysis_version', 'value'])
      .execute()

    await db.schema
      .createTable('run_tag')
      .addColumn('run_id', 'text', (c) => c.notNull().references('run.run_id').onDelete('cascade'))
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('run_tag_pk', ['run_id', 'key'])
      .execute()
    await db.schema.createIndex('run_tag_value').on('run_tag').columns(['key', 'value']).execute()

    await db.schema
      .createTable('audit')
      .addColumn('audit_id', 'text', (c) => c.primaryKey())
      .addColumn('at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('action', 'text', (c) => c.notNull())
      .addColumn('run_id', 'text')
      .addColumn('detail', 'text', (c) => c.notNull())
      .execute()
    await db.schema.createIndex('audit_run_id').on('audit').column('run_id').execute()

    await db.schema
      .createTable('token')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('sha256', 'text', (c) => c.notNull().unique())
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('last_used_at', 'text')
      .addColumn('revoked_at', 'text')
      .execute()

    await db.schema
      .createTable('result')
      .addColumn('result_id', 'text', (c) => c.primaryKey())
      .addColumn('source', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('name', 'text')
      .addColumn('task', 'text')
      .addColumn('model', 'text')
      .addColumn('engine', 'text')
      .addColumn('gpu_model', 'text')
      .addColumn('num_gpus', 'integer')
      .addColumn('precision', 'text')
      .addColumn('imported_at', 'text', (c) => c.notNull())
      .addColumn('provenance', 'text', (c) => c.notNull())
      .addColumn('payload', 'text', (c) => c.notNull())
      .addCheckConstraint('result_not_measured', sql`source <> 'local'`)
      .execute()
    await db.schema.createIndex('result_source').on('result').columns(['source', 'kind']).execute()
  },
}
