/** A timer may fire this much before its time; that is on time. */
const EARLY_NS = 1e6

/** Times start + k × period, for good: a late reading moves none of the later ones. */
export interface Schedule {
  start(now_ns: number): void
  /** When the next reading is due, ns on the run clock. */
  next_ns(): number
  /** Null before the time; at the time or after it, how many readings were missed since the last one. */
  isDue(now_ns: number): { readonly missed: number } | null
}

export function createSchedule(period_ns: number): Schedule {
  let origin = 0
  let k = 1
  return {
    start(now_ns) {
      origin = now_ns
      k = 1
    },
    next_ns: () => origin + k * period_ns,
    isDue(now_ns) {
      const reached = Math.floor((now_ns + EARLY_NS - origin) / period_ns)
      if (reached < k) return null
      const missed = reached - k
      k = reached + 1
      return { missed }
    },
  }
}
