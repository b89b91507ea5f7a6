import { lstatSync, rmSync, statSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../../analysis/schema/study.ts'

/** sun_path holds 108 bytes on Linux and 104 elsewhere, the closing zero included. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * Listens on a Unix socket that only this user can reach. A socket that is left from a killed agent is taken over;
 * one on which somebody listens, or any other file, is not.
 * @returns the absolute path
 * @throws ConfigError naming the path and the remedy
 */
export async function listenOn(server: Server, path: string): Promise<string> {
  const whole = resolve(path)
  const bytes = Buffer.byteLength(whole)
  if (bytes > MAX_PATH_BYTES)
    throw refused(
      `${whole} is ${bytes} bytes long; a socket's path takes ${MAX_PATH_BYTES}, as /tmp/llem.sock does`,
    )
  const folder = dirname(whole)
  if (!isFolder(folder))
    throw refused(
      `${whole} would lie in ${folder}, which is no folder; make it first (mkdir -p ${folder}) or give another path`,
    )
  const there = lstatSync(whole, { throwIfNoEntry: false })
  if (there && !there.isSocket())
    throw refused(`${whole} is there and no socket; give a path that is free`)
  if (there && (await isServed(whole)))
    throw refused(`${whole} is served by another agent already; give another path`)
  if (there) rmSync(whole, { force: true })
  // The mask, not a later chmod: there is no moment at which another user could connect.
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail)
      server.listen(whole, () => {
        server.off('error', fail)
        done()
      })
    })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw refused(
      `${whole} can't be made (${code}); give a path in a folder that this user can write`,
    )
  } finally {
    process.umask(mask)
  }
  return whole
}

/** One that this user may not look at may be one: listening will tell. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
  }
}

function isServed(path: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      done(true)
    })
    probe.once('error', () => done(false))
  })
}

const refused = (message: string) => new ConfigError([{ path: '--windows', message }])
