import { cost } from '../analysis/cost/cost.ts'
import { startedAt } from '../analysis/cost/cost-shift.ts'
import { zoneClock } from '../analysis/cost/time-zone.ts'
import { energyTimeline } from '../analysis/energy/energy-timeline.ts'
import type { RunData } from '../analysis/readings/run-data.ts'
import type { CostLedger, RunLedger } from '../analysis/schema/cost.ts'
import type { Boundary, EnergyTimeline } from '../analysis/schema/energy-timeline.ts'
import { civilOf, instantMs } from '../analysis/schema/instant.ts'
import type { RunValidity } from '../analysis/schema/run-validity.ts'
import type { Scenario } from '../analysis/schema/scenario.ts'
import { intensityTables } from './intensity-tables.ts'
import { validityOf } from './run-validity.ts'
import type { ScenarioAsked } from './scenario-asked.ts'
import type { RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/** What of a run is costed, and when it is put. */
export interface CostOptions {
  readonly span: EnergyTimeline['span']
  /** Absent: the widest that was measured. */
  readonly boundary?: Boundary | undefined
  /** A start as an instant, or an hour of the run's own day, 0 to 23, in the tariff's zone, else UTC. */
  readonly hour?: string | undefined
}

/** A run to be costed, and whether to believe it. */
export interface CostedRun {
  readonly run: RunData
  readonly validity: RunValidity
}

/** @throws RunUnreadable */
export async function costedRun(summaries: Summaries, row: RunRow): Promise<CostedRun> {
  const { run, summary } = await summaries.withRun(row)
  return { run, validity: validityOf(row, summary) }
}

/** The energy of a run over time, as fine as the scenario's prices and factors change, and at the hour that is asked for. */
export function timelineFor(
  run: RunData,
  scenario: Scenario,
  options: CostOptions,
): EnergyTimeline {
  const { hour, span, boundary = null } = options
  const timeline = energyTimeline(run, { span, boundary, step_min: stepOf(scenario) })
  const from = timeline.intervals[0]?.from ?? null
  if (hour === undefined) return timeline
  if (from === null)
    return {
      ...timeline,
      notes: [...timeline.notes, 'So it could not be put at another hour either.'],
    }
  return startedAt(timeline, startOf(hour, instantMs(from), scenario)) ?? timeline
}

/** A run under a scenario with the published tables. */
export const costOf = async (timeline: EnergyTimeline, scenario: Scenario): Promise<CostLedger> =>
  cost(timeline, scenario, await intensityTables())

/** The ledger of a stored run under a scenario, with the run's validity and the stored scenario that it rests on. */
export async function ledgerUnder(
  { run, validity }: CostedRun,
  { scenario, ...used }: ScenarioAsked,
  options: CostOptions,
): Promise<RunLedger> {
  const ledger = await costOf(timelineFor(run, scenario, options), scenario)
  return { ...ledger, ...used, validity }
}

/** Minutes: quarters of an hour where anything changes within hours, else hours. */
function stepOf({ intensity, tariff }: Scenario): number {
  const series = intensity !== null && 'series' in intensity
  const hourly =
    tariff !== null && (tariff.periods.length > 0 || tariff.spot !== null || tariff.demand !== null)
  return series || hourly ? 15 : 60
}

function startOf(hour: string, run_ms: number, { tariff }: Scenario): number {
  if (!/^\d{1,2}$/.test(hour)) return instantMs(hour)
  const clock = zoneClock(tariff?.tz ?? 'UTC')
  const local = run_ms + clock(run_ms)
  const midnight = local - civilOf(local).minute * 60_000
  const wanted = midnight + Number(hour) * 3_600_000
  return wanted - clock(wanted - clock(run_ms))
}
