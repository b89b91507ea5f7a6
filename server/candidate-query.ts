import { z } from 'zod'
import { CANDIDATE_FIELDS, isCandidateField } from '../analysis/choosing/candidate.ts'
import { choiceMetricOf } from '../analysis/choosing/choice-metric.ts'
import type { FrontierRequest } from '../analysis/choosing/frontier.ts'
import {
  A_METRIC,
  type Bound,
  type Objective,
  readObjective,
} from '../analysis/choosing/objective.ts'
import { DOMINANCE_RULES } from '../analysis/choosing/pareto.ts'
import type { AskedMetric } from '../analysis/choosing/pricing.ts'
import type { RecommendRequest } from '../analysis/choosing/recommend.ts'
import { BASELINES } from '../analysis/schema/choosing.ts'
import { nearestPath } from '../analysis/schema/configured.ts'
import { datasetSchema, RATED_BY, type RatedBy } from '../analysis/schema/quality.ts'
import { isOnDataset } from '../analysis/schema/quality-metric.ts'
import { queryNumber } from '../analysis/schema/query-number.ts'
import { type CostQuery, costQuerySchema } from './cost-query.ts'
import type { Per } from './run-candidates.ts'
import { listQueryShape, toListQuery } from './run-query.ts'
import type { RunListQuery } from './store/run-filter.ts'

const { sort: _, limit: __, cursor: ___, ...filters } = listQueryShape
/** What is said of a scenario; the rest of a cost's parameters is of one run. */
const {
  span: ____,
  boundary: _____,
  hour: ______,
  unit: _______,
  ...scenario
} = costQuerySchema.shape

const list = (text: string) => text.split(',').filter((w) => w !== '')
const metric = z.string().refine((id) => choiceMetricOf(id) !== undefined, {
  message: `must be ${A_METRIC}`,
})
const objective = z
  .string()
  .transform((text, ctx): Objective => {
    const read = readObjective(text)
    if (typeof read !== 'string') return read
    ctx.addIssue({ code: 'custom', message: read, input: text })
    return z.NEVER
  })
  .meta({ description: 'METRIC, or min:METRIC or max:METRIC; -METRIC is max:METRIC' })
const objectives = z
  .string()
  .transform((text, ctx): Objective[] =>
    list(text).flatMap((one) => {
      const read = readObjective(one)
      if (typeof read !== 'string') return [read]
      ctx.addIssue({ code: 'custom', message: read, input: one })
      return []
    }),
  )
  .meta({ description: 'more objectives, with commas' })
const fields = z
  .string()
  .transform((text, ctx): string[] =>
    list(text).flatMap((one) => {
      if (isCandidateField(one)) return [one]
      const path = nearestPath(one)
      const message =
        path === null
          ? `must be of ${CANDIDATE_FIELDS.join(', ')}, or a configured path such as load.concurrency`
          : `is not known here; did you mean ${path}?`
      ctx.addIssue({ code: 'custom', message, input: one })
      return []
    }),
  )
  .meta({
    description: `fields or configured paths that are kept apart, with commas: ${CANDIDATE_FIELDS.join(', ')}, load.concurrency, ...`,
  })
const deadlines = z
  .string()
  .regex(/^\d+(\.\d+)?(,\d+(\.\d+)?)*$/, 'must be a number, or several with commas')
  .transform((text) => text.split(',').map(Number))
const whole = (least: number, most: number) => queryNumber({ whole: true, least, most })

/** What both questions take beside the filters of every list. */
const common = {
  ...filters,
  ...scenario,
  cautions: z.enum(['include', 'exclude']).default('exclude'),
  group_by: fields.optional(),
  per: z.enum(['experiment', 'run']).default('experiment').meta({
    description: 'what a candidate is: the mean of the runs of an experiment, or each run',
  }),
  resamples: whole(1, 5_000).default(1000),
  seed: whole(0, 2 ** 32 - 1).default(1),
  format: z.enum(['json', 'vega']).default('json').meta({
    description: 'json, or the answer drawn as a Vega-Lite chart',
  }),
  quality_dataset: datasetSchema.optional().meta({
    description: 'whose quality_score counts; needed where the candidates have scores on several',
  }),
  rated_by: z.enum(RATED_BY).optional().meta({
    description: 'whose quality_rating: that of the model (default), or of the runs',
  }),
}

