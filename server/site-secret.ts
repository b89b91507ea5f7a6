import { randomBytes, randomUUID } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Hide, siteHide } from '../analysis/schema/redacted.ts'
import { CommandError } from './command-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** There is no secret of this site, and none can be made; what would have to be redacted is not stored. */
export class SiteSecretError extends CommandError {}

/** Shorter ones can be found by trying. */
const LEAST = 16

/**
 * What stands for a value that is not stored, under the secret of this site: `LLEM_SITE_SECRET`, or the file
 * `site-secret` in the state directory, which is made when it is first needed. Nothing is read before a value is
 * redacted. The agent does the same (agent/site-secret.ts).
 * @throws SiteSecretError, when a value is redacted, where there is no secret and none can be made
 */
export const hideOfSite = (env: Environment = process.env): Hide => siteHide(() => siteSecret(env))

function siteSecret(env: Environment): string {
  const given = env['LLEM_SITE_SECRET']
  if (given !== undefined && given !== '') {
    if (given.length >= LEAST) return given
    throw refuse(
      'LLEM_SITE_SECRET',
      `is shorter than ${LEAST} characters; make one with: openssl rand -hex 32`,
    )
  }
  const path = join(stateDir(env), 'site-secret')
  try {
    return read(path) ?? made(path)
  } catch (error) {
    if (error instanceof SiteSecretError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw refuse(
      path,
      `can't be read or made (${code}); it keeps redacted values apart. Set XDG_STATE_HOME to a folder of yours, or LLEM_SITE_SECRET`,
    )
  }
}

/** null: there is none yet. */
function read(path: string): string | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (text.length < LEAST)
    throw refuse(
      path,
      `holds no secret of at least ${LEAST} characters; restore it from a backup, or remove it to begin a new one`,
    )
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  return text
}

/** Linked into place, so that of two programs that begin at once both use what came first, and nobody sees half of it. */
function made(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const aside = `${path}.${randomUUID()}`
  const file = openSync(aside, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(32).toString('hex')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  try {
    linkSync(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
  return read(path) as string
}

const refuse = (path: string, message: string) => new SiteSecretError(2, `${path} ${message}.`)

/** $XDG_STATE_HOME/llem, by default ~/.local/state/llem, as the agent has it. */
function stateDir(env: Environment): string {
  const given = env['XDG_STATE_HOME']
  const base = given?.startsWith('/') ? given : join(homedir(), '.local', 'state')
  return join(base, 'llem')
}
