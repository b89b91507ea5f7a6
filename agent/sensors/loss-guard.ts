import { type Maybe, unknown } from '../../analysis/schema/reason.ts'
import { retryWait } from './retry-wait.ts'

/** Reads a device, unless it is lost: then it is left alone, and asked again from time to time. */
export interface LossGuard {
  guarded<T>(read: () => Maybe<T>): Maybe<T>
  /** The same for a reading that answers later. */
  guardedLater<T>(read: () => Promise<Maybe<T>>): Promise<Maybe<T>>
}

export function createLossGuard(now_ns: () => number): LossGuard {
  let wait_s = 0
  let retry_ns = 0
  const isLeftAlone = () => wait_s > 0 && now_ns() < retry_ns
  const note = <T>(reading: Maybe<T>): Maybe<T> => {
    if (reading.reason === 'lost') {
      wait_s = retryWait(wait_s)
      retry_ns = now_ns() + wait_s * 1e9
    } else if (reading.value !== null) wait_s = 0
    return reading
  }
  return {
    guarded: (read) => (isLeftAlone() ? unknown('lost') : note(read())),
    guardedLater: async (read) => (isLeftAlone() ? unknown('lost') : note(await read())),
  }
}
