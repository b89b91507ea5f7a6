import { energyTimeline } from '../energy/energy-timeline.ts'
import type { RunData } from '../readings/run-data.ts'
import type { CostLedger } from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import { J_PER_KWH, UJ_PER_J } from '../schema/units.ts'

/** Columns of CodeCarbon's `emissions.csv`, in its order. */
export const CODECARBON_COLUMNS = [
  ...['timestamp', 'project_name', 'run_id', 'experiment_id', 'duration', 'emissions'],
  ...['emissions_rate', 'cpu_power', 'gpu_power', 'ram_power', 'cpu_energy', 'gpu_energy'],
  ...['ram_energy', 'energy_consumed', 'water_consumed', 'country_name', 'country_iso_code'],
  ...['region', 'cloud_provider', 'cloud_region', 'os', 'python_version', 'codecarbon_version'],
  ...['cpu_count', 'cpu_model', 'gpu_count', 'gpu_model', 'longitude', 'latitude'],
  ...['ram_total_size', 'tracking_mode', 'cpu_utilization_percent', 'gpu_utilization_percent'],
  ...['ram_utilization_percent', 'ram_used_gb', 'on_cloud', 'pue', 'wue'],
] as const
export type CodecarbonColumn = (typeof CODECARBON_COLUMNS)[number]

const COMPONENTS = [
  ['gpu', 'gpu'],
  ['cpu', 'cpu'],
  ['ram', 'dram'],
] as const

/** Energy of one of CodeCarbon's parts, J of the machine; how: as its sensor gives it, or why there is none. */
export interface PartEnergy {
  readonly energy_j: number | null
  readonly how: string
}
export type PartEnergies = Readonly<Record<'gpu' | 'cpu' | 'ram', PartEnergy>>

/** The parts that CodeCarbon counts, each by itself: where the host was not measured, the GPUs still stand. */
export function partsTimeline(run: RunData, span: EnergyTimeline['span']): EnergyTimeline {
  const gpu = energyTimeline(run, { span, boundary: 'gpu' })
  const cpu = energyTimeline(run, { span, boundary: 'cpu' })
  if (gpu.gpus === 0) return cpu
  const host = cpu.intervals.every((i) =>
    Object.values(i.energies).every((e) => e.energy_uj !== null),
  )
  if (!host || cpu.intervals.length !== gpu.intervals.length) return gpu
  return {
    ...gpu,
    boundary: 'gpu+cpu',
    intervals: gpu.intervals.map((interval, i) => ({
      ...interval,
      energies: { ...cpu.intervals[i]?.energies, ...interval.energies },
    })),
    u: { ...cpu.u, ...gpu.u },
    notes: [...new Set([...gpu.notes, ...cpu.notes])],
  }
}

export function partEnergies(timeline: EnergyTimeline): PartEnergies {
  const of = (name: 'gpu' | 'cpu' | 'dram'): PartEnergy => {
    const told = timeline.intervals.flatMap((i) => i.energies[name] ?? [])
    const [first] = told
    if (first === undefined) return { energy_j: null, how: 'not_recorded' }
    const values = told.map((e) => e.energy_uj)
    if (values.includes(null)) return { energy_j: null, how: first.reason ?? 'not_recorded' }
    const energy_uj = values.reduce<number>((a, b) => a + Number(b), 0)
    return { energy_j: energy_uj / UJ_PER_J, how: first.method ?? 'not_recorded' }
  }
  return Object.fromEntries(COMPONENTS.map(([theirs, ours]) => [theirs, of(ours)])) as PartEnergies
}

/** What a row says of the run beside its energy. */
export interface CodecarbonFacts {
  readonly run_id: string
  readonly name: string | null
  readonly experiment_key: string | null
  readonly os: string | null
  readonly cpu_count: number | null
  readonly cpu_model: string | null
  readonly gpu_model: string | null
  readonly memory_bytes: number | null
  readonly zone: string | null
}

export type CodecarbonCells = Readonly<Record<CodecarbonColumn, string | number | null>>

/**
 * A run as a row of `emissions.csv`: energies in kWh and powers with the PUE in them, as CodeCarbon 3.3 writes both,
 * emissions in kg. What we don't know is empty, never 0.
 * @param ledger of the same timeline; null: no place was named, then there are no emissions
 * Source: docs/importers.md, "CodeCarbon".
 */
export function codecarbonCells(
  timeline: EnergyTimeline,
  ledger: CostLedger | null,
  pue: number,
  facts: CodecarbonFacts,
): CodecarbonCells {
  const parts = partEnergies(timeline)
  const seconds = timeline.seconds > 0 ? timeline.seconds : null
  const kwh = (j: number | null) => (j === null ? null : (j / J_PER_KWH) * pue)
  const watts = (j: number | null) => (j === null || seconds === null ? null : (j / seconds) * pue)
  const known = Object.values(parts).flatMap((p) => p.energy_j ?? [])
  const grams = ledger?.lines.find((l) => l.id === 'co2_location')?.amount?.value ?? null
  const kg = grams === null ? null : grams / 1000
  const cells: Partial<Record<CodecarbonColumn, string | number | null>> = {
    // Theirs is local and without a zone; ours UTC.
    timestamp: timeline.intervals.at(-1)?.to?.slice(0, 19) ?? null,
    project_name: facts.name,
    run_id: facts.run_id,
    experiment_id: facts.experiment_key,
    duration: seconds,
    emissions: kg,
    emissions_rate: kg === null || seconds === null ? null : kg / seconds,
    cpu_power: watts(parts.cpu.energy_j),
    gpu_power: watts(parts.gpu.energy_j),
    ram_power: watts(parts.ram.energy_j),
    cpu_energy: kwh(parts.cpu.energy_j),
    gpu_energy: kwh(parts.gpu.energy_j),
    ram_energy: kwh(parts.ram.energy_j),
    energy_consumed: known.length === 0 ? null : kwh(known.reduce((a, b) => a + b, 0)),
    region: facts.zone,
    os: facts.os,
    cpu_count: facts.cpu_count,
    cpu_model: facts.cpu_model,
    gpu_count: timeline.gpus,
    gpu_model: facts.gpu_model === null ? null : `${timeline.gpus} x ${facts.gpu_model}`,
    ram_total_size: facts.memory_bytes === null ? null : facts.memory_bytes / 2 ** 30,
    tracking_mode: 'machine',
    pue,
  }
  return Object.fromEntries(CODECARBON_COLUMNS.map((c) => [c, cells[c] ?? null])) as CodecarbonCells
}