const paretoShape = {
  ...common,
  x: objective.prefault('itl_ms_p50'),
  y: objective.prefault('energy_per_output_token_j'),
  z: objective.optional(),
  also: objectives.optional(),
  rule: z.enum(DOMINANCE_RULES).default('textbook').meta({
    description:
      'textbook: dropped where another is no worse on all and better on one; mlenergy: where another is better on all',
  }),
}

const recommendShape = {
  ...common,
  minimize: metric
    .default('energy_per_output_token_j')
    .refine((id) => choiceMetricOf(id)?.better !== 'high', {
      message: 'is better when it is high; name an energy, a mass of carbon or a cost',
    }),
  latency: metric.optional().meta({
    description:
      'the metric that counts as latency; default: the one with a max_ bound, else itl_ms_p50',
  }),
  baseline: z.enum(BASELINES).optional().meta({
    description: 'default: current where that is given, else fastest_same_hardware',
  }),
  current: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'RUN, or the id of a candidate: what runs now' }),
  old_gpu: z.string().min(1).optional().meta({
    description: 'with new_gpu: what newer hardware saves, best against best of each model',
  }),
  new_gpu: z.string().min(1).optional(),
  deadlines: deadlines
    .optional()
    .meta({ description: 'for old_gpu and new_gpu, with commas; default: the latency bound' }),
}

interface CandidateQuery {
  /** Without bounds of metrics: these bind candidates, not runs. */
  readonly filters: RunListQuery
  readonly per: Per
  readonly format: 'json' | 'vega'
  /** What is said of a scenario beside a file or a body. */
  readonly said: CostQuery
  /** The metrics that the question is about, each with its parameter. */
  readonly asked: readonly AskedMetric[]
  readonly quality: { readonly quality_dataset: string | null; readonly rated_by: RatedBy }
}

export interface ParetoQuery extends CandidateQuery {
  readonly request: Omit<FrontierRequest, 'pricing' | 'quality_dataset'>
}

export interface RecommendQuery extends CandidateQuery {
  readonly current: string | null
  readonly request: Omit<RecommendRequest, 'current' | 'no_current' | 'pricing' | 'quality_dataset'>
}

type Common = z.output<z.ZodObject<typeof common>>
type Given = Common & Readonly<Record<string, unknown>>

/** The parts of both questions, once parsed. What is not a parameter of the question is a bound, or refused. */
function readCommon(given: Given, shape: object, ctx: z.RefinementCtx) {
  const rest = Object.fromEntries(
    Object.entries(given).filter(
      ([key]) => Object.hasOwn(filters, key) || !Object.hasOwn(shape, key),
    ),
  )
  // There are no pages: an answer is about all candidates.
  const paging = ['sort', 'limit', 'cursor'].filter((key) => Object.hasOwn(rest, key))
  if (paging.length > 0) ctx.addIssue({ code: 'unrecognized_keys', keys: paging, input: given })
  const list = { ...rest, sort: 'created_at', limit: 1, cursor: undefined } as Parameters<
    typeof toListQuery
  >[0]
  const query = toListQuery(list, ctx, (name) => choiceMetricOf(name) !== undefined)
  const { group_by, per, resamples, seed, format } = given
  const said = Object.fromEntries(
    Object.entries(given).filter(([key]) => Object.hasOwn(scenario, key)),
  ) as CostQuery
  const bounds: readonly Bound[] = query.metrics
  const bounded = bounds.map((b) => ({ path: `${b.bound}_${b.metric}`, metric: b.metric }))
  return {
    bounds,
    bounded,
    group_by: group_by ?? [],
    resamples,
    seed,
    rest: { filters: { ...query, metrics: [] }, per, format, said },
  }
}

