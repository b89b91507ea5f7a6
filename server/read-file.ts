import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** Why a file can't be taken; the message goes on after its name: `is a pipe; ...`. */
export class FileError extends Error {
  readonly path: string
  /** The system's code, or what the file is instead of a plain one; `too_large`. */
  readonly code: string
  constructor(path: string, code: string, message: string) {
    super(message)
    this.name = 'FileError'
    this.path = path
    this.code = code
  }
}

/** The most that is read of a file, in bytes, by what it holds. */
export const MAX_FILE_BYTES = {
  /** A scenario with a year of hourly rows has 0.5 MB. */
  scenario: 16_777_216,
  sites: 16_777_216,
  /** A rate of the Utility Rate Database. */
  tariff: 16_777_216,
  /** A series of intensities or prices: a year of minutes, and CodeCarbon's emissions.csv. */
  csv: 67_108_864,
  /** Parsed JSON takes several times its text; a longer file is a mistake or an attack. */
  result: 256_000_000,
  /** SQLite's largest value is a little under 1 GiB. */
  chunk: 1_000_000_000,
  /** submission.json, and the numbers that it states. */
  submission: 67_108_864,
  lock: 65_536,
} as const
export type FileKind = keyof typeof MAX_FILE_BYTES

/**
 * A file that a person names. Only a plain file is opened, without waiting, and no more of it is read than its kind may
 * hold, whatever size the system states.
 * @throws FileError
 */
export function readBytes(path: string, kind: FileKind): Uint8Array {
  const most = MAX_FILE_BYTES[kind]
  return withPlain(path, (fd, size) => {
    if (size > most) throw tooLarge(path, most, size)
    return bytesOf(path, fd, size, most)
  })
}

/**
 * The first bytes of a file, or all where it is shorter.
 * @throws FileError
 */
export function firstBytes(path: string, count: number): Uint8Array {
  return withPlain(path, (fd) => {
    const into = Buffer.alloc(count)
    return into.subarray(0, readSync(fd, into, 0, count, 0))
  })
}

/** @throws FileError */
export const readText = (path: string, kind: FileKind): string =>
  new TextDecoder().decode(readBytes(path, kind))

/**
 * Refuses what is no plain file: opening a pipe would wait for its writer, and reading a device has no end.
 * @throws FileError
 */
export function checkPlain(path: string): void {
  try {
    refuseSpecial(path, statSync(path))
  } catch (error) {
    throw asFileError(path, error)
  }
}

/**
 * Refuses what is neither a plain file nor a folder.
 * @returns whether it is a folder
 * @throws FileError
 */
export function isFolder(path: string): boolean {
  try {
    const stat = statSync(path)
    if (stat.isDirectory()) return true
    refuseSpecial(path, stat)
    return false
  } catch (error) {
    throw asFileError(path, error)
  }
}

/** Opened without waiting: a file that was replaced by a pipe meanwhile is seen then, and refused. */
export const WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK

/** @throws FileError */
function withPlain<T>(path: string, work: (fd: number, size: number) => T): T {
  checkPlain(path)
  let fd: number | null = null
  try {
    fd = openSync(path, WITHOUT_WAITING)
    const stat = fstatSync(fd)
    refuseSpecial(path, stat)
    return work(fd, stat.size)
  } catch (error) {
    throw asFileError(path, error)
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

function refuseSpecial(path: string, stat: Stats): void {
  if (stat.isFile()) return
  const [code, what] = stat.isDirectory()
    ? ['EISDIR', 'is a folder; give the name of a file']
    : stat.isFIFO()
      ? ['pipe', 'is a pipe; give a plain file']
      : stat.isSocket()
        ? ['socket', 'is a socket; give a plain file']
        : ['device', 'is a device; give a plain file']
  throw new FileError(path, code as string, what as string)
}

const PART_BYTES = 65_536

/** Up to the file's end, or the bound: one byte more is a file that is too large. The stated size is a first guess. */
function bytesOf(path: string, fd: number, size: number, most: number): Uint8Array {
  let into = Buffer.allocUnsafeSlow(Math.min(size, most) + 1)
  let length = 0
  for (;;) {
    const n = readSync(fd, into, length, into.length - length, null)
    length += n
    if (length > most) throw tooLarge(path, most)
    if (n === 0) return into.subarray(0, length)
    if (length < into.length) continue
    const more = Buffer.allocUnsafeSlow(Math.min(most + 1, 2 * into.length + PART_BYTES))
    into.copy(more, 0, 0, length)
    into = more
  }
}

const tooLarge = (path: string, most: number, size: number | null = null) =>
  new FileError(
    path,
    'too_large',
    size === null
      ? `has more than ${most} bytes, the most that is read of such a file`
      : `has ${size} bytes; at most ${most} are read of such a file`,
  )

function asFileError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof FileError || typeof code !== 'string') return error
  return new FileError(path, code, `can't be read (${code}); check the path and its permissions`)
}
