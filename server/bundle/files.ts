import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_FILE_BYTES, readBytes } from '../read-file.ts'
import { BundleError } from './bundle-error.ts'

/** A file of a bundle, by its path within it, with forward slashes. */
export interface BundleFile {
  readonly path: string
  readonly bytes: number
  read(): Uint8Array
}

/**
 * Every file under a folder, sorted by path. Links are refused: they could point anywhere.
 * @throws BundleError
 */
export function bundleFiles(dir: string): BundleFile[] {
  const files: BundleFile[] = []
  const walk = (relative: string): void => {
    for (const name of readdirSync(join(dir, relative)).sort()) {
      const path = relative === '' ? name : `${relative}/${name}`
      const full = join(dir, path)
      const stat = lstatSync(full)
      if (stat.isDirectory()) walk(path)
      else if (!stat.isFile())
        throw new BundleError(
          `${full} is a link or a special file; a bundle holds plain files only.`,
        )
      else if (stat.size > MAX_FILE_BYTES.chunk)
        throw new BundleError(
          `${full} has ${stat.size} bytes; a file of a bundle has at most ${MAX_FILE_BYTES.chunk}. Cut the stream into chunks.`,
        )
      else files.push({ path, bytes: stat.size, read: () => readBytes(full, 'chunk') })
    }
  }
  walk('')
  return files
}
