import type { CostReason } from '../schema/cost.ts'
import {
  COMPONENTS,
  type ComponentName,
  type EnergyMethod,
  type EnergyTimeline,
} from '../schema/energy-timeline.ts'
import { instantMs } from '../schema/instant.ts'
import type { Scenario } from '../schema/scenario.ts'
import { J_PER_KWH, UJ_PER_J } from '../schema/units.ts'
import { rangeTerm, standardTerm, type Term } from './cost-terms.ts'

export const UJ_PER_KWH = J_PER_KWH * UJ_PER_J

/** Energy at constant power between two instants, ms since 1970; null: the run does not tell its wall time. */
export interface Piece {
  readonly from_ms: number | null
  readonly to_ms: number | null
  readonly kwh: number
}

/** IT energy of a run in the scenario, before the overhead of the site. */
export interface Draw {
  /** Measured or modelled by the run, whole microjoules. */
  readonly it_uj: bigint
  readonly it_kwh: number
  /** What the scenario adds for parts that the run did not measure. */
  readonly host_kwh: number
  /** Both, over time. */
  readonly pieces: readonly Piece[]
  readonly it_terms: readonly Term[]
  readonly host_terms: readonly Term[]
  /** Of the sum of both. */
  readonly terms: readonly Term[]
  readonly modelled: boolean
  readonly methods: readonly string[]
}

/** Relative standard uncertainty where the timeline states none. Source: docs/cost.md, "Uncertainty". */
const USUAL_U: Readonly<Record<EnergyMethod, number>> = {
  counter: 0.05,
  power_integral: 0.05,
  rapl: 0.05,
  modelled: 0.4,
}

/** The energy of a timeline, or the reason of the first component that has none. */
export function drawOf(timeline: EnergyTimeline, scenario: Scenario): Draw | CostReason {
  const { intervals } = timeline
  const sums = new Map<ComponentName, bigint>()
  const methods = new Map<ComponentName, EnergyMethod>()
  const each: bigint[] = []
  for (const { energies } of intervals) {
    let whole = 0n
    for (const name of COMPONENTS) {
      const energy = energies[name]
      if (energy === undefined) continue
      if (energy.energy_uj === null) return energy.reason ?? 'not_recorded'
      if (energy.energy_uj < 0) return 'counter_reset'
      const uj = BigInt(energy.energy_uj)
      whole += uj
      sums.set(name, (sums.get(name) ?? 0n) + uj)
      if (energy.method !== null) methods.set(name, worse(methods.get(name), energy.method))
    }
    each.push(whole)
  }
  if (sums.size === 0) return 'not_recorded'
  const it_uj = each.reduce((a, b) => a + b, 0n)
  const it_kwh = Number(it_uj) / UJ_PER_KWH
  const { host_share_w } = scenario
  const host_kwh = ((host_share_w?.value ?? 0) * timeline.seconds) / J_PER_KWH
  const it_terms = [...sums].flatMap(([name, uj]) => {
    const u = timeline.u[name] ?? USUAL_U[methods.get(name) ?? 'modelled']
    const share = it_uj === 0n ? 0 : Number(uj) / Number(it_uj)
    return u > 0 && share > 0 ? [standardTerm(`energy_${name}`, u * share)] : []
  })
  const host_terms = hostTerms(scenario)
  const all = it_kwh + host_kwh
  const scaled = (terms: readonly Term[], share: number): Term[] =>
    terms.map((t) => ({
      name: t.name,
      down: t.down * share,
      up: t.up * share,
      least: t.least * share,
      most: t.most * share,
    }))
  return {
    it_uj,
    it_kwh,
    host_kwh,
    pieces: intervals.map(({ from, to }, i) => ({
      from_ms: from === null ? null : instantMs(from),
      to_ms: to === null ? null : instantMs(to),
      kwh: Number(each[i]) / UJ_PER_KWH + host_kwh * hostShare(timeline, i),
    })),
    it_terms,
    host_terms,
    terms:
      all === 0 ? [] : [...scaled(it_terms, it_kwh / all), ...scaled(host_terms, host_kwh / all)],
    modelled: [...methods.values()].includes('modelled'),
    methods: [...methods].map(([name, method]) => `${name} by ${METHOD_WORDS[method]}.`),
  }
}

const METHOD_WORDS: Readonly<Record<EnergyMethod, string>> = {
  counter: 'energy counter',
  power_integral: 'integral of power',
  rapl: 'RAPL',
  modelled: 'model, not measured',
}

const worse = (a: EnergyMethod | undefined, b: EnergyMethod): EnergyMethod =>
  a === 'modelled' ? a : b

const hostTerms = ({ host_share_w }: Scenario): Term[] =>
  host_share_w === null ? [] : rangeTerm('host_share_w', host_share_w)

/** Constant watts: by time, where the intervals have any. */
function hostShare(timeline: EnergyTimeline, i: number): number {
  const length = ({ from, to }: EnergyTimeline['intervals'][number]): number =>
    from === null || to === null ? 0 : instantMs(to) - instantMs(from)
  const whole = timeline.intervals.reduce((sum, it) => sum + length(it), 0)
  const own = timeline.intervals[i]
  return whole === 0 || own === undefined ? 1 / timeline.intervals.length : length(own) / whole
}
