import type { Clock } from '../clock.ts'

/** Timers come up to a millisecond late; the last stretch is waited for turn by turn of the event loop. */
const SPIN_NS = 1_500_000

/** Waits for an instant of the run clock, within microseconds on an idle core. Resolves early when aborted. */
export function waitUntil(t_ns: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | null = null
    const done = () => {
      if (timer !== null) clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const step = () => {
      const left = t_ns - clock.now()
      if (left <= 0 || signal.aborted) done()
      else if (left > SPIN_NS) timer = setTimeout(step, Math.max(1, (left - SPIN_NS) / 1e6))
      else setImmediate(step)
    }
    signal.addEventListener('abort', done, { once: true })
    step()
  })
}
