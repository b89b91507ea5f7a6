import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** What must outlive a run but is no result: $XDG_STATE_HOME/llem, by default ~/.local/state/llem. */
export function stateDir(env: Environment = process.env): string {
  return join(absolute(env['XDG_STATE_HOME']) ?? join(homedir(), '.local', 'state'), 'llem')
}

/** Where runs are recorded until a server has them: $LLEM_SPOOL, by default `spool` in the state directory. */
export function spoolDir(env: Environment = process.env): string {
  const own = env['LLEM_SPOOL']
  return own ? resolve(own) : join(stateDir(env), 'spool')
}

/** What can be fetched again (model weights): $XDG_CACHE_HOME/llem, by default ~/.cache/llem. */
export function cacheDir(env: Environment = process.env): string {
  return join(absolute(env['XDG_CACHE_HOME']) ?? join(homedir(), '.cache'), 'llem')
}

/** The XDG specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') ? path : undefined
}
