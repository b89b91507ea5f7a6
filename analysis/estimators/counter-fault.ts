import type { Reason } from '../schema/reason.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { EnergySource } from './energy-source.ts'

/** What a counter can show that is no energy, with the reason that its joules then are null. */
export const COUNTER_FAULTS = {
  fell: 'counter_reset',
  full: 'stale',
  zero: 'stale',
  still: 'stale',
} as const satisfies Readonly<Record<string, Reason>>
export type CounterFault = keyof typeof COUNTER_FAULTS

interface Counted {
  readonly t_ns: readonly number[]
  readonly value: readonly number[]
  /** NaN where the counter fell without wrapping. */
  readonly step_j: readonly number[]
  /** Whether it moved since the reading before. */
  readonly moved: readonly boolean[]
}

/**
 * Why a counter's readings from the first to the last index are no energy: it fell and did not wrap; it stands at the most that it or
 * a register can hold; it reads zero, which drivers write for unknown; it stood still for 20 of its refreshes. null: none of these.
 * Source: docs/metrics.md, "Validity", counter_reset and counter_stalled.
 */
export function counterFault(
  source: Pick<EnergySource, 'range' | 'period_ns'>,
  counted: Counted,
  first: number,
  last: number,
): CounterFault | null {
  const { t_ns, value, step_j, moved } = counted
  let since = t_ns[first] as number
  let still = false
  for (let i = first + 1; i <= last; i++) {
    if (Number.isNaN(step_j[i])) return 'fell'
    if (moved[i]) since = t_ns[i] as number
    else if ((t_ns[i] as number) - since >= THRESHOLDS.counter_stalled_refreshes * source.period_ns)
      still = true
  }
  const read = value.slice(first, last + 1)
  if (read.some((v) => isFull(v, source.range))) return 'full'
  if (read.length > 1 && read.every((v) => v === 0)) return 'zero'
  return still ? 'still' : null
}

/** All bits of a register of 32 or 64 set (as a double the latter is 2^64), or the end of the declared range. */
const isFull = (value: number, range: number | null): boolean =>
  value === 2 ** 32 - 1 || value >= 2 ** 63 || (range !== null && value >= range)
