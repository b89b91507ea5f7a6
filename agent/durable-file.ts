import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectories } from './make-directory.ts'

/**
 * Writes a file so that after any crash it is whole or absent: a temporary file on the same file system, fsync,
 * rename, fsync of the directory. Returns when the bytes are durable.
 * @param temp path of the temporary file; removed when writing fails
 * @throws the system's error (ENOSPC, EACCES, ...)
 */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  temp: string,
): Promise<void> {
  try {
    const file = await open(temp, 'w', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temp, path)
  } catch (error) {
    await rm(temp, { force: true }).catch(() => undefined)
    throw error
  }
  await syncDirectory(dirname(path))
}

/** Makes a directory and those above it, each entry durable. */
export async function makeDirectory(path: string): Promise<void> {
  for (const made of makeDirectories(path, 0o700)) await syncDirectory(dirname(made))
}

/** A new name in a directory is durable only when the directory itself is. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
