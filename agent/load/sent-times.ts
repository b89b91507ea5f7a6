import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Clock } from '../clock.ts'

/** What undici tells of one request while it goes out. */
export interface SentObserver {
  /** The last byte of the body was given to the socket. */
  onSent(t_ns: number): void
  /** On which connection: true when it carried a request before. */
  onConnection(reused: boolean): void
}

export interface SentTimes {
  /** Runs `dispatch`, and reports what becomes of the request that it creates. */
  observe(observer: SentObserver, dispatch: () => void): void
  close(): void
}

/**
 * Times of sending, from undici's diagnostics channels: only they say when the last body byte left.
 * A request is created within the call of dispatch, so the call ties it to its observer.
 */
export function createSentTimes(clock: Clock): SentTimes {
  const observers = new WeakMap<object, SentObserver>()
  const used = new WeakSet<object>()
  let creating: SentObserver | null = null
  const onCreate = (message: unknown) => {
    if (creating !== null) observers.set((message as { request: object }).request, creating)
  }
  const onSent = (message: unknown) => {
    const t_ns = clock.now()
    observers.get((message as { request: object }).request)?.onSent(t_ns)
  }
  const onHeaders = (message: unknown) => {
    const { request, socket } = message as { request: object; socket: object }
    const observer = observers.get(request)
    if (observer === undefined) return
    observer.onConnection(used.has(socket))
    used.add(socket)
  }
  const channels = [
    ['undici:request:create', onCreate],
    ['undici:request:bodySent', onSent],
    ['undici:client:sendHeaders', onHeaders],
  ] as const
  for (const [name, listener] of channels) subscribe(name, listener)
  return {
    observe(observer, dispatch) {
      creating = observer
      try {
        dispatch()
      } finally {
        creating = null
      }
    },
    close() {
      for (const [name, listener] of channels) unsubscribe(name, listener)
    },
  }
}
