import { z } from 'zod'
import { resultMetricOf } from '../analysis/schema/result-metric.ts'
import { listQueryShape, sortSchema, toListQuery } from './run-query.ts'
import type { RunListQuery } from './store/run-filter.ts'

export const HEADLINE = 'energy_per_output_token_j'
export const BOARD_FORMATS = ['json', 'csv', 'parquet', 'markdown', 'mlenergy', 'vega'] as const
export type BoardFormat = (typeof BOARD_FORMATS)[number]

export interface LeaderboardQuery {
  readonly query: RunListQuery
  readonly metric: string
  readonly revisions: readonly string[] | null
  readonly format: BoardFormat
  /** Where the form is a chart: which, and across it. */
  readonly chart: 'board' | 'neighbours'
  readonly x: string
}

const isMetric = (name: string) => resultMetricOf(name) !== undefined

const ownShape = {
  metric: z
    .string()
    .refine(isMetric, 'must be a metric')
    .optional()
    .meta({
      description: `by which runs of ours are placed (the metric sorted by, else ${HEADLINE})`,
    }),
  revision: z
    .string()
    .min(1)
    .transform((s) => s.split(',').filter((w) => w !== ''))
    .optional()
    .meta({ description: 'date or version of published rows; leaves runs of ours out' }),
  format: z.enum(BOARD_FORMATS).default('json'),
  chart: z
    .enum(['board', 'neighbours'])
    .default('board')
    .meta({ description: 'of format=vega: all rows, or the first run between its neighbours' }),
  x: z
    .string()
    .refine(isMetric, 'must be a metric')
    .default('itl_ms_p50')
    .meta({ description: 'metric across the chart of format=vega' }),
}

/** What the leaderboard may be asked: the parameters of every list, over runs and results, with the metrics of both. */
export const leaderboardQuerySchema = z
  .object({ ...listQueryShape, sort: sortSchema(isMetric).default(HEADLINE), ...ownShape })
  .catchall(z.string())
  .transform((given, ctx): LeaderboardQuery => {
    const { metric, revision, format, chart, x, ...rest } = given
    const query = toListQuery(rest, ctx, isMetric)
    return {
      query,
      metric: metric ?? (isMetric(query.sort) ? query.sort : HEADLINE),
      revisions: revision ?? null,
      format,
      chart,
      x,
    }
  })
