import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RUN_ID } from './sample-run.ts'
import { register, type Served, served } from './served.ts'

describe('a client that leaves while it sends', () => {
  let server: Served
  beforeAll(async () => {
    server = await served()
    await register(server.api)
  })
  afterAll(() => server.close())

  const CHUNK = `/api/v1/runs/${RUN_ID}/chunks?process_id=p0&stream=sample&seq=0`
  /** Requests that ended so far, by any status. */
  const ended = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const counts = text.matchAll(/method="POST",status="\d+"\} (\d+)/g)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  it.each([
    ['POST', CHUNK, 'content-length: 1000'],
    ['POST', CHUNK, 'transfer-encoding: chunked'],
    // Longer than the limit, so that it is read on and dropped.
    ['POST', CHUNK, 'content-length: 40000000'],
    ['POST', '/api/v1/runs', 'content-length: 1000'],
    ['POST', `/api/v1/runs/${RUN_ID}/seal`, 'content-length: 1000'],
    ['POST', '/api/v1/import', 'transfer-encoding: chunked'],
  ])('%s %s with %s leaves no line in the log', async (method, path, length) => {
    const before = await ended()
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const part = length.startsWith('transfer') ? '5\r\nabcde\r\n' : 'abcde'
    socket.write(
      `${method} ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\naccept: */*\r\n${length}\r\n\r\n${part}`,
    )
    // Sent after it and answered: the server has begun to read.
    await fetch(`${server.url}/healthz`)
    socket.destroy()
    await expect.poll(ended).toBe(before + 1)
    expect(server.log).toEqual([])
  })
})
