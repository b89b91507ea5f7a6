import type { TimeSource } from '../../agent/clock.ts'

/** The clocks of the operating system, by hand: each reading takes 100 ns, and the rest is up to the test. */
export interface HandClocks {
  readonly time: TimeSource
  pass(ms: number): void
  /** Sets the wall clock. */
  step(ms: number): void
  /** Suspends the host: the wall clock and the time since its start go on, the monotonic clock stands. */
  suspend(ms: number): void
  /** The wall clock now, ns. */
  wall(): bigint
}

export function handClocks(): HandClocks {
  let mono = 5_000_000_000n
  let offset = 1_700_000_000_000_000_000n
  let suspended = 0n
  return {
    time: {
      monotonic() {
        mono += 100n
        return mono
      },
      wallMs: () => Number((mono + offset) / 1_000_000n),
      uptime_s: () => Number((mono + suspended) / 10_000_000n) / 100,
    },
    pass(ms) {
      mono += BigInt(Math.round(ms * 1e6))
    },
    step(ms) {
      offset += BigInt(ms) * 1_000_000n
    },
    suspend(ms) {
      offset += BigInt(ms) * 1_000_000n
      suspended += BigInt(ms) * 1_000_000n
    },
    wall: () => mono + offset,
  }
}
