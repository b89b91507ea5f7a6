import type { ExpressionBuilder, Kysely } from 'kysely'
import type { RunScore, ScoreBody } from '../../analysis/schema/quality.ts'
import { writeAudit } from './audit.ts'
import type { Tables } from './tables.ts'
import type { By } from './votes.ts'

/** What became of a score that was given. `there`: another one is, and was not to be replaced. */
export type Attached =
  | { readonly done: 'added' | 'same' | 'replaced'; readonly score: RunScore }
  | { readonly done: 'there'; readonly score: RunScore }

/**
 * Attaches a score on a dataset to a run. The same again changes nothing; another one is replaced only where the caller
 * says so. Each change has its row in the audit trail. Call it within a transaction.
 */
export async function attachScore(
  db: Kysely<Tables>,
  run_id: string,
  dataset: string,
  { value, low, high, source, replace }: ScoreBody,
  { actor, now }: By,
): Promise<Attached> {
  const there = (await scoresOf(db, run_id)).find((s) => s.dataset === dataset)
  const score: RunScore = { dataset, value, low, high, source, at: now, actor }
  if (there !== undefined && SAID.every((field) => there[field] === score[field]))
    return { done: 'same', score: there }
  if (there !== undefined && !replace) return { done: 'there', score: there }
  await db.deleteFrom('quality_score').where(key(run_id, dataset)).execute()
  await db
    .insertInto('quality_score')
    .values({ run_id, ...score })
    .execute()
  await audit(db, run_id, dataset, { from: there, to: score }, { actor, now })
  return { done: there === undefined ? 'added' : 'replaced', score }
}

/** Takes a score away, with its row in the audit trail. @returns it; null: there is none */
export async function removeScore(
  db: Kysely<Tables>,
  run_id: string,
  dataset: string,
  by: By,
): Promise<RunScore | null> {
  const there = (await scoresOf(db, run_id)).find((s) => s.dataset === dataset)
  if (there === undefined) return null
  await db.deleteFrom('quality_score').where(key(run_id, dataset)).execute()
  await audit(db, run_id, dataset, { from: there, to: undefined }, by)
  return there
}

/** The scores of a run, by dataset. */
export async function scoresOf(db: Kysely<Tables>, run_id: string): Promise<RunScore[]> {
  return await db
    .selectFrom('quality_score')
    .select(['dataset', 'value', 'low', 'high', 'source', 'at', 'actor'])
    .where('run_id', '=', run_id)
    .orderBy('dataset')
    .execute()
}

/** Every score that is attached, by run and dataset. */
export async function allScores(
  db: Kysely<Tables>,
): Promise<(RunScore & { readonly run_id: string })[]> {
  return await db
    .selectFrom('quality_score')
    .selectAll()
    .orderBy('run_id')
    .orderBy('dataset')
    .execute()
}

const SAID = ['value', 'low', 'high', 'source'] as const

const key =
  (run_id: string, dataset: string) =>
  ({ and }: ExpressionBuilder<Tables, 'quality_score'>) =>
    and({ run_id, dataset })

function audit(
  db: Kysely<Tables>,
  run_id: string,
  dataset: string,
  { from, to }: { readonly from: RunScore | undefined; readonly to: RunScore | undefined },
  by: By,
): Promise<void> {
  const said = (s: RunScore | undefined) =>
    s === undefined ? null : Object.fromEntries(SAID.map((field) => [field, s[field]]))
  const detail = { [`scores.${dataset}`]: { from: said(from), to: said(to) } }
  return writeAudit(db, { ...by, action: 'score_run', run_id, detail })
}
