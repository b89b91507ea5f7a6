import { type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import { retryWait } from './retry-wait.ts'

/** Reads a device that may be lost. */
export interface Guard {
  /**
   * Reads, unless the GPU is lost: then it is left alone, other GPUs go on, and it is looked for by its UUID from
   * time to time.
   */
  guarded<T>(read: () => Maybe<T>): Maybe<T>
  /** The same for a reading that answers later. */
  guardedLater<T>(read: () => Promise<Maybe<T>>): Promise<Maybe<T>>
  /** How often it was found again: each time its counters begin anew. */
  returns(): number
}

/** The losses of one driver's devices. */
export interface Losses {
  guard(uuid: string, handle: NvmlHandle): Guard
}

/** A device fell off, or the driver was unloaded under it. */
const IS_LOSS: ReadonlySet<Reason | null> = new Set<Reason>(['lost', 'no_driver'])

/**
 * Watches devices that may be lost. One that is lost is looked for by its UUID, after 1 s, then after twice as long,
 * up to half a minute. Where none answers any more the driver itself may have been loaded again: then the library
 * is started anew first, which would take the handles of others away.
 */
export function watchLosses(nvml: Nvml, now_ns: () => number): Losses {
  const answering = new Set<string>()
  let restarting: Promise<unknown> | null = null
  const restart = () => {
    restarting ??= nvml.restart().finally(() => {
      restarting = null
    })
    return restarting
  }
  const find = async (uuid: string): Promise<Maybe<bigint>> => {
    if (answering.size === 0) await restart()
    return nvml.handleByUuid(uuid)
  }

  return {
    guard(uuid, handle) {
      answering.add(uuid)
      let lost: { retry_ns: number; wait_s: number; looking: boolean } | null = null
      let returns = 0
      const note = <T>(result: Maybe<T>): Maybe<T> => {
        if (IS_LOSS.has(result.reason) && lost === null) {
          answering.delete(uuid)
          const wait_s = retryWait(0)
          lost = { retry_ns: now_ns() + wait_s * 1e9, wait_s, looking: false }
        }
        return result
      }
      const look = () => {
        if (lost === null || lost.looking || now_ns() < lost.retry_ns) return
        const since = lost
        since.looking = true
        void find(uuid).then((found) => {
          since.looking = false
          if (found.value !== null) {
            handle.pointer = found.value
            answering.add(uuid)
            returns++
            lost = null
          } else {
            since.wait_s = retryWait(since.wait_s)
            since.retry_ns = now_ns() + since.wait_s * 1e9
          }
        })
      }
      return {
        guarded(read) {
          look()
          return lost === null ? note(read()) : unknown('lost')
        },
        async guardedLater(read) {
          look()
          return lost === null ? note(await read()) : unknown('lost')
        },
        returns: () => returns,
      }
    },
  }
}
