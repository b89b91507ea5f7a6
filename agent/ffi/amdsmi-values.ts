import { flag, type Generation, generationOf, VERSION, VIOLATION } from './amdsmi-layout.ts'

export interface EnergyCount {
  /** Counter × resolution, to the whole µJ. */
  readonly energy_uj: number
  /** µJ that one step of the counter stands for. */
  readonly resolution_uj: number
}

/** What holds a processor back at the moment; null: the library does not know. */
export type Violations = { readonly [name in keyof typeof VIOLATION]: boolean | null }

/** Which library this is. */
export interface LibraryVersion {
  readonly version: string
  /** null: a library whose structures are not known here. Its power is then not read. */
  readonly generation: Generation | null
  /** True where the library bears only one call at a time, so that none is made beside the event loop. */
  readonly serialised: boolean
}

/** Below 26.2 calls must not overlap. */
const FREE_THREADED = { generation: 26, minor: 2 } as const

/** A library of an unknown generation is treated as one that bears no overlapping calls. */
export function versionIn(out: Buffer): LibraryVersion {
  const word = out.readUInt32LE(VERSION.generation)
  const generation = generationOf(word)
  const at = VERSION[generation ?? 26]
  const [major, minor, release] = [at.major, at.minor, at.release].map((o) => out.readUInt32LE(o))
  return {
    version: `${generation === 24 || generation === 25 ? `${word}.` : ''}${major}.${minor}.${release}`,
    generation,
    serialised: generation !== FREE_THREADED.generation || (minor ?? 0) < FREE_THREADED.minor,
  }
}

/** null where the library knows no count, or not what a step of it stands for. */
export function energyCount(count: number | null, resolution_uj: number): EnergyCount | null {
  if (count === null || !(resolution_uj > 0)) return null
  return { energy_uj: Math.round(count * resolution_uj), resolution_uj }
}

/** Whole °C; null where the reading is all ones of 16 or more bits. */
export function celsius(out: Buffer): number | null {
  const value = Number(out.readBigInt64LE())
  return value < 0 || value >= 0xffff ? null : value
}

/** null where it knows nothing of any. */
export function violationsIn(out: Buffer): Violations | null {
  const read = (name: keyof typeof VIOLATION) => flag(out, VIOLATION[name])
  const all: Violations = {
    active_processor_hot: read('active_processor_hot'),
    active_package_power: read('active_package_power'),
    active_socket_thermal: read('active_socket_thermal'),
    active_regulator_thermal: read('active_regulator_thermal'),
    active_memory_thermal: read('active_memory_thermal'),
  }
  return Object.values(all).every((v) => v === null) ? null : all
}

export const times = (value: number | null, factor: number): number | null =>
  value === null ? null : value * factor
