import {
  createServer as createPlain,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

/** A server on this machine that answers as a device would; the test may change its mind at any time. */
export interface HttpDouble {
  readonly url: string
  /** What was asked for, with method and query, in order. */
  readonly asked: readonly string[]
  readonly headers: readonly IncomingMessage['headers'][]
  answer(by: Answer): void
  close(): Promise<void>
}
/** JSON for an object, the text itself for a string; a number alone is a status. Nothing: no answer ever comes. */
export type Answer = (
  path: string,
  response: ServerResponse,
) => object | string | number | undefined

export interface DoubleOptions {
  /** A Unix socket to listen on, instead of a free port. */
  readonly socketPath?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

export async function httpDouble(first: Answer, options: DoubleOptions = {}): Promise<HttpDouble> {
  let by = first
  const asked: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const sockets = new Set<Socket>()
  const listener: RequestListener = (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    headers.push(request.headers)
    const said = by(request.url ?? '', response)
    if (said === undefined || response.headersSent) return
    if (typeof said === 'number') response.writeHead(said).end()
    else response.end(typeof said === 'string' ? said : JSON.stringify(said))
  }
  const server: Server = options.tls ? createSecure(options.tls, listener) : createPlain(listener)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((done) =>
    options.socketPath
      ? server.listen(options.socketPath, done)
      : server.listen(0, '127.0.0.1', done),
  )
  const port = options.socketPath ? 0 : (server.address() as AddressInfo).port
  return {
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    asked,
    headers,
    answer(next) {
      by = next
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}
