import { uptime } from 'node:os'

/** What one process knows of monotonic and wall time at one instant. */
export interface ClockAnchor {
  readonly t_ns: number
  /** Unix time, decimal digits: it passes 2^53. */
  readonly wall_unix_ns: string
  readonly error_ns: number
}

/** The run clock: whole nanoseconds since the agent's start of the run, on CLOCK_MONOTONIC. */
export interface Clock {
  /** Where the run clock is zero, on CLOCK_MONOTONIC: another thread's clock begins there too. */
  readonly origin_ns: bigint
  /** Now, ns on the run clock. Exact for 104 days. */
  now(): number
  /** A reading of `process.hrtime.bigint()` (the same clock in every process of the host) on the run clock. */
  fromHrtime(hrtime_ns: bigint): number
  /** A wall time on the run clock, by the newest anchor. */
  fromWall(wall_unix_ns: bigint): number
  /**
   * Takes an anchor. The wall clock is compared with the last anchor and, where it was set meanwhile,
   * measured anew. Costs under a microsecond, and up to a millisecond after a step.
   */
  anchor(): ClockAnchor
  /** Seconds since the host was started, suspension included, to a hundredth. */
  uptime_s(): number
}

/** The clocks of the operating system. */
export interface TimeSource {
  /** CLOCK_MONOTONIC, ns: on Linux it stands still while the host is suspended. */
  monotonic(): bigint
  /** Unix time in whole milliseconds, rounded down. */
  wallMs(): number
  /** Seconds since the host was started, suspension included, to a hundredth. */
  uptime_s(): number
}

const systemTime: TimeSource = {
  monotonic: () => process.hrtime.bigint(),
  wallMs: () => Date.now(),
  uptime_s: uptime,
}

const NS_PER_MS = 1_000_000n
/** A wall reading is that much too early at most; a difference beyond it and the slack is a step. */
const STEP_SLACK_NS = 2_000_000n

/**
 * @param time the clocks of the operating system; tests give their own to let the wall clock step
 * @param origin where the clock is zero, on CLOCK_MONOTONIC; a clock of another thread begins where the run's does
 */
export function createClock(time: TimeSource = systemTime, origin = time.monotonic()): Clock {
  const fromHrtime = (t: bigint) => Number(t - origin)
  // Both clocks are slewed together, so their difference is constant until somebody sets the wall clock.
  let offset = measureOffset(time)
  const stepped = (): boolean => {
    const before = time.monotonic()
    const wall = BigInt(time.wallMs()) * NS_PER_MS
    const after = time.monotonic()
    return (
      wall + NS_PER_MS + STEP_SLACK_NS < before + offset.ns ||
      wall - STEP_SLACK_NS > after + offset.ns
    )
  }
  return {
    origin_ns: origin,
    uptime_s: time.uptime_s,
    now: () => fromHrtime(time.monotonic()),
    fromHrtime,
    fromWall: (wall_unix_ns) => fromHrtime(wall_unix_ns - offset.ns),
    anchor() {
      if (stepped()) offset = measureOffset(time)
      const t = time.monotonic()
      return {
        t_ns: fromHrtime(t),
        wall_unix_ns: (t + offset.ns).toString(),
        error_ns: offset.error_ns,
      }
    },
  }
}

/**
 * Wall minus monotonic time, ns. The wall clock is read in whole milliseconds, so it waits for the next one
 * to begin (1 ms at most); of several tries the tightest, as a busy core may take the process away in between.
 * `performance.timeOrigin` would be finer, but it never sees the wall clock being set.
 */
function measureOffset(time: TimeSource): { ns: bigint; error_ns: number } {
  let best: { ns: bigint; span: bigint } | null = null
  for (let attempt = 0; attempt < 3; attempt++) {
    const first = time.wallMs()
    let before = time.monotonic()
    let wall = time.wallMs()
    let after = time.monotonic()
    const deadline = before + 5n * NS_PER_MS
    while (wall === first && after < deadline) {
      before = after
      wall = time.wallMs()
      after = time.monotonic()
    }
    const mid = before + (after - before) / 2n
    const span = after - before
    if (best === null || span < best.span) best = { ns: BigInt(wall) * NS_PER_MS - mid, span }
    if (best.span < 50_000n) break
  }
  const { ns, span } = best as { ns: bigint; span: bigint }
  return { ns, error_ns: Math.max(Number(span / 2n), 1000) }
}
