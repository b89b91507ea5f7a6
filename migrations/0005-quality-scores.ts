import { type Kysely, type Migration, sql } from 'kysely'

/** Scores of a run's answers on a dataset, which people and evaluation harnesses attach. Changes are in `audit`. */
export const qualityScores: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('quality_score')
      .addColumn('run_id', 'text', (c) => c.notNull().references('run.run_id'))
      .addColumn('dataset', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision', (c) => c.notNull())
      .addColumn('low', 'double precision')
      .addColumn('high', 'double precision')
      .addColumn('source', 'text')
      .addColumn('at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('quality_score_pk', ['run_id', 'dataset'])
      .addCheckConstraint(
        'quality_score_range',
        sql`(low is null and high is null) or (low <= value and value <= high)`,
      )
      .execute()
  },
}
