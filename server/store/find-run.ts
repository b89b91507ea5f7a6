import type { Kysely } from 'kysely'
import type { RunRow, Tables } from './tables.ts'

/** A failed run that `last` skips. */
export type FailedRun = Pick<RunRow, 'run_id' | 'reason'>

/** A RUN that names no run, or several. */
export class RunNotFound extends Error {
  readonly ambiguous: boolean
  constructor(message: string, ambiguous = false) {
    super(message)
    this.name = 'RunNotFound'
    this.ambiguous = ambiguous
  }
}

/**
 * The run that RUN names: its id, a unique prefix of it, `name:NAME`, `tag:KEY=VALUE` (the newest of those) or `last`, the
 * newest that did not fail.
 * @param skipped gets the failed runs that are newer than `last`, newest first, where there are any
 * @throws RunNotFound
 */
export async function findRun(
  db: Kysely<Tables>,
  ref: string,
  skipped: (failed: readonly FailedRun[]) => void = () => {},
): Promise<RunRow> {
  const exact = await db.selectFrom('run').selectAll().where('run_id', '=', ref).executeTakeFirst()
  if (exact) return exact
  const newest = db
    .selectFrom('run')
    .selectAll('run')
    .orderBy('run.created_at', 'desc')
    .orderBy('run.run_id', 'desc')
    .limit(1)
  if (ref === 'last') return lastRun(db, skipped)
  if (ref.startsWith('name:')) {
    const name = ref.slice('name:'.length)
    return orFail(
      await newest.where('run.name', '=', name).executeTakeFirst(),
      `No run has the name ${JSON.stringify(name)}. llem-server runs lists them.`,
    )
  }
  if (ref.startsWith('tag:')) {
    const [, key = '', value = ''] = /^tag:([^=]*)=(.*)$/s.exec(ref) ?? []
    if (key === '')
      throw new RunNotFound(`${JSON.stringify(ref)} is not of the form tag:KEY=VALUE.`)
    const row = await newest
      .innerJoin('run_tag', 'run_tag.run_id', 'run.run_id')
      .where('run_tag.key', '=', key)
      .where('run_tag.value', '=', value)
      .executeTakeFirst()
    return orFail(row, `No run has the tag ${key}=${value}. llem-server runs lists them.`)
  }
  return byPrefix(db, ref)
}

async function lastRun(
  db: Kysely<Tables>,
  skipped: (failed: readonly FailedRun[]) => void,
): Promise<RunRow> {
  const newestFirst = db.selectFrom('run').orderBy('created_at', 'desc').orderBy('run_id', 'desc')
  const last = await newestFirst
    .selectAll()
    .where((eb) => eb.or([eb('outcome', 'is', null), eb('outcome', '!=', 'failed')]))
    .limit(1)
    .executeTakeFirst()
  let newer = newestFirst.select(['run_id', 'reason']).where('outcome', '=', 'failed')
  if (last)
    newer = newer.where((eb) =>
      eb.or([
        eb('created_at', '>', last.created_at),
        eb.and([eb('created_at', '=', last.created_at), eb('run_id', '>', last.run_id)]),
      ]),
    )
  const failed = await newer.execute()
  if (last && failed.length > 0) skipped(failed)
  const [newest] = failed
  return orFail(
    last,
    newest === undefined
      ? 'There is no run yet.'
      : `last is the newest run that did not fail, and ${failed.length === 1 ? 'the only run' : `each of the ${failed.length} runs`} failed. Name one by its id, such as ${newest.run_id}.`,
  )
}

async function byPrefix(db: Kysely<Tables>, prefix: string): Promise<RunRow> {
  const rows =
    prefix === ''
      ? []
      : await db
          .selectFrom('run')
          .selectAll()
          .where('run_id', '>=', prefix)
          .where('run_id', '<', `${prefix}\u{10ffff}`)
          .orderBy('run_id')
          .limit(4)
          .execute()
  const [first] = rows
  if (!first)
    throw new RunNotFound(
      `There is no run ${JSON.stringify(prefix)}. RUN is an id, a unique prefix of one, name:NAME, tag:KEY=VALUE or last.`,
    )
  if (rows.length > 1)
    throw new RunNotFound(
      `${JSON.stringify(prefix)} begins more than one run: ${rows
        .map((r) => r.run_id)
        .slice(0, 3)
        .join(', ')}${rows.length > 3 ? ', ...' : ''}. Give more of the id.`,
      true,
    )
  return first
}

function orFail(row: RunRow | undefined, message: string): RunRow {
  if (!row) throw new RunNotFound(message)
  return row
}
