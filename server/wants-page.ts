import type { Context } from 'hono'
import { accepts } from 'hono/accepts'

const PROGRAM = 'application/problem+json'

/**
 * Whether a person is to read the response: a browser that opens an address names text/html. Programs name JSON, or
 * take anything.
 */
export const wantsPage = (c: Context): boolean =>
  accepts(c, {
    header: 'Accept',
    supports: [PROGRAM, 'application/json', 'text/html'],
    default: PROGRAM,
  }) === 'text/html'
