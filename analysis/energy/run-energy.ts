import type { RunData } from '../readings/run-data.ts'
import { COMPONENTS, type ComponentName, type EnergyTimeline } from '../schema/energy-timeline.ts'
import { instantMs } from '../schema/instant.ts'
import type { Reason } from '../schema/reason.ts'
import { energyTimeline, inWholes } from './energy-timeline.ts'

/** Energy at constant power within one hour of UTC; whole microjoules, what is only modelled apart from all components. */
export interface RunEnergyHour extends Readonly<Record<`${ComponentName}_uj`, number>> {
  /** `window`: what the summary counts; `outside`: idle, load, warm-up and cool-down. */
  readonly part: 'window' | 'outside'
  /** null: the run does not tell its wall time. */
  readonly from_ms: number | null
  readonly to_ms: number | null
  readonly duration_ms: number
  readonly estimated_uj: number
}

/** All energy of a run of which it is known, as totals sum it. */
export interface RunEnergy {
  readonly run_id: string
  readonly boundary: EnergyTimeline['boundary']
  readonly boundary_partial: boolean
  readonly gpus: number
  /** Relative standard uncertainty; components taken to err together, so never too small. */
  readonly u: number
  /** Why there is none; null: there is. */
  readonly reason: Reason | null
  readonly hours: readonly RunEnergyHour[]
}

/**
 * The energy of a run by the hour: its window as the summary counts it, and what it recorded outside, within one
 * boundary. The window's joules are exactly those of the summary; the outside is the whole recording less the window.
 * Source: docs/totals.md, "What is counted".
 */
export function runEnergy(run: RunData): RunEnergy {
  const window = energyTimeline(run)
  const inside = known(window)
  const recorded = energyTimeline(run, {
    span: 'recorded',
    boundary: inside === null ? window.boundary : null,
  })
  const all = known(recorded)
  const chosen = inside === null ? window : recorded
  const hours = [
    ...(inside === null ? rowsOf(window, 'window') : []),
    ...(all === null && recorded.boundary === chosen.boundary
      ? outside(rowsOf(recorded, 'outside'), inside === null ? rowsOf(window, 'window') : [])
      : []),
  ]
  const measured = COMPONENTS.map((name) => sum(hours, `${name}_uj`))
  const whole = measured.reduce((a, b) => a + b, 0)
  return {
    run_id: run.run_id,
    boundary: chosen.boundary,
    boundary_partial: chosen.boundary_partial,
    gpus: chosen.gpus,
    u:
      whole === 0
        ? 0
        : COMPONENTS.reduce(
            (u, name, i) => u + (chosen.u[name] ?? 0) * (measured[i] as number),
            0,
          ) / whole,
    reason: hours.length > 0 ? null : (inside ?? 'not_recorded'),
    hours,
  }
}

/** null where every energy is known, else why one is not: a counter that fell back is no energy. */
function known({ intervals }: EnergyTimeline): Reason | null {
  for (const { energies } of intervals)
    for (const name of COMPONENTS) {
      const energy = energies[name]
      if (energy === undefined) continue
      if (energy.energy_uj === null) return energy.reason ?? 'not_recorded'
      if (energy.energy_uj < 0) return 'counter_reset'
    }
  return intervals.length === 0 ? 'not_recorded' : null
}

function rowsOf(timeline: EnergyTimeline, part: RunEnergyHour['part']): RunEnergyHour[] {
  return timeline.intervals.map(({ from, to, energies }) => {
    const measured = (name: ComponentName): number => {
      const energy = energies[name]
      return energy === undefined || energy.method === 'modelled' ? 0 : Number(energy.energy_uj)
    }
    const from_ms = from === null ? null : instantMs(from)
    const to_ms = to === null ? null : instantMs(to)
    return {
      part,
      from_ms,
      to_ms,
      duration_ms: from_ms === null || to_ms === null ? timeline.seconds * 1000 : to_ms - from_ms,
      gpu_uj: measured('gpu'),
      cpu_uj: measured('cpu'),
      dram_uj: measured('dram'),
      node_uj: measured('node'),
      estimated_uj: COMPONENTS.reduce((uj, name) => {
        const energy = energies[name]
        return energy?.method === 'modelled' ? uj + Number(energy.energy_uj) : uj
      }, 0),
    }
  })
}

const ENERGIES = ['gpu_uj', 'cpu_uj', 'dram_uj', 'node_uj', 'estimated_uj'] as const

const sum = (rows: readonly RunEnergyHour[], key: (typeof ENERGIES)[number]): number =>
  rows.reduce((all, r) => all + r[key], 0)

/**
 * The recording less its window, hour by hour. Two integrals over neighbouring spans may differ by a rounding: the sum is
 * kept exact and spread over the hours in which anything is left.
 */
function outside(all: readonly RunEnergyHour[], window: readonly RunEnergyHour[]): RunEnergyHour[] {
  const inHour = (hour: RunEnergyHour): RunEnergyHour[] =>
    window.filter(
      (w) =>
        hour.from_ms === null ||
        (w.from_ms !== null &&
          Math.floor(w.from_ms / MS_PER_HOUR) === Math.floor(hour.from_ms / MS_PER_HOUR)),
    )
  const inner = all.map(inHour)
  const left = new Map(
    ENERGIES.map((key) => {
      const each = all.map((h, i) => Math.max(0, h[key] - sum(inner[i] ?? [], key)))
      const whole = Math.max(0, sum(all, key) - sum(window, key))
      const weight = each.reduce((a, b) => a + b, 0)
      return [
        key,
        weight === 0
          ? each
          : inWholes(
              whole,
              each.map((e) => e / weight),
            ),
      ]
    }),
  )
  const at = (key: (typeof ENERGIES)[number], i: number): number => left.get(key)?.[i] ?? 0
  return all
    .map((hour, i) => ({
      ...hour,
      duration_ms: Math.max(
        0,
        hour.duration_ms - (inner[i] ?? []).reduce((ms, w) => ms + w.duration_ms, 0),
      ),
      gpu_uj: at('gpu_uj', i),
      cpu_uj: at('cpu_uj', i),
      dram_uj: at('dram_uj', i),
      node_uj: at('node_uj', i),
      estimated_uj: at('estimated_uj', i),
    }))
    .filter((h) => h.duration_ms > 0 || ENERGIES.some((key) => h[key] > 0))
}

const MS_PER_HOUR = 3_600_000
