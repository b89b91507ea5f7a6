import { z } from 'zod'
import { canonOf } from '../analysis/schema/canon.ts'
import { nearestPath } from '../analysis/schema/configured.ts'
import { type SitesRef, sitesRefSchema } from '../analysis/schema/stored.ts'
import { isTotalsBy, TOTALS_BY } from '../analysis/schema/totals.ts'
import { type ScenarioQuery, scenarioQuerySchema } from './cost-query.ts'
import { listQueryShape, toListQuery } from './run-query.ts'
import type { RunListQuery } from './store/run-filter.ts'

const { sort: _, limit: __, cursor: ___, ...filters } = listQueryShape
const { span: ____, boundary: _____, hour: ______, ...scenario } = scenarioQuerySchema.shape

const by = z
  .string()
  .transform((text, ctx): string[] => {
    const words = text.split(',').filter((w) => w !== '')
    return words.flatMap((one, i) => {
      const known = isTotalsBy(one)
      if (known && words.indexOf(one) === i) return [one]
      const path = nearestPath(one)
      const message = known
        ? 'names a field twice; take one out'
        : path === null
          ? `must be of ${TOTALS_BY.join(', ')}, or a configured path such as load.concurrency`
          : `is not known here; did you mean ${path}?`
      ctx.addIssue({ code: 'custom', message, input: one })
      return []
    })
  })
  .meta({ description: `kept apart, with commas: ${TOTALS_BY.join(', ')}, or configured paths` })

const shape = {
  ...filters,
  // What was archived was drawn all the same.
  archived: z.enum(['exclude', 'include', 'only']).default('include'),
  ...scenario,
  by: by.prefault('month'),
  sites: sitesRefSchema.optional().meta({
    description: 'stored or stored@VERSION: each host under its row of the stored table of sites',
  }),
}

export interface TotalsQuery {
  readonly by: readonly string[]
  readonly filters: RunListQuery
  /** What is said of a scenario beside the file or the body. */
  readonly said: ScenarioQuery
  /** The stored table of sites, where it is asked for. */
  readonly sites: SitesRef | null
}

/** What /totals and `llem-server totals` may be asked: filters of runs, `by`, and what cost takes of a scenario. */
export const totalsQuerySchema = z
  .object(shape)
  .catchall(z.string())
  .transform((given, ctx): TotalsQuery => {
    const rest = Object.fromEntries(
      Object.entries(given).filter(
        ([key]) => Object.hasOwn(filters, key) || !Object.hasOwn(shape, key),
      ),
    )
    // There are no pages: a total is over all runs.
    const paging = ['sort', 'limit', 'cursor'].filter((key) => Object.hasOwn(rest, key))
    if (paging.length > 0) ctx.addIssue({ code: 'unrecognized_keys', keys: paging, input: given })
    const list = { ...rest, sort: 'created_at', limit: 1, cursor: undefined }
    const said = Object.fromEntries(
      Object.entries(given).filter(([key]) => Object.hasOwn(scenario, key)),
    )
    return {
      by: given.by,
      filters: toListQuery(
        list as Parameters<typeof toListQuery>[0],
        ctx,
        (name) => canonOf(name) !== undefined,
      ),
      said: said as ScenarioQuery,
      sites: given.sites ?? null,
    }
  })
