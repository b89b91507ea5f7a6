/** Things of which each serves one at a time; who comes when all are taken waits in order. */
export interface Slots<T> {
  /** @returns null when the signal is aborted before one is free */
  take(signal: AbortSignal): Promise<T | null>
  give(slot: T): void
}

export function createSlots<T>(all: readonly T[]): Slots<T> {
  const free = [...all]
  const waiting: ((slot: T) => void)[] = []
  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(null)
      const slot = free.pop()
      if (slot !== undefined) return Promise.resolve(slot)
      return new Promise((resolve) => {
        const onAbort = () => {
          waiting.splice(waiting.indexOf(serve), 1)
          resolve(null)
        }
        const serve = (next: T) => {
          signal.removeEventListener('abort', onAbort)
          resolve(next)
        }
        waiting.push(serve)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    },
    give(slot) {
      const next = waiting.shift()
      if (next === undefined) free.push(slot)
      else next(slot)
    },
  }
}
