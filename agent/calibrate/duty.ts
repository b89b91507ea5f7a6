/** One turn of work and rest lasts between these, s: unlike any sensor's period, so that none falls in step with it. */
const TURN_S = { least: 0.3, most: 0.7 } as const

/** Lets work fill a share of the time. */
export interface Duty {
  /** Share of the time from now on: 0 rests, 1 never does. */
  set(level: number): void
  /** Resolves when the work has failed, with why. */
  readonly failed: Promise<Error>
  /** Resolves when the turn that runs has ended. */
  stop(): Promise<void>
}

/**
 * Turns of work and rest, of lengths drawn at random.
 * @param work works for so many seconds  @param random a number in [0, 1)
 */
export function createDuty(work: (seconds: number) => Promise<void>, random: () => number): Duty {
  let level = 0
  let stopped = false
  let wake = () => {}
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const rest = (seconds: number | null) =>
    new Promise<void>((done) => {
      const timer = seconds === null ? null : setTimeout(done, seconds * 1000)
      wake = () => {
        if (timer) clearTimeout(timer)
        done()
      }
    })
  const turns = async () => {
    while (!stopped) {
      if (level === 0) {
        await rest(null)
        continue
      }
      const turn_s = TURN_S.least + (TURN_S.most - TURN_S.least) * random()
      await work(level * turn_s)
      if (level < 1 && !stopped) await rest((1 - level) * turn_s)
    }
  }
  const ended = turns().catch((error: unknown) =>
    fail(error instanceof Error ? error : new Error(String(error))),
  )
  return {
    set(next) {
      level = next
      wake()
    },
    failed,
    async stop() {
      stopped = true
      wake()
      await ended
    },
  }
}
