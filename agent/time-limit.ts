/** The longest delay of Node's timers, ms: a longer one would pass at once. */
const MOST_MS = 2 ** 31 - 1

/** Seconds of a configuration as the delay of a timer: whole milliseconds, 24 days at most. */
export const timerMs = (seconds: number): number => Math.min(MOST_MS, Math.ceil(seconds * 1000))

/** Aborted after so many seconds. */
export const limitOf = (seconds: number): AbortSignal => AbortSignal.timeout(timerMs(seconds))
