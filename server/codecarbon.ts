import {
  CODECARBON_COLUMNS,
  type CodecarbonCells,
  codecarbonCells,
  type PartEnergies,
  partEnergies,
  partsTimeline,
} from '../analysis/exporters/codecarbon-export.ts'
import type { EnergyTimeline } from '../analysis/schema/energy-timeline.ts'
import type { RunValidity } from '../analysis/schema/run-validity.ts'
import { CommandError } from './command-error.ts'
import { parseQuery } from './commands/parse-query.ts'
import { costQuerySchema, scenarioFrom } from './cost-query.ts'
import { costOf } from './cost-view.ts'
import { csvNumber, csvText } from './formats/csv.ts'
import { validityOf } from './run-validity.ts'
import { ScenarioError } from './scenario-file.ts'
import type { RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/** Where a run is put for CodeCarbon's sake, by the names of `llem-server cost`. */
export interface CodecarbonPlace {
  readonly zone?: string | undefined
  readonly g_per_kwh?: string | undefined
  readonly year?: string | undefined
  readonly pue?: string | undefined
}

export interface CodecarbonView {
  readonly cells: CodecarbonCells
  readonly parts: PartEnergies
  readonly pue: number
  readonly factor: {
    readonly g_per_kwh: number
    readonly source: string | null
    readonly year: number | null
  } | null
  readonly notes: readonly string[]
  readonly validity: RunValidity
}

/** A run in CodeCarbon's terms. @throws CommandError where the place is not one */
export async function codecarbonView(
  summaries: Summaries,
  row: RunRow,
  place: CodecarbonPlace,
  span: EnergyTimeline['span'],
  today: string,
): Promise<CodecarbonView> {
  const { run, summary } = await summaries.withRun(row)
  const timeline = partsTimeline(run, span)
  const { ledger, pue } = await placed(timeline, place, today)
  const line = ledger?.lines.find((l) => l.id === 'co2_location')
  const { host } = run
  return {
    cells: codecarbonCells(timeline, ledger, pue, {
      run_id: row.run_id,
      name: row.name,
      experiment_key: row.experiment_key,
      os: host?.os ?? null,
      cpu_count: host?.cpu_cores ?? null,
      cpu_model: host?.cpu_model ?? null,
      gpu_model: row.gpu_model,
      memory_bytes: host?.memory_bytes ?? null,
      zone: place.zone ?? null,
    }),
    validity: validityOf(row, summary),
    parts: partEnergies(timeline),
    pue,
    factor:
      line?.factor == null
        ? null
        : { g_per_kwh: line.factor.value, source: line.source, year: line.year },
    notes: [
      ...timeline.notes,
      ...(place.zone === undefined && place.g_per_kwh === undefined
        ? ['no place was named (--zone), so that emissions are empty']
        : []),
    ],
  }
}

async function placed(timeline: EnergyTimeline, place: CodecarbonPlace, today: string) {
  const said = Object.fromEntries(
    Object.entries({ ...place, pue: place.pue ?? '1' }).filter(([, v]) => v !== undefined),
  ) as Record<string, string>
  const query = parseQuery(costQuerySchema, said, 'cost')
  try {
    const scenario = scenarioFrom(query, null, today)
    const pue = scenario.pue?.value ?? 1
    const named = place.zone !== undefined || place.g_per_kwh !== undefined
    return { pue, ledger: named ? await costOf(timeline, scenario) : null }
  } catch (error) {
    if (error instanceof ScenarioError) throw new CommandError(2, error.message)
    throw error
  }
}

/** `emissions.csv` of runs. */
export const codecarbonCsv = (views: readonly CodecarbonView[]): string =>
  [
    CODECARBON_COLUMNS.join(','),
    ...views.map(({ cells }) =>
      CODECARBON_COLUMNS.map((c) => {
        const cell = cells[c]
        return typeof cell === 'number' ? csvNumber(cell) : csvText(cell)
      }).join(','),
    ),
  ]
    .map((line) => `${line}\n`)
    .join('')
