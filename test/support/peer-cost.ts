import { z } from 'zod'
import { cost } from '../../analysis/cost/cost.ts'
import { NO_TABLES } from '../../analysis/cost/intensity.ts'
import { tariffFromUrdb } from '../../analysis/cost/tariff-urdb.ts'
import { instantSchema } from '../../analysis/schema/instant.ts'
import type { ScenarioInput } from '../../analysis/schema/scenario.ts'
import { J_PER_KWH } from '../../analysis/schema/units.ts'
import { intensityTables } from '../../server/intensity-tables.ts'
import { scenarioOf, timelineOf } from '../analysis/cost/cost-support.ts'

const readings = z.array(
  z.strictObject({ from: instantSchema, to: instantSchema, joules: z.number().nonnegative() }),
)
const hours = z.array(z.array(z.int()))

/** What other tools are asked: the same joules, at the same places and prices. */
export const peerTaskSchema = z.strictObject({
  pue: z.number(),
  wue_l_per_kwh: z.number(),
  readings: z.strictObject({
    stored_run: readings.describe('of a recorded bundle, put across an hour'),
    four_days: readings.describe(
      'made up: across hours, a weekend, a month and the end of summer time',
    ),
  }),
  tz: z.string().describe('of the place of the rate'),
  rate: z.looseObject({
    label: z.string(),
    energyratestructure: z.array(z.array(z.looseObject({ rate: z.number(), adj: z.number() }))),
    energyweekdayschedule: hours,
    energyweekendschedule: hours,
  }),
  series: z.array(
    z.strictObject({ from: instantSchema, to: instantSchema, g_per_kwh: z.number() }),
  ),
  places: z.record(
    z.string(),
    z.strictObject({
      zone: z.string(),
      ember: z.string().nullable(),
      codecarbon: z.record(z.string(), z.union([z.string(), z.number()])),
    }),
  ),
})
export type PeerTask = z.infer<typeof peerTaskSchema>
export type SpanName = keyof PeerTask['readings']

const zeus = z.strictObject({
  cost: z.number(),
  cost_local: z.number().describe('where its clock shows the local time of the rate'),
  emissions_g: z.number(),
})

/** What bench/peer-cost/peers.py answers. */
export const peerFiguresSchema = z.strictObject({
  versions: z.strictObject({ codecarbon: z.string(), zeus: z.string() }),
  codecarbon: z.record(
    z.string(),
    z.strictObject({
      energy_kwh: z.number(),
      emissions_g: z.number(),
      g_per_kwh: z.number(),
      water_l: z.number(),
    }),
  ),
  zeus: z.strictObject({ stored_run: zeus, four_days: zeus }),
})
export type PeerFigures = z.infer<typeof peerFiguresSchema>

/** The question with its answers, as test/fixtures/peer-cost.json keeps them. */
export const peerCostSchema = z.strictObject({
  recorded_at: z.iso.date(),
  source: z.string(),
  task: peerTaskSchema,
  peers: peerFiguresSchema,
})

/** Our ledger of a span; its lines by name, NaN where one is null. */
export async function ourLedger(
  task: PeerTask,
  span: SpanName,
  scenario: Partial<ScenarioInput>,
): Promise<(id: string) => number> {
  const timeline = timelineOf(
    task.readings[span].map((r) => [r.from, r.to, r.joules / J_PER_KWH] as const),
  )
  const named = scenario.intensity != null && 'zone' in scenario.intensity
  const tables = named ? await intensityTables() : NO_TABLES
  const ledger = cost(timeline, scenarioOf(scenario), tables)
  return (id) =>
    (ledger.lines.find((l) => l.id === id) ?? ledger.totals[id as keyof typeof ledger.totals])
      ?.amount?.value ?? Number.NaN
}

/** What a span costs by the task's rate, in a zone's hours, with or without the adjustments of the rate. */
export async function ourMoney(
  task: PeerTask,
  span: SpanName,
  { tz, adj }: { readonly tz: string; readonly adj: boolean },
): Promise<number> {
  const energyratestructure = task.rate.energyratestructure.map((tiers) =>
    tiers.map((t) => (adj ? t : { ...t, adj: 0 })),
  )
  const { tariff } = tariffFromUrdb({ ...task.rate, energyratestructure }, { tz })
  return (await ourLedger(task, span, { pue: 1, tariff }))('electricity_energy')
}
