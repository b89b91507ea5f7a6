import { type Kysely, sql } from 'kysely'
import {
  type ConfiguredValue,
  configuredValues,
  resultValues,
} from '../../analysis/schema/configured.ts'
import { RESULT_VALUES, RUN_VALUES, readFact } from '../../analysis/schema/fact.ts'
import type { Result } from '../../analysis/schema/result.ts'
import type { RunFile } from '../../analysis/schema/run.ts'
import { RunFileError, readRunFile } from '../run-file.ts'
import { resultOf } from './result-payload.ts'
import { factSource } from './run-facts.ts'
import { sha256 } from './sha256.ts'
import type { Tables } from './tables.ts'

export type Values = ReadonlyMap<string, ConfiguredValue>

/** Changes with the list of facts: sets of an earlier one are filled again. */
const STAMP = sha256(JSON.stringify([1, RUN_VALUES, RESULT_VALUES])).slice(0, 12)
/** Five columns each, below the values that SQLite takes in one statement. */
const ROWS_AT_ONCE = 100
const RUNS_AT_ONCE = 500

/** Configured values of a run by their path, and its facts that have no column. */
export function runValues(file: RunFile): Values {
  const source = factSource(file)
  const values = configuredValues(source.resolved)
  for (const name of RUN_VALUES) {
    const value = readFact(name, source)
    if (value !== null) values.set(name, value)
  }
  return values
}

/** The same of a result of another tool. */
export function valuesOfResult(result: Result): Values {
  const values = resultValues(result)
  for (const name of RESULT_VALUES) {
    // Results of earlier versions may lack it.
    const value = result[name] ?? null
    if (value !== null) values.set(name, value)
  }
  return values
}

/** Id of the set of these values, which is stored where it is new. Call it within a transaction. */
export async function putValueSet(db: Kysely<Tables>, values: Values): Promise<number> {
  const rows = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
  const hash = sha256(JSON.stringify([STAMP, rows]))
  const there = await db
    .selectFrom('value_set')
    .select('value_set_id')
    .where('sha256', '=', hash)
    .executeTakeFirst()
  if (there) return there.value_set_id
  const { value_set_id } = await db
    .insertInto('value_set')
    .values({ sha256: hash, stamp: STAMP })
    .returning('value_set_id')
    .executeTakeFirstOrThrow()
  const inserted = rows.map(([path, value]) => ({
    value_set_id,
    path,
    type: typeof value as 'string' | 'number' | 'boolean',
    text: String(value),
    number: typeof value === 'number' ? value : null,
  }))
  for (let i = 0; i < inserted.length; i += ROWS_AT_ONCE)
    await db
      .insertInto('value_set_value')
      .values(inserted.slice(i, i + ROWS_AT_ONCE))
      .execute()
  return value_set_id
}

export const putRunValues = (db: Kysely<Tables>, file: RunFile): Promise<number> =>
  putValueSet(db, runValues(file))

export const putResultValues = (db: Kysely<Tables>, result: Result): Promise<number> =>
  putValueSet(db, valuesOfResult(result))

/** Are there rows without values, or with those of an earlier list of facts? Three looks at an index. */
export async function lacksValues(db: Kysely<Tables>): Promise<boolean> {
  const none = (table: 'run' | 'result') =>
    db.selectFrom(table).select('value_set_id').where('value_set_id', 'is', null).limit(1)
  const stale = db.selectFrom('value_set').select('value_set_id').where('stamp', '<>', STAMP)
  const rows = await Promise.all([
    none('run').execute(),
    none('result').execute(),
    stale.limit(1).execute(),
  ])
  return rows.some((r) => r.length > 0)
}

/** Of a stored run.json; none where this program can't read it. */
function valuesOf(run_json: string): Values {
  try {
    return runValues(readRunFile(Buffer.from(run_json)).file)
  } catch (error) {
    if (error instanceof RunFileError) return new Map()
    throw error
  }
}

/**
 * Fills the values of runs and results that lack them: those stored by an earlier program, or under an earlier list of
 * facts, whose sets then go.
 */
export async function fillValueSets(db: Kysely<Tables>): Promise<void> {
  for (;;) {
    const runs = await db
      .selectFrom('run')
      .leftJoin('value_set as v', 'v.value_set_id', 'run.value_set_id')
      .select(['run.run_id', 'run.run_json'])
      .where(sql<boolean>`v.stamp is not ${STAMP}`)
      .limit(RUNS_AT_ONCE)
      .execute()
    if (runs.length === 0) break
    await db.transaction().execute(async (tx) => {
      for (const { run_id, run_json } of runs)
        await tx
          .updateTable('run')
          .set({ value_set_id: await putValueSet(tx, valuesOf(run_json)) })
          .where('run_id', '=', run_id)
          .execute()
    })
  }
  for (;;) {
    const results = await db
      .selectFrom('result')
      .leftJoin('value_set as v', 'v.value_set_id', 'result.value_set_id')
      .select(['result.result_id', 'result.payload'])
      .where(sql<boolean>`v.stamp is not ${STAMP}`)
      .limit(RUNS_AT_ONCE)
      .execute()
    if (results.length === 0) break
    await db.transaction().execute(async (tx) => {
      for (const row of results)
        await tx
          .updateTable('result')
          .set({ value_set_id: await putResultValues(tx, resultOf(row)) })
          .where('result_id', '=', row.result_id)
          .execute()
    })
  }
  await db.deleteFrom('value_set').where('stamp', '<>', STAMP).execute()
}

/** The values of some sets, by set. */
export async function readValueSets(
  db: Kysely<Tables>,
  ids: readonly (number | null)[],
): Promise<ReadonlyMap<number, Values>> {
  const wanted = [...new Set(ids)].filter((id) => id !== null)
  const sets = new Map<number, Map<string, ConfiguredValue>>()
  for (let i = 0; i < wanted.length; i += RUNS_AT_ONCE) {
    const rows = await db
      .selectFrom('value_set_value')
      .select(['value_set_id', 'path', 'type', 'text', 'number'])
      .where('value_set_id', 'in', wanted.slice(i, i + RUNS_AT_ONCE))
      .orderBy('value_set_id')
      .orderBy('path')
      .execute()
    for (const { value_set_id, path, type, text, number } of rows) {
      const set = sets.get(value_set_id) ?? new Map<string, ConfiguredValue>()
      sets.set(value_set_id, set)
      set.set(
        path,
        type === 'number' ? (number as number) : type === 'boolean' ? text === 'true' : text,
      )
    }
  }
  return sets
}
