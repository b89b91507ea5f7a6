/** What one process knows of monotonic and wall time at one instant. */
export interface ClockAnchor {
  readonly t_ns: number
  /** Unix time, decimal digits: it passes 2^53. */
  readonly wall_unix_ns: string
  readonly error_ns: number
}

/** The run clock: whole nanoseconds since the agent's start of the run, on CLOCK_MONOTONIC. */
export interface Clock {
  /** Now, ns on the run clock. Exact for 104 days. */
  now(): number
  /** A reading of `process.hrtime.bigint()` (the same clock in every process of the host) on the run clock. */
  fromHrtime(hrtime_ns: bigint): number
  /** A wall time on the run clock, by the newest anchor. */
  fromWall(wall_unix_ns: bigint): number
  /** Takes an anchor: monotonic, wall, monotonic; the error is half the span. */
  anchor(): ClockAnchor
}

export function createClock(): Clock {
  const origin = process.hrtime.bigint()
  const fromHrtime = (t: bigint) => Number(t - origin)
  let newest: { t_ns: number; wall: bigint } | null = null
  const clock: Clock = {
    now: () => fromHrtime(process.hrtime.bigint()),
    fromHrtime,
    fromWall(wall_unix_ns) {
      if (newest === null) clock.anchor()
      const at = newest as unknown as { t_ns: number; wall: bigint }
      return at.t_ns + Number(wall_unix_ns - at.wall)
    },
    anchor() {
      // Of five tries the tightest: a busy core may take the process away between the two readings.
      let best: { t: bigint; wall: bigint; span: bigint } | null = null
      for (let i = 0; i < 5; i++) {
        const before = process.hrtime.bigint()
        const wall = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
        const after = process.hrtime.bigint()
        const span = after - before
        if (best === null || span < best.span) best = { t: before + span / 2n, wall, span }
      }
      const { t, wall, span } = best as { t: bigint; wall: bigint; span: bigint }
      newest = { t_ns: fromHrtime(t), wall }
      return {
        t_ns: newest.t_ns,
        wall_unix_ns: wall.toString(),
        error_ns: Math.max(Number(span / 2n), 1000),
      }
    },
  }
  return clock
}
