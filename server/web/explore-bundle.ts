import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** Where the bundle lies, seen from the bundled program and from the sources. */
const PLACES = ['../web/explore.js', '../../dist/web/explore.js']

export interface ExploreBundle {
  /** Gzipped, as base64: how it lies in a page. */
  readonly packed: string
  /** The script itself: what a page's policy names by its hash. */
  readonly script: string
}

/**
 * The code of live charts; null where `npm run build` has not made it.
 * @param base address of the running file, for tests
 */
export async function exploreBundle(base: string = import.meta.url): Promise<ExploreBundle | null> {
  for (const place of PLACES) {
    const bytes = await readFile(new URL(place, base)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (bytes === null) continue
    const packed = (await promisify(gzip)(bytes, { level: 9 })).toString('base64')
    return { packed, script: bytes.toString('utf8') }
  }
  return null
}
