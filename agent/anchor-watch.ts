import type { Clock, ClockAnchor } from './clock.ts'

/** A wall clock that moved by more than this against the monotonic one was set, not slewed. */
const CLOCK_STEP_S = 0.05
/** Uptime is told in hundredths of a second: a shorter suspension could be their rounding. */
const SUSPENDED_S = 0.5

export interface AnchorWatch {
  /**
   * Takes an anchor and hands it on. Tells `suspended` where the host slept since the last one, and `clock_step`
   * where the wall clock was set besides.
   */
  take(): void
}

/**
 * Compares the clocks from anchor to anchor. Asleep, a host's monotonic clock stands while its uptime goes on, so
 * that readings lie side by side as if nothing had been; a wall clock that is set moves against both.
 */
export function watchAnchors(options: {
  readonly clock: Clock
  readonly onAnchor: (anchor: ClockAnchor) => void
  readonly onEvent: (code: string, detail: unknown) => void
}): AnchorWatch {
  const { clock, onAnchor, onEvent } = options
  let last: (ClockAnchor & { uptime_s: number }) | null = null
  return {
    take() {
      const anchor = clock.anchor()
      const uptime_s = clock.uptime_s()
      if (last !== null) {
        const wall_s = Number(BigInt(anchor.wall_unix_ns) - BigInt(last.wall_unix_ns)) / 1e9
        const awake_s = (anchor.t_ns - last.t_ns) / 1e9
        const asleep_s = uptime_s - last.uptime_s - awake_s
        const suspended = asleep_s > SUSPENDED_S
        // The wall clock tells the length of a sleep better than uptime does, unless it was set too.
        const step_s = wall_s - awake_s - (suspended ? asleep_s : 0)
        const stepped = Math.abs(step_s) > CLOCK_STEP_S
        if (suspended)
          onEvent('suspended', {
            seconds: stepped ? asleep_s : wall_s - awake_s,
            after_t_ns: last.t_ns,
            before_t_ns: anchor.t_ns,
          })
        if (stepped) onEvent('clock_step', { step_s })
      }
      last = { ...anchor, uptime_s }
      onAnchor(anchor)
    },
  }
}
