import type { Kysely, Migration } from 'kysely'

/**
 * Keys that experiments had before values of theirs were redacted: references to them stay valid. And work that is
 * still to be done on the file: `erase` gives back the pages in which values stood in clear.
 */
export const redaction: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('former_key')
      .addColumn('former_key', 'text', (c) => c.notNull())
      .addColumn('run_id', 'text', (c) => c.notNull().references('run.run_id').onDelete('cascade'))
      .addPrimaryKeyConstraint('former_key_pk', ['former_key', 'run_id'])
      .execute()
    await db.schema.createIndex('former_key_run').on('former_key').column('run_id').execute()
    await db.schema
      .createTable('pending_work')
      .addColumn('work', 'text', (c) => c.primaryKey())
      .execute()
  },
}
