import type { Kysely } from 'kysely'
import type { BoardValue } from '../../analysis/comparing/placement.ts'
import { precisionName, shortGpuName } from '../../analysis/schema/alike-names.ts'
import { alike } from './board-list.ts'
import { resultOf } from './result-payload.ts'
import type { Tables } from './tables.ts'

/**
 * The valid results without cautions of one task, GPU and precision that have a value of a metric; of each source only
 * those of its latest revision, since a board that is published again holds most rows a second time.
 */
export async function placementRows(
  db: Kysely<Tables>,
  place: { readonly task: string; readonly gpu_model: string; readonly precision: string },
  metric: string,
): Promise<BoardValue[]> {
  const gpus = await alike(db, 'gpu_model', [place.gpu_model], shortGpuName)
  const precisions = await alike(db, 'precision', [place.precision], precisionName)
  const rows = await db
    .selectFrom('result_metric')
    .innerJoin('result', 'result.result_id', 'result_metric.result_id')
    .select(['result.payload', 'result.source', 'result.revision', 'result_metric.value'])
    .where('result_metric.metric', '=', metric)
    .where('result.task', '=', place.task)
    .where('result.gpu_model', 'in', gpus)
    .where('result.precision', 'in', precisions)
    .where('result.valid', '=', 1)
    .where('result.cautions', '=', 0)
    .execute()
  const latest = new Map<string, string>()
  for (const { source, revision } of rows)
    if (revision !== null && revision > (latest.get(source) ?? '')) latest.set(source, revision)
  return rows
    .filter(({ source, revision }) => revision === (latest.get(source) ?? null))
    .map(({ payload, value }) => {
      const { result_id, model, metrics } = resultOf({ payload })
      return { id: result_id, model, value, window: metrics[metric]?.window ?? null }
    })
}
