import type { Clock } from '../clock.ts'
import type { WindowLine } from './window-line.ts'

/** A stamp may lie this much after our own clock: both are the same clock, read on two cores. */
const AHEAD_NS = 1e6

export interface WindowEvent {
  readonly t_ns: number
  readonly code: 'window_begin' | 'window_end'
  readonly detail: Readonly<Record<string, unknown>>
}

interface OpenWindow {
  /** Unique in the run, whatever ids its programs use. */
  readonly number: number
  /** Null when the client that began it has gone. */
  client: number | null
}

/**
 * Which windows are open, by the ids that their programs gave them. Each client has its own ids; a window whose client
 * has gone (a shell that sends each line by itself) can be ended by any other.
 */
export interface OpenWindows {
  /** The event to record, or a sentence that says why there is none. */
  take(line: WindowLine, client: number): WindowEvent | string
  clientGone(client: number): void
  /** How many were begun, and how many of them are open. */
  counts(): { readonly begun: number; readonly open: number }
}

export function createOpenWindows(clock: Pick<Clock, 'now' | 'fromHrtime'>): OpenWindows {
  const byId = new Map<string, OpenWindow[]>()
  let begun = 0
  let open = 0

  /** The program's own stamp, else the time of arrival: then the agent's delay is in it. */
  const stampOf = (t_ns: number | null | undefined): { t_ns: number; by: string } | string => {
    const now = clock.now()
    if (t_ns == null) return { t_ns: now, by: 'agent' }
    const given = clock.fromHrtime(BigInt(Math.round(t_ns)))
    if (given < 0 || given > now + AHEAD_NS)
      return `has t_ns ${t_ns}, which lies ${given < 0 ? 'before the start of the run' : 'in the future'}; it must be this host's CLOCK_MONOTONIC in ns (time.monotonic_ns(), process.hrtime.bigint())`
    return { t_ns: given, by: 'program' }
  }

  const begin = (line: Extract<WindowLine, { begin: string }>, client: number) => {
    const stamp = stampOf(line.t_ns)
    if (typeof stamp === 'string') return stamp
    const known = byId.get(idKey(line.id)) ?? []
    if (known.some((w) => w.client === client))
      return `begins ${JSON.stringify(line.id)}, which is open already; give each window an id of its own`
    const number = ++begun
    open++
    byId.set(idKey(line.id), [...known, { number, client }])
    const detail = {
      name: line.begin,
      id: number,
      own_id: line.id,
      client,
      stamped_by: stamp.by,
      ...(line.attributes ? { attributes: line.attributes } : {}),
    }
    return { t_ns: stamp.t_ns, code: 'window_begin' as const, detail }
  }

  const end = (line: Extract<WindowLine, { end: unknown }>, client: number) => {
    const stamp = stampOf(line.t_ns)
    if (typeof stamp === 'string') return stamp
    const known = byId.get(idKey(line.end)) ?? []
    const window =
      known.find((w) => w.client === client) ?? known.findLast((w) => w.client === null)
    if (window === undefined)
      return `ends ${JSON.stringify(line.end)}, which is not open; begin it first`
    const rest = known.filter((w) => w !== window)
    if (rest.length === 0) byId.delete(idKey(line.end))
    else byId.set(idKey(line.end), rest)
    open--
    const detail = {
      id: window.number,
      stamped_by: stamp.by,
      ...(line.tokens == null ? {} : { tokens: line.tokens }),
      ...(line.requests == null ? {} : { requests: line.requests }),
    }
    return { t_ns: stamp.t_ns, code: 'window_end' as const, detail }
  }

  return {
    take: (line, client) => ('begin' in line ? begin(line, client) : end(line, client)),
    clientGone(client) {
      for (const windows of byId.values())
        for (const w of windows) if (w.client === client) w.client = null
    },
    counts: () => ({ begun, open }),
  }
}

/** 1 and "1" are unlike ids. */
const idKey = (id: string | number): string => JSON.stringify(id)
