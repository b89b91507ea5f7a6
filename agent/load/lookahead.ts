import type { PlannedRequest, RequestSource } from './load.ts'
import type { Payload } from './payload.ts'

export interface Prepared {
  readonly planned: PlannedRequest
  readonly payload: Payload
}

/**
 * The next requests of one purpose, made ahead of their time: building a long prompt must not delay its sending.
 * @param depth how many are kept ready
 */
export function createLookahead(
  source: RequestSource,
  purpose: 'warmup' | 'measure',
  payloadOf: (planned: PlannedRequest) => Payload,
  depth: number,
): () => Promise<Prepared> {
  const ready: Promise<Prepared>[] = []
  let made = 0
  const make = async (i: number): Promise<Prepared> => {
    const planned = await source.request(purpose, i)
    return { planned, payload: payloadOf(planned) }
  }
  const fill = () => {
    while (ready.length < depth) {
      const next = make(made++)
      // Its failure is told to whoever takes it.
      next.catch(() => {})
      ready.push(next)
    }
  }
  fill()
  return () => {
    const next = ready.shift() as Promise<Prepared>
    // Not now: the taken one is to be sent first.
    setImmediate(fill)
    if (ready.length === 0) fill()
    return next
  }
}
