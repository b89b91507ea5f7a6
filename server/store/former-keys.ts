import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { Tables } from './tables.ts'

/** Runs of an experiment by its key, or by one that it had before values of its configuration were redacted. */
export const hasKey = (
  eb: ExpressionBuilder<Tables, 'run'>,
  keys: readonly string[],
): Expression<SqlBool> =>
  eb.or([
    eb('run.experiment_key', 'in', [...keys]),
    eb(
      'run.run_id',
      'in',
      eb
        .selectFrom('former_key')
        .select('former_key.run_id')
        .where('former_key', 'in', [...keys]),
    ),
  ])
