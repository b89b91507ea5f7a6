import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file for reading and writing that has no name any more: it is gone with the last process that holds it open. */
export async function temporaryFile(): Promise<FileHandle> {
  const dir = await mkdtemp(join(tmpdir(), 'llem-import-'))
  try {
    return await open(join(dir, 'file'), 'wx+', 0o600)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
