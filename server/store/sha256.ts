import { createHash } from 'node:crypto'

/** SHA-256 as 64 hexadecimal digits, by the native library: a chunk of megabytes must not hold up the next. */
export const sha256 = (data: Uint8Array | string): string =>
  createHash('sha256').update(data).digest('hex')
