import { J_PER_KWH } from '../schema/units.ts'
import { csvFields, csvRow } from './csv-fields.ts'
import type { Fault } from './importer.ts'

/** What CodeCarbon tells of its parts: kWh with its PUE taken out again, so energy of the machine itself. */
export interface CodecarbonRow {
  readonly timestamp: string | null
  readonly project_name: string | null
  readonly run_id: string | null
  /** Of the file of tasks. */
  readonly task_name: string | null
  readonly duration_s: number | null
  /** As in the file: with its PUE. */
  readonly energy_kwh: number | null
  readonly emissions_kg: number | null
  readonly pue: number
  readonly gpu_j: number | null
  readonly cpu_j: number | null
  readonly ram_j: number | null
  /** Emissions over energy: what it took a kWh for; null: no energy. */
  readonly g_per_kwh: number | null
  readonly gpu_count: number | null
  readonly gpu_model: string | null
  readonly country_iso_code: string | null
  readonly region: string | null
  readonly cells: Readonly<Record<string, string>>
  readonly faults: readonly Fault[]
}

const NEEDED = [
  'duration',
  'emissions',
  'energy_consumed',
  'cpu_energy',
  'gpu_energy',
  'ram_energy',
]

/** Whether a CSV is CodeCarbon's, by its header: the layout of runs or that of tasks. */
export const isCodecarbon = (header: readonly string[]): boolean =>
  NEEDED.every((name) => header.includes(name))

/**
 * One row of `emissions.csv`, by the names of the header.
 * @returns null for a row of another length: CodeCarbon leaves out columns that are empty when it appends, and every
 * value behind them would stand under a wrong name
 * Source: docs/importers.md, "CodeCarbon".
 */
export function codecarbonRow(
  header: readonly string[],
  cells: readonly string[],
): CodecarbonRow | null {
  const row = csvRow(header, cells)
  if (row === null) return null
  const read = csvFields(row)
  const told = read.number('pue')
  const bad = told !== null && told < 1
  const pue = told === null || bad ? 1 : told
  const faults: Fault[] = bad
    ? [{ field: 'pue', message: `is ${told}; it must be 1 or more, so no energy is taken` }]
    : []
  // Where its PUE is wrong, no share of the machine can be told.
  const joules = (name: string) => {
    const kwh = read.number(name)
    return kwh === null || bad || kwh < 0 ? null : (kwh * J_PER_KWH) / pue
  }
  const energy_kwh = read.number('energy_consumed')
  const emissions_kg = read.number('emissions')
  return {
    timestamp: read.text('timestamp'),
    project_name: read.text('project_name'),
    run_id: read.text('run_id'),
    task_name: read.text('task_name'),
    duration_s: read.number('duration'),
    energy_kwh,
    emissions_kg,
    pue,
    gpu_j: joules('gpu_energy'),
    cpu_j: joules('cpu_energy'),
    ram_j: joules('ram_energy'),
    g_per_kwh:
      emissions_kg === null || energy_kwh === null || energy_kwh <= 0
        ? null
        : (1000 * emissions_kg) / energy_kwh,
    gpu_count: read.whole('gpu_count'),
    gpu_model: read.text('gpu_model'),
    country_iso_code: read.text('country_iso_code'),
    region: read.text('region'),
    cells: row,
    faults: [...faults, ...read.faults],
  }
}
