import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { EnergyChannel } from '../ffi/ioreport.ts'

/** A part of an Apple chip whose energy is told. */
export type ApplePart =
  | 'cpu'
  | 'performance_cores'
  | 'efficiency_cores'
  | 'gpu'
  | 'gpu_sram'
  | 'dram'
  | 'npu'

/** Nanojoules in a unit label. */
const NJ_PER: ReadonlyMap<string, bigint> = new Map([
  ['nJ', 1n],
  ['uJ', 1_000n],
  ['µJ', 1_000n],
  ['mJ', 1_000_000n],
  ['J', 1_000_000_000n],
])

/**
 * Which part a channel belongs to, its die taken off: a chip of two dies has each channel twice. Of the many
 * channels of the cores only the sums of clusters are taken, which hold the single cores. Names differ by chip: what is
 * not here is passed over.
 */
const PART_OF: readonly (readonly [name: RegExp, part: ApplePart])[] = [
  [/^CPU Energy$/, 'cpu'],
  [/^(PCPU|PACC\d*_CPU)$/, 'performance_cores'],
  [/^(ECPU|EACC\d*_CPU)$/, 'efficiency_cores'],
  [/^GPU Energy$/, 'gpu'],
  [/^GPU SRAM(\d+(_\d+)?)?$/, 'gpu_sram'],
  [/^DRAM(\d+(_\d+)?)?$/, 'dram'],
  [/^ANE(\d+(_\d+)?)?$/, 'npu'],
]

function partOf(name: string): ApplePart | null {
  const own = name.replace(/^DIE_\d+_/, '')
  return PART_OF.find(([pattern]) => pattern.test(own))?.[1] ?? null
}

/**
 * The parts' energy in µJ, the dies' channels added. A part of which one channel can't be read has none: half of a sum
 * is no sum.
 */
export function energyOfParts(
  channels: readonly EnergyChannel[],
): ReadonlyMap<ApplePart, Maybe<number>> {
  const sums = new Map<ApplePart, Maybe<bigint>>()
  for (const { name, unit, value } of channels) {
    const part = partOf(name)
    if (part === null) continue
    const sum = sums.get(part) ?? known(0n)
    sums.set(part, sum.value === null ? sum : added(sum.value, value, NJ_PER.get(unit)))
  }
  return new Map([...sums].map(([part, nj]) => [part, microjoules(nj)]))
}

function added(sum_nj: bigint, value: bigint, nj: bigint | undefined): Maybe<bigint> {
  if (nj === undefined) return unknown('unsupported')
  // A counter that was set back, by sleep say, lies below its first reading.
  return value < 0n ? unknown('counter_reset') : known(sum_nj + value * nj)
}

const microjoules = (nj: Maybe<bigint>): Maybe<number> =>
  nj.value === null ? nj : known(Number(nj.value) / 1000)
