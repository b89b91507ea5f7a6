import { type Kysely, type Migration, sql } from 'kysely'

/** Answers that came without a run's rows, and votes on answers. Votes are only ever added. */
export const votes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('answer')
      .addColumn('set_id', 'text', (c) => c.notNull())
      .addColumn('prompt_sha256', 'text', (c) => c.notNull())
      .addColumn('prompt_id', 'text', (c) => c.notNull())
      .addColumn('model', 'text', (c) => c.notNull())
      .addColumn('run_id', 'text')
      .addColumn('energy_j', 'double precision')
      .addColumn('e2e_ms', 'double precision')
      .addColumn('imported_at', 'text', (c) => c.notNull())
      .addColumn('file_sha256', 'text', (c) => c.notNull())
      .addColumn('prompt', 'text', (c) => c.notNull())
      .addColumn('output', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('answer_pk', ['set_id', 'prompt_sha256'])
      .execute()

    await db.schema
      .createTable('vote')
      .addColumn('vote_id', 'text', (c) => c.primaryKey())
      .addColumn('token_sha256', 'text', (c) => c.notNull().unique())
      .addColumn('at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('left_set_id', 'text', (c) => c.notNull())
      .addColumn('right_set_id', 'text', (c) => c.notNull())
      .addColumn('choice', 'text', (c) => c.notNull())
      .addColumn('shown', 'text', (c) => c.notNull())
      .addCheckConstraint('vote_choice', sql`choice in ('left', 'right', 'tie', 'both_bad')`)
      .execute()

    await db.schema
      .createTable('vote_worth')
      .addColumn('vote_id', 'text', (c) => c.primaryKey().references('vote.vote_id'))
      .addColumn('at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addColumn('worth_it', 'integer', (c) => c.notNull())
      .execute()
  },
}
