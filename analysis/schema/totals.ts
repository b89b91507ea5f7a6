import { z } from 'zod'
import { isConfiguredPath } from './configured.ts'
import { costReasonSchema, LINE_GROUPS, TOTALS } from './cost.ts'
import { RUN_FACTS, usedFor } from './fact.ts'
import { factorSchema, rangeSchema } from './factor.ts'
import { scenarioUsedSchema, sitesUsedSchema } from './stored.ts'

/** What totals may be kept apart by, beside configured paths. A month is one of UTC; a team is the value of a run's tag `team`. */
export const TOTALS_BY: readonly string[] = [
  'month',
  'team',
  ...usedFor('group').filter((f) => RUN_FACTS.some((r) => r === f)),
]
export const isTotalsBy = (name: string): boolean =>
  TOTALS_BY.includes(name) || isConfiguredPath(name)

/** Where the energy went, none of it twice: each hour of each run is in one of these. */
export const TOTAL_PARTS = {
  measured: 'counted windows of valid runs',
  idle: 'what valid runs drew outside their windows: idle, load, warm-up, cool-down',
  invalid: 'all of runs whose result is invalid',
  failed: 'all of runs that failed or were interrupted',
} as const
export type TotalPart = keyof typeof TOTAL_PARTS
export const TOTAL_PART_IDS = Object.keys(TOTAL_PARTS) as TotalPart[]

/** Sums of lines, as a ledger has them, and the IT energy alone. */
export const SUMS = { energy_it: ['energy_it'], ...TOTALS } as const
export type SumId = keyof typeof SUMS
export const SUM_IDS = Object.keys(SUMS) as SumId[]

const whole = z.union([z.number(), z.bigint()])
const ofEnergy = z.object({ reason: costReasonSchema, kwh: z.number() })

const totalSchema = z.object({
  group: z.enum(LINE_GROUPS),
  amount: rangeSchema.nullable().describe('of what is known; null: nothing is, see reason'),
  exact: whole.nullable().describe('the same as a whole number: the sum of its lines'),
  unit: z.string(),
  exact_unit: z.string(),
  reason: costReasonSchema.nullable(),
  covered_pct: z
    .number()
    .nullable()
    .describe('share of the IT energy for which every line of it is known'),
  missing: z.array(ofEnergy).describe('IT energy for which it is not, by reason'),
})
export type Total = z.infer<typeof totalSchema>

const partSchema = z.object({
  runs: z.int(),
  energy_it_kwh: z.number(),
  exact: z.record(z.string(), whole).describe('each sum, in its exact_unit'),
})

const estimatesSchema = z.object({
  runs: z.int(),
  kwh: z.number(),
  share_pct: z.number().nullable().describe('of what was measured and estimated together'),
})

const groupSchema = z.object({
  key: z.record(z.string(), z.string().nullable()),
  runs: z.int(),
  totals: z.record(z.string(), totalSchema),
  lines: z.record(z.string(), whole).describe('whole numbers, in the exact_unit of their total'),
  parts: z.record(z.string(), partSchema),
  estimates: estimatesSchema.describe('energy that was modelled, not measured: in no total'),
})
export type TotalsGroup = z.infer<typeof groupSchema>

export const totalsSchema = z.object({
  by: z.array(z.string()).describe('fields and configured paths'),
  scenario_id: z.string(),
  currency: z.string(),
  analysis_version: z.int(),
  tables_version: z.string(),
  groups: z.array(groupSchema),
  total: groupSchema,
  factors: z
    .array(
      z.object({
        scenario_id: z.string(),
        year: z.int().nullable(),
        factor: factorSchema.nullable(),
        series: z.string().nullable().describe('source of a series of factors'),
        cautions: z.array(costReasonSchema),
        kwh: z.number().describe('IT energy to which it was put'),
      }),
    )
    .describe('what the energy was multiplied by'),
  left_out: z.array(z.string()).describe('lines of the scenario that no total over runs can have'),
  without_site: z
    .array(
      z.object({
        host: z.string().nullable(),
        site: z.string().nullable().describe('what the runs themselves tell'),
        runs: z.int(),
        kwh: z.number().describe('IT energy of these runs on the days that no row fits'),
      }),
    )
    .optional()
    .describe('hosts of runs that no row of the table of sites fits; absent: there is no table'),
  attribution: z.array(z.string()),
  runs: z.object({
    counted: z.int(),
    unmeasured: z.array(z.object({ reason: z.string(), runs: z.int() })),
    open: z.int().describe('not sealed yet, and not counted'),
    unreadable: z.int(),
  }),
  scenario_stored: scenarioUsedSchema
    .optional()
    .describe('absent: the scenario is not of a stored one'),
  sites_stored: sitesUsedSchema
    .optional()
    .describe('absent: there is no table of sites, or it is not the stored one'),
})
export type Totals = z.infer<typeof totalsSchema>
