import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../../analysis/schema/study.ts'

export interface MetricsServer {
  readonly url: string
  close(): Promise<void>
}

/** Where /metrics is served: `[HOST:]PORT`, loopback unless a host is named. @throws ConfigError */
export function readAddress(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([\da-fA-F:]+)\]|([\w.-]+)):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new ConfigError([
      {
        path: '--prometheus',
        message: `is ${JSON.stringify(text)}; it must be PORT or HOST:PORT, such as 9400 or 0.0.0.0:9400`,
      },
    ])
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
}

/** @throws ConfigError where the address can't be had */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  text: () => string,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('See /metrics.\n')
      return
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(text())
  })
  await new Promise<void>((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        new ConfigError([
          {
            path: '--prometheus',
            message: `${host}:${port} can't be listened on (${error.code}); give another port`,
          },
        ]),
      ),
    )
    server.listen(port, host, done)
  })
  const at = server.address() as AddressInfo
  return {
    url: `http://${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}/metrics`,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