/** What is said of quality, and only where the question is about it. */
function readQuality(
  { quality_dataset, rated_by }: Given,
  asked: readonly AskedMetric[],
  ctx: z.RefinementCtx,
): CandidateQuery['quality'] {
  const fault = (path: string, input: string, needs: string) =>
    ctx.addIssue({
      code: 'custom',
      path: [path],
      message: `must not be given where the question names no ${needs}; take it out, or add a bound such as min_${needs}`,
      input,
    })
  if (quality_dataset !== undefined && !asked.some((a) => isOnDataset(a.metric)))
    fault('quality_dataset', quality_dataset, 'quality_score')
  if (rated_by !== undefined && !asked.some((a) => a.metric === 'quality_rating'))
    fault('rated_by', rated_by, 'quality_rating')
  return { quality_dataset: quality_dataset ?? null, rated_by: rated_by ?? 'model' }
}

/** What /pareto and `llem-server pareto` may be asked, by the same names. */
export const paretoQuerySchema = z
  .object(paretoShape)
  .catchall(z.string())
  .transform((given, ctx): ParetoQuery => {
    const { rest, bounded, ...shared } = readCommon(given, paretoShape, ctx)
    const named = [
      { path: 'x', objective: given.x },
      { path: 'y', objective: given.y },
      ...(given.z ? [{ path: 'z', objective: given.z }] : []),
      ...(given.also ?? []).map((o) => ({ path: 'also', objective: o })),
    ]
    const all = named.map((n) => n.objective)
    const again = named.find(({ objective: { metric } }, i) =>
      all.slice(0, i).some((o) => o.metric === metric),
    )
    if (again) {
      const first = named.find((n) => n.objective.metric === again.objective.metric)
      ctx.addIssue({
        code: 'custom',
        path: [again.path],
        message: `must be another metric than ${first?.path}; name each objective once`,
        input: again.objective.metric,
      })
    }
    const asked = [
      ...named.map(({ path, objective: { metric } }) => ({ path, metric })),
      ...bounded,
    ]
    const quality = readQuality(given, asked, ctx)
    return { ...rest, asked, quality, request: { ...shared, objectives: all, rule: given.rule } }
  })

/** What /recommend and `llem-server recommend` may be asked, by the same names. */
export const recommendQuerySchema = z
  .object(recommendShape)
  .catchall(z.string())
  .transform((given, ctx): RecommendQuery => {
    const { rest, bounded, ...shared } = readCommon(given, recommendShape, ctx)
    const { minimize, current = null, old_gpu, new_gpu } = given
    const fault = (path: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [path], message })
    const baseline = given.baseline ?? (current === null ? 'fastest_same_hardware' : 'current')
    if (baseline === 'current' && current === null)
      fault('current', 'must name the run that runs now, for baseline=current')
    if (baseline !== 'current' && current !== null)
      fault('baseline', 'must be current where current is given; take one of the two out')
    const timed = shared.bounds.find(
      (b) => b.bound === 'max' && choiceMetricOf(b.metric)?.section === 'latency',
    )
    const latency = given.latency ?? timed?.metric ?? 'itl_ms_p50'
    const limit = shared.bounds.find((b) => b.metric === latency && b.bound === 'max')?.limit
    const times = given.deadlines ?? (limit === undefined ? [] : [limit])
    if ((old_gpu === undefined) !== (new_gpu === undefined))
      fault(
        old_gpu === undefined ? 'old_gpu' : 'new_gpu',
        'must be given too: two GPU models are compared',
      )
    else if (old_gpu !== undefined && times.length === 0)
      fault('deadlines', `must be given, or max_${latency}: hardware is compared at one deadline`)
    const asked = [
      { path: 'minimize', metric: minimize },
      { path: 'latency', metric: latency },
      ...bounded,
    ]
    return {
      ...rest,
      asked,
      quality: readQuality(given, asked, ctx),
      current,
      request: {
        ...shared,
        minimize,
        latency,
        baseline,
        hardware:
          old_gpu === undefined || new_gpu === undefined
            ? null
            : { old_gpu, new_gpu, deadlines: times },
      },
    }
  })
