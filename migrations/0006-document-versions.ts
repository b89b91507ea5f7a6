import { type Kysely, type Migration, sql } from 'kysely'

/** Scenarios and tables of sites, in versions that are only ever added: what rests on one finds it as it was. */
export const documentVersions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('document_version')
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('sha256', 'text', (c) => c.notNull())
      .addColumn('document', 'text', (c) => c.notNull())
      .addColumn('at', 'text', (c) => c.notNull())
      .addColumn('actor', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('document_version_pk', ['kind', 'name', 'version'])
      .addCheckConstraint('document_version_kind', sql`kind in ('scenario', 'sites')`)
      .execute()
    for (const [event, when] of [
      ['update', ''],
      ['delete', ''],
      [
        'insert',
        `when new.version <> 1 + (select coalesce(max(d.version), 0) from document_version d
           where d.kind = new.kind and d.name = new.name)`,
      ],
    ])
      await sql
        .raw(
          `create trigger document_version_no_${event} before ${event} on document_version ${when}
           begin select raise(abort, 'versions are added one after the other, never changed or deleted'); end`,
        )
        .execute(db)
  },
}
