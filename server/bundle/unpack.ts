import { createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Parser, type ReadEntry } from 'tar'
import { BundleError } from './bundle-error.ts'

/** What an archive may grow to: honest columns shrink by 50 or less, a bomb by 1000. */
const GROWTH = 200
const FREE_BYTES = 100_000_000
const MAX_FILES = 1_000_000

/**
 * Unpacks a .tar.gz (or .tar) into an empty folder. Every path is checked before anything is written.
 * @throws BundleError for a damaged archive, a path out of the folder, links, or more bytes than an honest one holds
 */
export async function unpack(archive: string, into: string): Promise<void> {
  const limit = FREE_BYTES + GROWTH * statSync(archive).size
  let bytes = 0
  let files = 0
  const writing: Promise<void>[] = []
  let fault: unknown = null
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      if (fault !== null || entry.type === 'Directory') return void entry.resume()
      try {
        checkEntry(archive, entry)
        files++
        if (files > MAX_FILES)
          throw new BundleError(`${archive} holds more than ${MAX_FILES} files.`)
        const path = join(into, entry.path)
        mkdirSync(dirname(path), { recursive: true })
        entry.on('data', (part: Buffer) => {
          bytes += part.length
          if (bytes > limit)
            stop(
              new BundleError(
                `${archive} unpacks to more than ${limit} bytes, far more than its size allows; it is not taken.`,
              ),
            )
        })
        const work = pipeline(
          entry as unknown as NodeJS.ReadableStream,
          createWriteStream(path, { flags: 'wx' }),
        )
        writing.push(work.catch(stop))
      } catch (error) {
        stop(error)
        entry.resume()
      }
    },
  })
  const source = createReadStream(archive)
  const stop = (error: unknown): void => {
    fault ??= error
    source.destroy()
    parser.abort(fault as Error)
  }
  try {
    await new Promise<void>((resolve, reject) => {
      source.on('error', reject)
      source.on('close', () => fault !== null && reject(fault))
      parser.on('error', reject)
      parser.on('end', resolve)
      source.pipe(parser as unknown as NodeJS.WritableStream)
    })
    await Promise.all(writing)
  } catch (error) {
    await Promise.allSettled(writing)
    const why = fault ?? error
    if (why instanceof BundleError) throw why
    if ((why as NodeJS.ErrnoException).code === 'EEXIST')
      throw new BundleError(`${archive} holds a file twice; it is not taken.`)
    throw new BundleError(
      `${archive} can't be unpacked (${(why as Error).message}); it is no .tar.gz, cut short or damaged.`,
    )
  }
  if (fault !== null) throw fault
}

function checkEntry(archive: string, entry: ReadEntry): void {
  const { path } = entry
  if (entry.type !== 'File' && entry.type !== 'OldFile')
    throw new BundleError(
      `${archive} holds ${path}, a ${entry.type}; a bundle holds plain files only.`,
    )
  const parts = path.split('/')
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0') || parts.includes('..'))
    throw new BundleError(
      `${archive} holds ${JSON.stringify(path)}, a path out of the bundle; it is not taken.`,
    )
}
