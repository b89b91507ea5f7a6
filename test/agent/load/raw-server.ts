import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'

/** What the server does with one request: bytes after delays, then it closes (end), cuts (reset) or keeps the connection. */
export interface Script {
  readonly steps: readonly (readonly [delay_ms: number, bytes: string | Uint8Array])[]
  readonly after?: 'end' | 'reset' | 'keep' | 'hang'
}

export interface RawServer {
  readonly base_url: string
  readonly port: number
  /** Bodies of the requests, in order. */
  readonly bodies: string[]
  /** Wall-independent stamps (hrtime) of each step's write of the last request. */
  readonly written: bigint[]
  readonly connections: () => number
  close(): Promise<void>
}

/** A TCP server that replays scripts byte by byte: frameworks merge writes and would hide what is tested. */
export async function rawServer(scriptOf: (i: number, body: string) => Script): Promise<RawServer> {
  const bodies: string[] = []
  const written: bigint[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let buffered = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk])
      for (;;) {
        const head = buffered.indexOf('\r\n\r\n')
        if (head < 0) return
        const length = Number(
          /content-length: (\d+)/i.exec(buffered.toString('latin1', 0, head))?.[1] ?? 0,
        )
        if (buffered.length < head + 4 + length) return
        const body = buffered.toString('utf8', head + 4, head + 4 + length)
        buffered = buffered.subarray(head + 4 + length)
        bodies.push(body)
        void replay(socket, scriptOf(bodies.length - 1, body))
      }
    })
  })
  async function replay(socket: Socket, script: Script): Promise<void> {
    written.length = 0
    for (const [delay_ms, bytes] of script.steps) {
      if (delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, delay_ms))
      written.push(process.hrtime.bigint())
      socket.write(bytes)
    }
    // Written bytes must arrive before the reset.
    if (script.after === 'reset') setTimeout(() => socket.resetAndDestroy(), 20)
    else if ((script.after ?? 'end') === 'end') socket.end()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    base_url: `http://127.0.0.1:${port}/v1`,
    port,
    bodies,
    written,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

export const SSE_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n'

/** A stream sent with no length: the connection's end is the body's end. */
export function sse(
  ...parts: readonly (string | Uint8Array | readonly [number, string | Uint8Array])[]
): Script {
  return {
    steps: [
      [0, SSE_HEAD],
      ...parts.map((p) => (Array.isArray(p) ? p : [0, p]) as [number, string | Uint8Array]),
    ],
  }
}

/** One HTTP chunk of a chunked body. */
export function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

export const text = (t: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, text: t, finish_reason: finish }] })}\n\n`
export const usage = (prompt: number, completion: number): string =>
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } })}\n\n`
export const DONE = 'data: [DONE]\n\n'
