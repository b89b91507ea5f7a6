import type { Kysely } from 'kysely'
import { writeAudit } from './audit.ts'
import type { Tables } from './tables.ts'

export interface Annotation {
  /** A value sets the tag, null takes it away, tags not named stay. */
  readonly tags?: Readonly<Record<string, string | null>> | undefined
  readonly note?: string | null | undefined
  readonly archived?: boolean | undefined
}

/** Changes what may change of a sealed run, each change with its row in the audit trail. */
export async function annotateRun(
  db: Kysely<Tables>,
  run_id: string,
  annotation: Annotation,
  by: { readonly actor: string; readonly now: string },
): Promise<void> {
  const before = await db
    .selectFrom('run')
    .select(['note', 'archived'])
    .where('run_id', '=', run_id)
    .executeTakeFirstOrThrow()
  const changes: Record<string, { from: unknown; to: unknown }> = {}
  if (annotation.note !== undefined && annotation.note !== before.note)
    changes['note'] = { from: before.note, to: annotation.note }
  if (annotation.archived !== undefined && annotation.archived !== (before.archived === 1))
    changes['archived'] = { from: before.archived === 1, to: annotation.archived }
  const tags = await tagsOf(db, [run_id]).then((all) => all.get(run_id) ?? {})
  for (const [key, to] of Object.entries(annotation.tags ?? {})) {
    const from = tags[key] ?? null
    if (from === to) continue
    changes[`tags.${key}`] = { from, to }
    await db.deleteFrom('run_tag').where('run_id', '=', run_id).where('key', '=', key).execute()
    if (to !== null) await db.insertInto('run_tag').values({ run_id, key, value: to }).execute()
  }
  if (Object.keys(changes).length === 0) return
  await db
    .updateTable('run')
    .set({
      ...(annotation.note !== undefined ? { note: annotation.note } : {}),
      ...(annotation.archived !== undefined ? { archived: annotation.archived ? 1 : 0 } : {}),
      run_id,
    })
    .where('run_id', '=', run_id)
    .execute()
  await writeAudit(db, { ...by, action: 'annotate_run', run_id, detail: changes })
}

/** Tags of several runs. */
export async function tagsOf(
  db: Kysely<Tables>,
  run_ids: readonly string[],
): Promise<Map<string, Record<string, string>>> {
  const out = new Map<string, Record<string, string>>()
  if (run_ids.length === 0) return out
  const rows = await db
    .selectFrom('run_tag')
    .selectAll()
    .where('run_id', 'in', [...run_ids])
    .orderBy('key')
    .execute()
  for (const { run_id, key, value } of rows) out.set(run_id, { ...out.get(run_id), [key]: value })
  return out
}
