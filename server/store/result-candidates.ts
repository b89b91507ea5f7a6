import type { Kysely } from 'kysely'
import type { ResultMetric } from '../../analysis/schema/result.ts'
import { resultConditions } from './result-filter.ts'
import { resultOf } from './results.ts'
import type { RunListQuery } from './run-filter.ts'
import type { Tables } from './tables.ts'

/** A run or a result among which one chooses: what it is, whether it may be ranked, and its numbers. */
export interface Candidate {
  /** run_id or result_id. */
  readonly id: string
  /** `local`: a run measured here. */
  readonly source: string
  readonly name: string | null
  readonly task: string | null
  readonly model: string | null
  readonly engine: string | null
  readonly gpu_model: string | null
  readonly num_gpus: number | null
  readonly precision: string | null
  readonly batch_limit: number | null
  readonly tensor_parallel: number | null
  /** Of a published row: when or as what it was published. */
  readonly revision: string | null
  readonly valid: boolean
  /** How many cautions there are. */
  readonly cautions: number
  /** By id, each with its window; a result of others knows no range (`low`, `high` null). */
  readonly metrics: Readonly<Record<string, ResultMetric>>
}

/**
 * The results that a query's filters let through, with all their numbers; sort and page are not applied.
 * Results only: runs are listed by `run-list.ts`.
 */
export async function resultCandidates(
  db: Kysely<Tables>,
  query: RunListQuery,
): Promise<Candidate[]> {
  const rows = await db
    .selectFrom('result')
    .select(['payload', 'cautions'])
    .where((eb) => eb.and(resultConditions(eb, query)))
    .orderBy('result_id')
    .execute()
  return rows.map((row) => {
    const result = resultOf(row)
    const { source, name, task, model, engine, gpu_model, num_gpus, precision } = result
    return {
      id: result.result_id,
      source,
      name,
      task,
      model,
      engine,
      gpu_model,
      num_gpus,
      precision,
      batch_limit: result.batch_limit,
      tensor_parallel: result.tensor_parallel,
      revision: result.provenance.revision,
      valid: result.valid,
      cautions: row.cautions,
      metrics: result.metrics,
    }
  })
}
