import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** Why a file can't be taken; the message goes on after its name: `is a pipe; ...`. */
export class FileError extends Error {
  /** The system's code, or what the file is instead of a plain one; `too_large`. */
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'FileError'
    this.code = code
  }
}

/** The most that is read of a file, in bytes, by what it holds. */
export const MAX_FILE_BYTES = {
  /** A study; the largest of ours has 2 kB. */
  configuration: 262_144,
  /** A file of this program's own state: a lock, calibrations. */
  state: 16_777_216,
} as const
export type FileKind = keyof typeof MAX_FILE_BYTES

/** `-`: standard input. */
const STDIN = '-'

/**
 * The text of a file that a person names. Only a plain file is opened, without waiting, and no more of it is read than
 * its kind may hold, whatever size the system states. `-` reads standard input, as far as the same bound.
 * @throws FileError
 */
export function readText(path: string, kind: FileKind): string {
  const most = MAX_FILE_BYTES[kind]
  if (path === STDIN) return bytesOf(0, most).toString('utf8')
  const fd = openPlain(path)
  try {
    const { size } = fstatSync(fd)
    if (size > most) throw tooLarge(most, size)
    return bytesOf(fd, most).toString('utf8')
  } catch (error) {
    throw asFileError(error)
  } finally {
    closeSync(fd)
  }
}

/**
 * Refuses what is no plain file: opening a pipe would wait for its writer, and reading a device has no end.
 * @throws FileError
 */
export function checkPlain(path: string): void {
  try {
    refuseSpecial(statSync(path))
  } catch (error) {
    throw asFileError(error)
  }
}

/** @throws FileError */
function openPlain(path: string): number {
  checkPlain(path)
  let fd: number
  try {
    // It may have been replaced meanwhile: a pipe is then opened without waiting, and refused.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw asFileError(error)
  }
  try {
    refuseSpecial(fstatSync(fd))
    return fd
  } catch (error) {
    closeSync(fd)
    throw asFileError(error)
  }
}

function refuseSpecial(stat: Stats): void {
  if (stat.isFile()) return
  if (stat.isDirectory()) throw new FileError('EISDIR', 'is a folder; give the name of a file')
  if (stat.isFIFO()) throw new FileError('pipe', 'is a pipe; give a plain file')
  if (stat.isSocket()) throw new FileError('socket', 'is a socket; give a plain file')
  throw new FileError('device', 'is a device; give a plain file')
}

/** Up to the file's end, or the bound: one byte more is a file that is too large. */
function bytesOf(fd: number, most: number): Buffer {
  const parts: Buffer[] = []
  let length = 0
  for (;;) {
    const part = Buffer.allocUnsafe(Math.min(65_536, most + 1 - length))
    const n = readSome(fd, part)
    if (n === 0) return Buffer.concat(parts, length)
    parts.push(part.subarray(0, n))
    length += n
    if (length > most) throw tooLarge(most)
  }
}

const PAUSE_MS = 20

/** Standard input that does not wait (a terminal's, shared with a shell) is read again until something comes. */
function readSome(fd: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, into, 0, into.length, null)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN' || fd !== 0) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
    }
  }
}

const tooLarge = (most: number, size: number | null = null) =>
  new FileError(
    'too_large',
    size === null
      ? `has more than ${most} bytes, the most that is read of such a file`
      : `has ${size} bytes; at most ${most} are read of such a file`,
  )

function asFileError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof FileError || typeof code !== 'string') return error
  return new FileError(code, `can't be read (${code}); check the path and its permissions`)
}
