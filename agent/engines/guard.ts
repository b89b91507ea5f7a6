import { spawn } from 'node:child_process'

// Ends with the agent's side of the pipe, however the agent ended.
const SCRIPT = 'read line; kill -s TERM -- "-$1"; sleep 5; kill -s KILL -- "-$1"'

/**
 * Watches over a process group from outside: should the agent be killed, an engine that knows nothing of it must
 * not hold a GPU for ever.
 * @returns what ends the watch
 */
export function guardGroup(pgid: number): () => void {
  const guard = spawn('sh', ['-c', SCRIPT, 'llem-guard', String(pgid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  return () => guard.kill('SIGKILL')
}
