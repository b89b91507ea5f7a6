import { HttpProblem } from './problem.ts'

/**
 * The whole body, unless it is longer than `limit` bytes: then nothing of it is kept.
 * @throws HttpProblem 413
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN)
  if (declared > limit) throw tooLarge(`${declared} bytes`, limit)
  // With a declared length the HTTP parser takes no more than that.
  if (Number.isSafeInteger(declared)) return new Uint8Array(await request.arrayBuffer())
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.byteLength
    if (length > limit) throw tooLarge('a body', limit)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** The rest of the body is not read, so the connection can't be used again, and the client has to know. */
const tooLarge = (what: string, limit: number) =>
  new HttpProblem(
    413,
    'too_large',
    `${what} is more than this address takes; send at most ${limit} bytes.`,
    { headers: { connection: 'close' } },
  )
