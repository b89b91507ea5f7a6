import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { makeDirectory } from '../make-directory.ts'
import { firstBytes, isFolder, WITHOUT_WAITING } from '../read-file.ts'
import { BundleError } from './bundle-error.ts'

/** What an archive may grow to: honest columns shrink by 50 or less, a bomb by 1000. */
const GROWTH = 200
const FREE_BYTES = 100_000_000
const MAX_FILES = 1_000_000

/**
 * Unpacks a .tar.gz (or .tar) into an empty folder. Every path is checked before it is written.
 * @throws BundleError for a damaged archive, a path out of the folder, links, or more bytes than an honest one holds
 */
async function unpack(archive: string, into: string): Promise<void> {
  const limit = FREE_BYTES + GROWTH * statSync(archive).size
  let bytes = 0
  let files = 0
  let fault: Error | null = null
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      try {
        if (fault !== null || entry.type === 'Directory') return void entry.resume()
        checkEntry(archive, entry)
        if (++files > MAX_FILES)
          throw new BundleError(`${archive} holds more than ${MAX_FILES} files.`)
        writeEntry(entry, join(into, entry.path))
      } catch (error) {
        fault ??= error as Error
        entry.resume()
      }
    },
  })
  parser.on('error', (error: Error) => {
    fault ??= error
  })
  try {
    for await (const part of tarBytes(archive)) {
      bytes += (part as Buffer).length
      if (bytes > limit)
        throw new BundleError(
          `${archive} unpacks to more than ${limit} bytes, far more than its size allows; it is not taken.`,
        )
      parser.write(part as Buffer)
      if (fault !== null) throw fault
    }
    parser.end()
    if (fault !== null) throw fault
  } catch (error) {
    throw inWords(archive, error)
  }
}

/** The bytes of the tar itself. Iterating it ends the file's stream too, however it ends. */
async function* tarBytes(archive: string): AsyncGenerator<Buffer> {
  const file = createReadStream(archive, { fd: openSync(archive, WITHOUT_WAITING) })
  const source: Readable = isGzip(archive) ? file.pipe(createGunzip()) : file
  file.on('error', (error) => source.destroy(error))
  try {
    yield* source as AsyncIterable<Buffer>
  } finally {
    file.destroy()
  }
}

/** Whether a file is an archive by its name, or packed and by its name not one file of results. */
const isArchive = (file: string): boolean =>
  /\.(tar|tar\.gz|tgz)$/i.test(file) ||
  (isGzip(file) && !/\.(json|jsonl|ndjson|csv)\.gz$/i.test(file))

/**
 * Works on what a path holds: an archive is unpacked for as long as that takes, all else is left where it is.
 * @throws FileError for a pipe or a device
 */
export async function withUnpacked<T>(path: string, work: (at: string) => Promise<T>): Promise<T> {
  if (isFolder(path) || !isArchive(path)) return work(path)
  const dir = mkdtempSync(join(tmpdir(), 'llem-import-'))
  try {
    await unpack(path, dir)
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function isGzip(archive: string): boolean {
  const magic = firstBytes(archive, 2)
  return magic[0] === 0x1f && magic[1] === 0x8b
}

/** Written as it comes, within the parser's own call: nothing is left open when the archive breaks off. */
function writeEntry(entry: ReadEntry, path: string): void {
  makeDirectory(dirname(path))
  const fd = openSync(path, 'wx', 0o600)
  let open = true
  const close = () => {
    if (open) closeSync(fd)
    open = false
  }
  entry.on('data', (part: Buffer) => {
    writeSync(fd, part)
  })
  entry.on('end', close)
  entry.on('error', close)
}

function checkEntry(archive: string, { path, type }: ReadEntry): void {
  if (type !== 'File' && type !== 'OldFile')
    throw new BundleError(`${archive} holds ${path}, a ${type}; a bundle holds plain files only.`)
  const parts = path.split('/')
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0') || parts.includes('..'))
    throw new BundleError(
      `${archive} holds ${JSON.stringify(path)}, a path out of the bundle; it is not taken.`,
    )
}

function inWords(archive: string, error: unknown): unknown {
  if (error instanceof BundleError) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EEXIST') return new BundleError(`${archive} holds a file twice; it is not taken.`)
  if (code === 'ENOSPC')
    return new BundleError(
      `There is no room to unpack ${archive}; free some space in the temporary folder.`,
    )
  return new BundleError(
    `${archive} can't be unpacked (${message}); it is no .tar.gz, cut short or damaged.`,
  )
}
