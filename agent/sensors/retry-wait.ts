const FIRST_RETRY_S = 1
const LAST_RETRY_S = 30

/**
 * How long a lost device is left alone before it is asked again, s. It may take long to answer, so each failed try
 * doubles the wait.
 * @param wait_s the wait before; 0: it was lost just now
 */
export const retryWait = (wait_s: number): number =>
  wait_s === 0 ? FIRST_RETRY_S : Math.min(LAST_RETRY_S, 2 * wait_s)
