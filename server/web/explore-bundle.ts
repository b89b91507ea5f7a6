import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** Where the bundle lies, seen from the bundled program and from the sources. */
const PLACES = ['../web/explore.js', '../../dist/web/explore.js']

/**
 * The code of live charts, gzipped, as base64; null where `npm run build` has not made it.
 * @param base address of the running file, for tests
 */
export async function exploreBundle(base: string = import.meta.url): Promise<string | null> {
  for (const place of PLACES) {
    const bytes = await readFile(new URL(place, base)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (bytes !== null) return (await promisify(gzip)(bytes, { level: 9 })).toString('base64')
  }
  return null
}
