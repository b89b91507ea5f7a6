import { realpathSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { CommandError } from './command-error.ts'
import { readText } from './read-file.ts'

/** What `DATABASE.lock` says of the server at work on it. The token lets programs of this user in. */
const lockSchema = z.looseObject({
  pid: z.int().positive(),
  url: z.string(),
  token: z.string().nullable(),
  started_at: z.string(),
})
export type Lock = z.infer<typeof lockSchema>

/** Beside the file itself, wherever links to it lie: by each of its names it is one database. */
export function lockPath(db: string): string {
  try {
    return `${realpathSync(db)}.lock`
  } catch {
    return `${db}.lock` // not made yet
  }
}

/**
 * Refuses to go on where another server serves the database. A lock that a dead server left is taken away.
 * @throws CommandError
 */
export async function checkLock(db: string): Promise<void> {
  const lock = readLock(db)
  if (lock === null) return
  const found = await serves(lock)
  if (found !== 'no') {
    const silent = found === 'silent' ? ', which does not respond: it is stopped, or very busy' : ''
    throw new CommandError(
      1,
      `The database ${db} is served already, by process ${lock.pid} at ${lock.url}${silent}. Use that server, or stop it first.`,
    )
  }
  rmSync(lockPath(db), { force: true })
}

/**
 * Writes the lock, readable by this user alone.
 * @returns a function that takes it away, if it is still ours
 * @throws CommandError when another server was quicker
 */
export function writeLock(db: string, lock: Lock): () => void {
  try {
    writeFileSync(lockPath(db), JSON.stringify(lock), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new CommandError(1, `Another server began to serve ${db} at the same time. Use that one.`)
  }
  return () => {
    if (readLock(db)?.pid === lock.pid) rmSync(lockPath(db), { force: true })
  }
}

function readLock(db: string): Lock | null {
  try {
    return lockSchema.parse(JSON.parse(readText(lockPath(db), 'lock')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    // Cut short by a crash, or written by another version: it names no server that we could ask.
    if (error instanceof SyntaxError || error instanceof z.ZodError) {
      rmSync(lockPath(db), { force: true })
      return null
    }
    throw error
  }
}

const ANSWER_WITHIN_MS = 2_000

/** Process ids are used again (in containers at once), so the server itself is asked. */
async function serves(lock: Lock): Promise<'yes' | 'no' | 'silent'> {
  if (lock.pid === process.pid || !isAlive(lock.pid)) return 'no'
  // Loaded when it is needed: most servers find no lock.
  const { fetch } = await import('./fetch.ts')
  try {
    const answer = await fetch(`${lock.url}/healthz`, {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
    const body = (await answer.json()) as { program?: unknown; pid?: unknown }
    return body.program === 'llem-server' && body.pid === lock.pid ? 'yes' : 'no'
  } catch (error) {
    // Alive and too busy to answer: better to leave it its database.
    return error instanceof Error && error.name === 'TimeoutError' ? 'silent' : 'no'
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
