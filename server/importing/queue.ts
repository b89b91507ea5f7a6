import { HttpProblem } from '../problem.ts'
import { optionOf } from './limits.ts'

const MOST_WAITING = 8
const RETRY_AFTER_S = 10

export interface Place {
  /** Resolves when it is this one's turn. @throws what the signal was aborted for */
  turn(signal: AbortSignal): Promise<void>
  /** Lets the next one begin. To be called once, however the import ended. */
  leave(): void
}

/** Some imports at once; some more wait, in the order in which their bodies were there. */
export interface ImportQueue {
  /** @throws HttpProblem 503 imports_busy, with Retry-After */
  enter(): Place
}

export function createImportQueue(at_once: number): ImportQueue {
  let inside = 0
  let running = 0
  const waiting: (() => void)[] = []
  return {
    enter() {
      if (inside >= at_once + MOST_WAITING)
        throw new HttpProblem(
          503,
          'imports_busy',
          `${inside} imports are under way, and no more may wait. Nothing was imported; send it again in ${RETRY_AFTER_S} s, or start the server with a higher ${optionOf('at_once')}.`,
          { headers: { 'retry-after': String(RETRY_AFTER_S) } },
        )
      inside++
      let runs = false
      return {
        async turn(signal) {
          signal.throwIfAborted()
          if (running >= at_once)
            await new Promise<void>((resolve, reject) => {
              const leave = () => {
                waiting.splice(waiting.indexOf(begin), 1)
                reject(signal.reason)
              }
              const begin = () => {
                signal.removeEventListener('abort', leave)
                resolve()
              }
              signal.addEventListener('abort', leave, { once: true })
              waiting.push(begin)
            })
          else running++
          runs = true
        },
        leave() {
          inside--
          if (!runs) return
          // The turn goes on to the next one, if there is one.
          const next = waiting.shift()
          if (next) next()
          else running--
        },
      }
    },
  }
}
