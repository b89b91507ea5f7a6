import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Tables } from './tables.ts'

export interface AuditEntry {
  readonly actor: string
  readonly now: string
  readonly action: string
  readonly run_id: string | null
  readonly detail: unknown
}

/** One row of the audit trail: who changed what, when. */
export async function writeAudit(db: Kysely<Tables>, entry: AuditEntry): Promise<void> {
  const { actor, now, action, run_id, detail } = entry
  await db
    .insertInto('audit')
    .values({ audit_id: uuidv7(), at: now, actor, action, run_id, detail: JSON.stringify(detail) })
    .execute()
}
