import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { HttpProblem } from './problem.ts'

/** So many times the limit is still read, and dropped, of a body that is too large. */
const READ_ON = 8
/** Room for most chunks of readings at once; a longer body gets room as its bytes come, whatever its header claims. */
const FIRST_BYTES = 256 * 1024

/**
 * The whole body, unless it is longer than `limit` bytes: then nothing of it is kept.
 * @throws HttpProblem 413, and 400 `body_incomplete` where the client has left
 */
export async function readBody(c: Context, limit: number): Promise<Uint8Array> {
  const most = Math.min(declaredBytes(c) ?? limit, limit)
  let body = room(Math.min(most, FIRST_BYTES))
  let at = 0
  await eachPart(c, limit, (part) => {
    const end = at + part.byteLength
    if (end > body.byteLength) {
      const grown = room(Math.max(end, Math.min(most, 2 * body.byteLength)))
      grown.set(body.subarray(0, at))
      body = grown
    }
    body.set(part, at)
    at = end
  })
  return body.subarray(0, at)
}

/**
 * Gives the parts of the body to `take` as they come, up to `limit` bytes together. A longer one is read to its end all
 * the same, within bounds, since a client that is still sending would see a broken connection in place of the response.
 * @returns the length in bytes
 * @throws HttpProblem 413, also where only the last parts are too many: what was taken before is to be dropped
 */
export async function eachPart(
  c: Context,
  limit: number,
  take: (part: Uint8Array) => void | Promise<void>,
): Promise<number> {
  const declared = declaredBytes(c)
  const most = READ_ON * limit
  if (declared !== null && declared > most) throw tooLarge(`${declared} bytes`, limit)
  let length = 0
  for await (const part of partsOf(c)) {
    length += part.byteLength
    if (length <= limit && (declared ?? 0) <= limit) await take(part)
    if (length > most) break
  }
  if (length > limit) throw tooLarge(declared === null ? 'a body' : `${declared} bytes`, limit)
  return length
}

/** Straight from the connection: as a Request's they would be put together, and then copied whole once more. */
async function* partsOf(c: Context): AsyncGenerator<Uint8Array> {
  const { incoming } = c.env as HttpBindings
  try {
    for await (const part of incoming) yield part as Uint8Array
  } catch (error) {
    if (hasLeft(c)) throw clientLeft()
    throw error
  }
}

function declaredBytes(c: Context): number | null {
  const declared = Number(c.req.header('content-length') ?? Number.NaN)
  return Number.isSafeInteger(declared) && declared >= 0 ? declared : null
}

/** Memory of its own, so that it can be given to another thread. */
const room = (bytes: number): Uint8Array => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)

/** Node marks a message complete once its whole body has arrived; one that was cut is destroyed before. */
function hasLeft(c: Context): boolean {
  const { incoming } = c.env as HttpBindings
  return incoming.destroyed && !incoming.complete
}

/** A client that leaves before the end is no failure of this server: nobody reads this, and nothing is logged. */
const clientLeft = () =>
  new HttpProblem(
    400,
    'body_incomplete',
    'The connection ended before the end of the body. Send it again.',
  )

const tooLarge = (what: string, limit: number) =>
  new HttpProblem(
    413,
    'too_large',
    `${what} is more than this address takes; send at most ${limit} bytes.`,
  )
