import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerError } from './server-error.ts'

/** A server started by this process, living as long as it does. */
export interface ServerChild {
  readonly url: string
  readonly pid: number
  running(): boolean
  /** Closes its standard input, by which it ends; TERM after 10 s, KILL after 5 more. */
  stop(): Promise<void>
}

/** The embedded server did not come up. `exit_code`: its own, where it ended by itself. */
export class ServerStartError extends ServerError {
  readonly exit_code: number | null
  constructor(detail: string, exit_code: number | null) {
    const kind = exit_code === 2 ? 'config' : 'failed'
    super({ status: null, code: 'not_started', detail, retry: false, kind })
    this.exit_code = exit_code
  }
}

const START_MS = 30_000

/**
 * Starts a server and waits for its line `{"listening": URL}` on standard output. Its standard input stays open
 * as long as this process lives, however it ends.
 * @param token handed over in the environment: the command line can be read by everyone
 * @throws ServerStartError with the end of what it said on standard error
 */
export async function startServer(command: readonly string[], token: string): Promise<ServerChild> {
  const [program, ...args] = command as [string, ...string[]]
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LLEM_TOKEN: token },
    // Ctrl-C in the terminal goes to every process of the group: the server must still take what the agent sends.
    detached: true,
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096)
  })
  // Writing nothing, we still hear when the other end goes.
  child.stdin.on('error', () => undefined)
  const exited = new Promise<{ how: string }>((resolve) => {
    child.once('error', (error) => resolve({ how: error.message }))
    child.once('close', (code, signal) => resolve({ how: signal ?? `exit ${code}` }))
  })
  const timeout = new AbortController()
  const answer = await Promise.race([
    listeningUrl(child.stdout).then(async (url) => url ?? (await exited)),
    exited,
    sleep(START_MS, { how: `no answer in ${START_MS / 1000} s` }, { signal: timeout.signal }),
  ]).finally(() => timeout.abort())
  if (typeof answer !== 'string') {
    child.kill('SIGKILL')
    throw new ServerStartError(
      `The embedded server did not start (${answer.how})${said.trim() ? `: ${said.trim()}` : '.'}`,
      child.exitCode,
    )
  }
  child.stdout.resume()
  const running = () => child.exitCode === null && child.signalCode === null
  return {
    url: answer,
    pid: child.pid as number,
    running,
    async stop() {
      if (!running()) return
      const closed = once(child, 'exit')
      child.stdin.end()
      for (const [signal, ms] of [
        ['SIGTERM', 10_000],
        ['SIGKILL', 5_000],
      ] as const) {
        const waiting = new AbortController()
        const late = sleep(ms, 'late', { signal: waiting.signal }).catch(() => 'late')
        const how = await Promise.race([closed, late])
        waiting.abort()
        if (how !== 'late') return
        child.kill(signal)
      }
      await closed
    },
  }
}

/** The address in the first line that is JSON and has one; null when the output ends without. */
async function listeningUrl(stdout: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface({ input: stdout })) {
    try {
      const { listening } = JSON.parse(line) as { listening?: unknown }
      if (typeof listening === 'string') return listening
    } catch {
      // Not the line that is waited for.
    }
  }
  return null
}
