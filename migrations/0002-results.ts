import type { Kysely, Migration } from 'kysely'

/**
 * Results that came without raw rows, where lists can filter and sort by them, and the files that they came from.
 * `gzip` stands last, so that a look at the other columns does not read through it.
 */
export const results: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('result_file')
      .addColumn('sha256', 'text', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('size_bytes', 'integer', (c) => c.notNull())
      .addColumn('imported_at', 'text', (c) => c.notNull())
      .addColumn('gzip', 'blob', (c) => c.notNull())
      .execute()

    for (const column of ['batch_limit', 'tensor_parallel'] as const)
      await db.schema.alterTable('result').addColumn(column, 'integer').execute()
    for (const column of ['valid', 'cautions'] as const)
      await db.schema
        .alterTable('result')
        .addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
        .execute()
    await db.schema.alterTable('result').addColumn('revision', 'text').execute()
    await db.schema
      .alterTable('result')
      .addColumn('file_sha256', 'text', (c) => c.notNull().defaultTo(''))
      .execute()
    await db.schema
      .createIndex('result_place')
      .on('result')
      .columns(['task', 'gpu_model', 'precision'])
      .execute()
    await db.schema.createIndex('result_model').on('result').column('model').execute()

    await db.schema
      .createTable('result_metric')
      .addColumn('result_id', 'text', (c) =>
        c.notNull().references('result.result_id').onDelete('cascade'),
      )
      .addColumn('metric', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision', (c) => c.notNull())
      .addPrimaryKeyConstraint('result_metric_pk', ['result_id', 'metric'])
      .execute()
    await db.schema
      .createIndex('result_metric_value')
      .on('result_metric')
      .columns(['metric', 'value'])
      .execute()
  },
}
