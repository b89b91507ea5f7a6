import type { Clock, ClockAnchor } from './clock.ts'

/** A wall clock that moved by more than this against the monotonic one was set, not slewed. */
const CLOCK_STEP_NS = 50e6

export interface AnchorWatch {
  /** Takes an anchor, hands it on, and tells `clock_step` where the wall clock was set since the last one. */
  take(): void
}

export function watchAnchors(options: {
  readonly clock: Clock
  readonly onAnchor: (anchor: ClockAnchor) => void
  readonly onEvent: (code: string, detail: unknown) => void
}): AnchorWatch {
  let last: ClockAnchor | null = null
  return {
    take() {
      const anchor = options.clock.anchor()
      if (last !== null) {
        const wall_ns = Number(BigInt(anchor.wall_unix_ns) - BigInt(last.wall_unix_ns))
        const step_ns = wall_ns - (anchor.t_ns - last.t_ns)
        if (Math.abs(step_ns) > CLOCK_STEP_NS)
          options.onEvent('clock_step', { step_s: step_ns / 1e9 })
      }
      last = anchor
      options.onAnchor(anchor)
    },
  }
}
