import { BURST_LENGTHS_MS, BURST_LOADS, type BurstLoad } from '../../analysis/schema/bursts.ts'
import type { KernelName } from './kernels.ts'

/** What is asked of `doctor --bursts`. */
export interface BurstPlan {
  /** UUID of the GPU, or the unique beginning of one; null: the first that bursts can be made on. */
  readonly device: string | null
  readonly loads: readonly BurstLoad[]
  readonly lengths_ms: readonly number[]
  /** Bursts of each load and length. */
  readonly repeat: number
  /** null: the kernel that draws most on this card. */
  readonly kernel: KernelName | null
}

export const REPEAT = { usual: 20, full: 50 } as const

/** Long ones first: they bring the card to its working temperature. */
export const planned = (given: Partial<BurstPlan>): BurstPlan => ({
  device: null,
  loads: BURST_LOADS,
  lengths_ms: [...BURST_LENGTHS_MS].reverse(),
  repeat: REPEAT.usual,
  kernel: null,
  ...given,
})

/** Waits around a burst, s; the random part lets the sensors' own periods fall on it in every way. */
export const WAIT_S = {
  /** From a burst to the reading of the counter: what lags has come in, and the counter has moved. */
  settle: 0.4,
  settle_random: 0.15,
  /** From that reading to the next burst. */
  quiet: 0.15,
  quiet_random: 0.1,
  /** Until the counter steps, in the middle. */
  step: 0.06,
} as const

/** About how long all bursts take, s. */
export function expectedSeconds({ loads, lengths_ms, repeat }: BurstPlan): number {
  const wait_s =
    WAIT_S.settle + WAIT_S.settle_random / 2 + WAIT_S.quiet + WAIT_S.quiet_random / 2 + WAIT_S.step
  const round_s = lengths_ms.reduce((sum, ms) => sum + ms / 1000 + wait_s, 0)
  return loads.length * repeat * round_s
}
