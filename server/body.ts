import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { HttpProblem } from './problem.ts'

/** So many times the limit is still read, and dropped, of a body that is too large. */
const READ_ON = 8

/**
 * The whole body. A client that leaves before its end is no failure of this server: nobody is there to read the response,
 * and nothing is logged.
 * @throws HttpProblem 413, and 400 `body_incomplete` where the client has left
 */
export async function readBody(c: Context, limit: number): Promise<Uint8Array> {
  try {
    return await readWithin(c, limit)
  } catch (error) {
    if (error instanceof HttpProblem || !hasLeft(c)) throw error
    throw new HttpProblem(
      400,
      'body_incomplete',
      'The connection ended before the end of the body. Send it again.',
    )
  }
}

/** Node marks a message complete once its whole body has arrived; one that was cut is destroyed before. */
function hasLeft(c: Context): boolean {
  const { incoming } = c.env as HttpBindings
  return incoming.destroyed && !incoming.complete
}

/**
 * The whole body, unless it is longer than `limit` bytes: then nothing of it is kept. It is read to its end all the
 * same, within bounds, since a client that is still sending would see a broken connection in place of the answer.
 * @throws HttpProblem 413
 */
async function readWithin(c: Context, limit: number): Promise<Uint8Array> {
  const request = c.req.raw
  const declared = Number(request.headers.get('content-length') ?? Number.NaN)
  // With a declared length the HTTP parser takes no more than that.
  if (Number.isSafeInteger(declared) && declared <= limit) return readWhole(c, declared)
  const most = READ_ON * limit
  if (declared > most) throw tooLarge(`${declared} bytes`, limit)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.byteLength
    if (length <= limit) parts.push(part)
    else parts.length = 0
    if (length > most) break
  }
  if (length > limit) throw tooLarge(Number.isNaN(declared) ? 'a body' : `${declared} bytes`, limit)
  return Buffer.concat(parts)
}

/** The parts straight into one place: as a Request's they would be put together, and then copied whole once more. */
async function readWhole(c: Context, length: number): Promise<Uint8Array> {
  const { incoming } = c.env as HttpBindings
  const body = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let at = 0
  for await (const part of incoming) {
    body.set(part, at)
    at += part.length
  }
  return body.subarray(0, at)
}

const tooLarge = (what: string, limit: number) =>
  new HttpProblem(
    413,
    'too_large',
    `${what} is more than this address takes; send at most ${limit} bytes.`,
  )
