import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { syncDirectory, writeDurably } from '../durable-file.ts'
import { makeDirectories } from '../make-directory.ts'
import { EngineError } from './engine.ts'

export interface FileIdentity {
  readonly sha256: string
  readonly bytes: number
}

/**
 * SHA-256 and size of a file. A hash once taken is remembered beside the cache by path, size and time of change,
 * since hashing a large model takes longer than loading it.
 */
export async function identify(path: string, cacheDir: string): Promise<FileIdentity> {
  const { size } = await stat(path)
  const known = await readFile(await memoOf(path, cacheDir), 'utf8').catch(() => '')
  if (/^[0-9a-f]{64}$/.test(known)) return { sha256: known, bytes: size }
  const sha256 = await hashOf(path)
  await remember(path, sha256, cacheDir)
  return { sha256, bytes: size }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function memoOf(path: string, cacheDir: string): Promise<string> {
  const { size, mtimeMs } = await stat(path)
  const key = createHash('sha256').update(`${path}\n${size}\n${mtimeMs}`).digest('hex')
  return join(cacheDir, 'hashes', key)
}

async function remember(path: string, sha256: string, cacheDir: string): Promise<void> {
  const memo = await memoOf(path, cacheDir)
  makeDirectories(join(cacheDir, 'hashes'))
  await writeDurably(memo, sha256, `${memo}.${randomUUID()}`)
}

/**
 * Puts a file into the cache so that it is there whole or not at all, whoever else does the same: `fill` writes to a
 * name of its own, the result is checked and renamed.
 * @param expected null: any content
 * @throws EngineError (failed) when the content is not what was expected or the cache can't be written; what `fill` throws
 */
export async function install(
  path: string,
  cacheDir: string,
  expected: FileIdentity | null,
  fill: (temp: string) => Promise<void>,
): Promise<FileIdentity> {
  const temp = join(cacheDir, `.${basename(path)}.${randomUUID()}`)
  try {
    makeDirectories(cacheDir)
    await fill(temp)
    const { size } = await stat(temp)
    if (expected !== null && size !== expected.bytes)
      throw new EngineError(
        'failed',
        `${basename(path)} came with ${size} bytes instead of ${expected.bytes}`,
      )
    const sha256 = await hashOf(temp)
    if (expected !== null && sha256 !== expected.sha256)
      throw new EngineError(
        'failed',
        `${basename(path)} came with SHA-256 ${sha256} instead of ${expected.sha256}`,
      )
    await rename(temp, path)
    await syncDirectory(cacheDir)
    await remember(path, sha256, cacheDir)
    return { sha256, bytes: size }
  } catch (error) {
    throw cacheFault(error, cacheDir)
  } finally {
    await rm(temp, { force: true }).catch(() => {})
  }
}

/** What the file system refuses, in words; anything else as it is. */
function cacheFault(error: unknown, cacheDir: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error instanceof EngineError || code === undefined || syscall === undefined) return error
  const remedy =
    code === 'ENOSPC' ? 'free some space there' : 'make it a directory that this user can write'
  return new EngineError(
    'failed',
    `The weights can't be written to ${cacheDir} (${code}); ${remedy}, set XDG_CACHE_HOME to another place, or give model.path a file`,
  )
}
