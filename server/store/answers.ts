import type { Kysely } from 'kysely'
import type { AnswerRow, Tables } from './tables.ts'

/** Imported answers of a set, by prompt. */
export const answersOfSet = (db: Kysely<Tables>, set_id: string): Promise<AnswerRow[]> =>
  db
    .selectFrom('answer')
    .selectAll()
    .where('set_id', '=', set_id)
    .orderBy('prompt_sha256')
    .execute()

/** Who may be voted on: a set of answers and whose they are. */
export interface SetName {
  readonly set_id: string
  readonly model: string | null
}

/** So many of the newest sets take part in votes when none are named. */
const MOST_SETS = 50

/** Sealed runs that kept their answers and sets that were imported, newest first. */
export async function votableSets(db: Kysely<Tables>): Promise<SetName[]> {
  const imported = await db
    .selectFrom('answer')
    .select(['set_id', 'model', (e) => e.fn.max('imported_at').as('at')])
    .groupBy(['set_id', 'model'])
    .orderBy('at', 'desc')
    .limit(MOST_SETS)
    .execute()
  const runs = await db
    .selectFrom('run')
    .select(['run_id', 'model', 'created_at'])
    .where('state', '=', 'sealed')
    .where('archived', '=', 0)
    // The text of run.json: with a space where it was made to be read, without where not.
    .where((e) =>
      e.or([
        e('run_json', 'like', '%"keep_answers":true%'),
        e('run_json', 'like', '%"keep_answers": true%'),
      ]),
    )
    .orderBy('created_at', 'desc')
    .limit(MOST_SETS)
    .execute()
  const sets = new Map<string, SetName>()
  const all = [
    ...imported.map((s) => ({ set_id: s.set_id, model: s.model as string | null, at: s.at })),
    ...runs.map((r) => ({ set_id: r.run_id, model: r.model, at: r.created_at })),
  ].sort((x, y) => (x.at < y.at ? 1 : x.at > y.at ? -1 : x.set_id < y.set_id ? -1 : 1))
  for (const { set_id, model } of all) if (!sets.has(set_id)) sets.set(set_id, { set_id, model })
  return [...sets.values()].slice(0, MOST_SETS)
}
