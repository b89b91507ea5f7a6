import { open } from 'node:fs/promises'

/** Writes a file for this user alone. One that is there is replaced, and narrowed where it is ours. */
export async function writePrivate(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    const stat = await file.stat()
    // Another user's file keeps its rights: they are that user's to give.
    if (stat.isFile() && (stat.mode & 0o077) !== 0) await file.chmod(0o600).catch(() => undefined)
    await file.writeFile(content)
  } finally {
    await file.close()
  }
}
