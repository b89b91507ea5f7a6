import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/**
 * Replaces an ended engine's log by the same with its lines redacted, readable by this user alone. A log that can't be
 * replaced is left: the run does not depend on it.
 */
export async function redactLog(path: string, redact: (text: string) => string): Promise<void> {
  const aside = `${path}.redacted`
  try {
    const out = await open(aside, 'w', 0o600)
    try {
      const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })
      let block: string[] = []
      const flush = async () => {
        if (block.length > 0) await out.writeFile(`${redact(block.join('\n'))}\n`)
        block = []
      }
      for await (const line of lines) if (block.push(line) >= LINES) await flush()
      await flush()
    } finally {
      await out.close()
    }
    await rename(aside, path)
  } catch {
    await rm(aside, { force: true })
  }
}

/** So many at once, so that a key of several lines is seen whole. */
const LINES = 500
