import { z } from 'zod'
import { canonOf } from '../analysis/schema/canon.ts'
import { isConfiguredPath, nearestPath } from '../analysis/schema/configured.ts'
import { factOf, parameterOf } from '../analysis/schema/fact.ts'
import { instantMs, instantSchema } from '../analysis/schema/instant.ts'
import { queryNumber, readDecimal } from '../analysis/schema/query-number.ts'
import { FILTER_FACTS, type Position, type RunListQuery, SORT_FACTS } from './store/run-filter.ts'

const MOST_ROWS = 1000

const words = z
  .string()
  .min(1)
  .transform((s) => s.split(',').filter((w) => w !== ''))
const numbers = z
  .string()
  .regex(/^\d{1,9}(,\d{1,9})*$/, 'must be a whole number, or several with commas')
  .transform((s) => s.split(',').map(Number))
const decimals = z
  .string()
  .refine(
    (s) => s.split(',').every((w) => readDecimal(w) !== null),
    'must be a number, or several with commas',
  )
  .transform((s) => s.split(',').map(Number))
/** A date alone is its whole day, in UTC: from its beginning, or to its end. */
const instant = (at: 'T00:00:00Z' | 'T23:59:59.999Z') => {
  const dayOrTime = (text: string) => (/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}${at}` : text)
  return z
    .string()
    .refine(
      (text) => instantSchema.safeParse(dayOrTime(text)).success,
      'must be a day such as 2026-01-31, or a time with its offset such as 2026-01-31T12:00:00Z',
    )
    .transform((text) => new Date(instantMs(dayOrTime(text))).toISOString())
}
const tags = words.transform((list) =>
  list.map((t) => {
    const cut = t.indexOf('=')
    return cut < 0 ? { key: t, value: null } : { key: t.slice(0, cut), value: t.slice(cut + 1) }
  }),
)

type IsMetric = (name: string) => boolean
const isRunMetric: IsMetric = (name) => canonOf(name) !== undefined
/** A column or a metric, with - for descending. */
export const sortSchema = (isMetric: IsMetric) =>
  z
    .string()
    .refine((s) => {
      const name = s.replace(/^-/, '')
      return SORT_FACTS.some((f) => f === name) || isConfiguredPath(name) || isMetric(name)
    }, 'must be a field, a configured path or a metric, with - for descending')
    .meta({
      description:
        'a field, a configured path such as load.concurrency, or a metric; with - for descending',
    })

/** Filters by facts, each under its parameter: a comma is "or". */
const factFilters = Object.fromEntries(
  FILTER_FACTS.map((name) => {
    const { type = 'text', meaning = '' } = factOf(name) ?? {}
    const values = type === 'whole' ? numbers : type === 'number' ? decimals : words
    return [parameterOf(name), values.optional().meta({ description: meaning })]
  }),
) as Record<string, z.ZodOptional<z.ZodType<(string | number)[], string>>>

/** The named parameters of a list; configured paths, `min_METRIC` and `max_METRIC` come beside them. */
export const listQueryShape = {
  ...factFilters,
  tag: tags.optional().meta({ description: 'KEY=VALUE or KEY' }),
  valid: z.enum(['true', 'false']).optional(),
  cautions: z.enum(['include', 'exclude']).default('include'),
  archived: z.enum(['exclude', 'include', 'only']).default('exclude'),
  started_from: instant('T00:00:00Z').optional(),
  started_to: instant('T23:59:59.999Z').optional(),
  sort: sortSchema(isRunMetric).default('-created_at'),
  limit: queryNumber({ whole: true, least: 1, most: MOST_ROWS }).default(50),
  cursor: z.string().optional().meta({ description: 'next_cursor of the page before' }),
}
type ListParameters = z.output<z.ZodObject<typeof listQueryShape>>

/**
 * Parameters of a list of runs, the same in the address and in the shell: filters by field or configured path (a comma
 * is "or"), `min_METRIC` and `max_METRIC`, sort, page. Unknown names are refused.
 */
export const runQuerySchema = z
  .object(listQueryShape)
  .catchall(z.string())
  .transform((given, ctx): RunListQuery => toListQuery(given, ctx, isRunMetric))

/** Parsed parameters to a query. What is no named parameter, configured path or bound of a metric is refused. */
export function toListQuery(
  given: ListParameters & Readonly<Record<string, unknown>>,
  ctx: z.RefinementCtx,
  isMetric: IsMetric,
): RunListQuery {
  const metrics: RunListQuery['metrics'][number][] = []
  const configured: Record<string, readonly string[]> = {}
  for (const [key, value] of Object.entries(given)) {
    if (Object.hasOwn(listQueryShape, key)) continue
    if (isConfiguredPath(key)) {
      const given = words.safeParse(value)
      if (given.success) configured[key] = given.data
      else ctx.addIssue({ code: 'custom', path: [key], message: 'must not be empty', input: value })
      continue
    }
    const path = nearestPath(key)
    if (path !== null) {
      const message = `is not known here; did you mean ${path}?`
      ctx.addIssue({ code: 'custom', path: [key], message })
      continue
    }
    const [, bound, metric = ''] = /^(min|max)_(.+)$/.exec(key) ?? []
    if (bound === undefined || !isMetric(metric))
      ctx.addIssue({ code: 'unrecognized_keys', keys: [key], input: given })
    else {
      const limit = readDecimal(String(value))
      if (limit !== null) metrics.push({ metric, bound: bound as 'min' | 'max', limit })
      else ctx.addIssue({ code: 'custom', path: [key], message: 'must be a number', input: value })
    }
  }
  const after = given.cursor === undefined ? null : readCursor(given.cursor, given.sort)
  if (after === 'bad')
    ctx.addIssue({
      code: 'custom',
      path: ['cursor'],
      message: 'is not a next_cursor of a list in this order',
      input: given.cursor,
    })
  const facts = Object.fromEntries(
    FILTER_FACTS.flatMap((name) => {
      const values = (given as Record<string, unknown>)[parameterOf(name)]
      return values === undefined ? [] : [[name, values]]
    }),
  ) as RunListQuery['facts']
  return {
    facts,
    configured,
    valid: given.valid === undefined ? null : given.valid === 'true',
    exclude_cautions: given.cautions === 'exclude',
    archived: given.archived,
    tags: given.tag ?? [],
    started_from: given.started_from ?? null,
    started_to: given.started_to ?? null,
    metrics,
    sort: given.sort.replace(/^-/, ''),
    descending: given.sort.startsWith('-'),
    limit: given.limit,
    after: after === 'bad' ? null : after,
  }
}

/** Opaque to those who page: the order and the last row of a page. */
export function writeCursor(query: RunListQuery, last: Position): string {
  const sort = `${query.descending ? '-' : ''}${query.sort}`
  return Buffer.from(JSON.stringify([sort, last.value, last.run_id])).toString('base64url')
}

const cursorSchema = z.tuple([
  z.string(),
  z.union([z.string(), z.number(), z.null()]),
  z.string().max(128),
])

function readCursor(text: string, sort: string): Position | 'bad' {
  try {
    const [order, value, run_id] = cursorSchema.parse(
      JSON.parse(Buffer.from(text, 'base64url').toString()),
    )
    return order === sort ? { value, run_id } : 'bad'
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return 'bad'
    throw error
  }
}
