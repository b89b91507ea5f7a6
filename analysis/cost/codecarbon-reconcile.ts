import type { CodecarbonRow } from '../importers/codecarbon-row.ts'
import { J_PER_KWH } from '../schema/units.ts'

export const CODECARBON_COMPONENTS = ['gpu', 'cpu', 'ram'] as const
export type CodecarbonComponent = (typeof CODECARBON_COMPONENTS)[number]

/** Ours of the same program: joules of the machine, null where nothing here measured them. */
export interface OurFigures {
  readonly energy_j: Readonly<Record<CodecarbonComponent, number | null>>
  readonly pue: number
  /** null: no factor of ours, then theirs is used and grams differ by energy alone. */
  readonly g_per_kwh: number | null
}

/** One step from our figure to theirs: how much it adds at the site, and its grams. */
export interface ReconcileLine {
  readonly line: CodecarbonComponent | 'pue' | 'factor' | 'remainder'
  readonly ours: number | null
  readonly theirs: number | null
  readonly unit: 'J' | '1' | 'g/kWh' | 'kWh'
  readonly delta_kwh: number
  readonly delta_g: number | null
  readonly words: string
}

export interface Reconciliation {
  readonly ours_kwh: number
  readonly theirs_kwh: number
  readonly ours_g: number | null
  readonly theirs_g: number | null
  readonly lines: readonly ReconcileLine[]
}

const WORDS: Readonly<Record<CodecarbonComponent, string>> = {
  gpu: 'joules of the GPUs: edges of the window, refresh of the counter, GPUs that are counted',
  cpu: 'joules of the processor: the whole package, or a share of its rated power where its counter can’t be read',
  ram: 'joules of memory: a constant by the number of modules, not measured',
}

/**
 * From our energy and emissions to CodeCarbon's, step by step in a fixed order: the joules of each part at our PUE and
 * our factor, then its PUE, its factor, and what its own columns leave over. The steps add up to the difference.
 * @returns null where it tells no energy
 * Source: docs/importers.md, "Reconciled with CodeCarbon".
 */
export function reconcileCodecarbon(
  theirs: CodecarbonRow,
  ours: OurFigures,
): Reconciliation | null {
  if (theirs.energy_kwh === null) return null
  const told = { gpu: theirs.gpu_j, cpu: theirs.cpu_j, ram: theirs.ram_j }
  const g = ours.g_per_kwh ?? theirs.g_per_kwh
  const grams = (kwh: number) => (g === null ? null : kwh * g)
  const lines: ReconcileLine[] = CODECARBON_COMPONENTS.map((line) => {
    const delta_kwh = (((told[line] ?? 0) - (ours.energy_j[line] ?? 0)) / J_PER_KWH) * ours.pue
    const one = ours.energy_j[line] === null ? 'not measured here; ' : ''
    return {
      line,
      ours: ours.energy_j[line],
      theirs: told[line],
      unit: 'J',
      delta_kwh,
      delta_g: grams(delta_kwh),
      words: `${one}${WORDS[line]}`,
    }
  })
  const it_kwh = sum(CODECARBON_COMPONENTS.map((c) => told[c] ?? 0)) / J_PER_KWH
  const pue_kwh = it_kwh * (theirs.pue - ours.pue)
  lines.push({
    line: 'pue',
    ours: ours.pue,
    theirs: theirs.pue,
    unit: '1',
    delta_kwh: pue_kwh,
    delta_g: grams(pue_kwh),
    words: 'energy of the building on top of the machine’s',
  })
  const remainder_kwh = theirs.energy_kwh - it_kwh * theirs.pue
  lines.push({
    line: 'remainder',
    ours: null,
    theirs: theirs.energy_kwh,
    unit: 'kWh',
    delta_kwh: remainder_kwh,
    delta_g: grams(remainder_kwh),
    words: 'what its columns of parts don’t add up to: it rounds each step',
  })
  const theirs_g = theirs.emissions_kg === null ? null : 1000 * theirs.emissions_kg
  const factor_g = theirs_g === null || g === null ? null : theirs_g - theirs.energy_kwh * g
  lines.push({
    line: 'factor',
    ours: ours.g_per_kwh,
    theirs: theirs.g_per_kwh,
    unit: 'g/kWh',
    delta_kwh: 0,
    delta_g: factor_g,
    words: 'grams of a kWh: another year, basis or place; its own is emissions over energy',
  })
  const ours_kwh =
    (sum(CODECARBON_COMPONENTS.map((c) => ours.energy_j[c] ?? 0)) / J_PER_KWH) * ours.pue
  return { ours_kwh, theirs_kwh: theirs.energy_kwh, ours_g: grams(ours_kwh), theirs_g, lines }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
