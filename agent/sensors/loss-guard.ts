import { type Maybe, unknown } from '../../analysis/schema/reason.ts'

/** Waits before a lost device is asked again, s. */
const FIRST_RETRY_S = 1
const LAST_RETRY_S = 30

/** Reads a device, unless it is lost: then it is left alone, and asked again from time to time. */
export interface LossGuard {
  guarded<T>(read: () => Maybe<T>): Maybe<T>
  /** The same for a reading that answers later. */
  guardedLater<T>(read: () => Promise<Maybe<T>>): Promise<Maybe<T>>
}

/** A lost device may take long to answer, so each failed try doubles the wait. */
export function createLossGuard(now_ns: () => number): LossGuard {
  let wait_s = 0
  let retry_ns = 0
  const isLeftAlone = () => wait_s > 0 && now_ns() < retry_ns
  const note = <T>(reading: Maybe<T>): Maybe<T> => {
    if (reading.reason === 'lost') {
      wait_s = wait_s === 0 ? FIRST_RETRY_S : Math.min(LAST_RETRY_S, 2 * wait_s)
      retry_ns = now_ns() + wait_s * 1e9
    } else if (reading.value !== null) wait_s = 0
    return reading
  }
  return {
    guarded: (read) => (isLeftAlone() ? unknown('lost') : note(read())),
    guardedLater: async (read) => (isLeftAlone() ? unknown('lost') : note(await read())),
  }
}
