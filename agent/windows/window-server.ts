import { createServer, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { createLineSplitter, MAX_LINE_BYTES } from './line-splitter.ts'
import { createOpenWindows, type OpenWindows, type WindowEvent } from './open-windows.ts'
import { listenOn } from './socket-path.ts'
import { readWindowLine } from './window-line.ts'

/** So many faulty lines are recorded one by one; the rest is counted. */
const ERRORS_RECORDED = 100
const LINE_SHOWN = 200

export interface WindowSink {
  readonly clock: Pick<Clock, 'now' | 'fromHrtime'>
  onWindow(event: WindowEvent): void
  /** A line that marks nothing, or not all that it says: a sentence, and the line as far as it can be shown. */
  onError(problem: string, line: string): void
}

/** The socket on which programs mark windows, from before the run until after it. */
export interface WindowServer {
  /** Absolute path, for LLEM_WINDOWS. */
  readonly path: string
  /** Who takes what is marked from now on; what came before is lost. */
  recordTo(sink: WindowSink): void
  /** Stops listening and removes the socket. Resolves to what was received. */
  close(): Promise<Received>
}

export interface Received {
  readonly clients: number
  readonly windows: number
  readonly open: number
  readonly errors: number
}

/** @throws ConfigError where the path can't be listened on */
export async function openWindowServer(path: string): Promise<WindowServer> {
  let sink: WindowSink | null = null
  let windows: OpenWindows | null = null
  let clients = 0
  let errors = 0
  const sockets = new Set<Socket>()

  const fault = (problem: string, line: string) => {
    errors++
    if (errors <= ERRORS_RECORDED) sink?.onError(problem, line.slice(0, LINE_SHOWN))
  }
  const take = (line: string | null, client: number) => {
    if (sink === null || windows === null) return
    if (line === null) return fault(`is longer than ${MAX_LINE_BYTES} bytes`, '')
    const read = readWindowLine(line)
    const event = typeof read === 'string' ? read : windows.take(read, client)
    if (typeof event === 'string') fault(event, line)
    else {
      sink.onWindow(event)
      if (typeof read === 'object' && 'problem' in read && read.problem !== undefined)
        fault(read.problem, line)
    }
  }

  const server = createServer((socket) => {
    const client = ++clients
    const splitter = createLineSplitter((line) => take(line, client))
    sockets.add(socket)
    socket.on('data', splitter.take)
    // A program that is killed breaks its connection; that is an end like any other.
    socket.on('error', () => {})
    socket.on('close', () => {
      splitter.end()
      windows?.clientGone(client)
      sockets.delete(socket)
    })
  })
  const whole = await listenOn(server, path)
  // Windows alone must not hold the agent: the run does.
  server.unref()

  return {
    path: whole,
    recordTo(next) {
      sink = next
      windows = createOpenWindows(next.clock)
    },
    async close() {
      // What the kernel holds already is read before the sockets go.
      await new Promise((done) => setImmediate(() => setImmediate(done)))
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => server.close(() => done()))
      const { begun = 0, open = 0 } = windows?.counts() ?? {}
      return { clients, windows: begun, open, errors }
    },
  }
}
