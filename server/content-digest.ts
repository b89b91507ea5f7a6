import { HttpProblem } from './problem.ts'
import { sha256 } from './store/sha256.ts'

/**
 * Checks a body against its Content-Digest (RFC 9530) and gives its SHA-256 in hexadecimal.
 * @throws HttpProblem 400 when the header is absent, not readable or of other bytes
 */
export function checkDigest(header: string | undefined, bytes: Uint8Array): string {
  const [, base64] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):/.exec(header ?? '') ?? []
  if (base64 === undefined)
    throw new HttpProblem(
      400,
      'digest_missing',
      `Content-Digest is ${header === undefined ? 'absent' : JSON.stringify(header)}; send Content-Digest: sha-256=:BASE64: of the body.`,
    )
  const told = Buffer.from(base64, 'base64').toString('hex')
  const found = sha256(bytes)
  if (told !== found)
    throw new HttpProblem(
      400,
      'digest_mismatch',
      `The body has SHA-256 ${found}, Content-Digest says ${told}: it was damaged on the way. Send it again.`,
    )
  return found
}
