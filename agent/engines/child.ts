import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectories } from '../make-directory.ts'
import { EngineError } from './engine.ts'
import { isGroupAlive, signalGroup } from './process-group.ts'

export interface ChildOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Where its log is kept. */
  readonly stateDir: string
  readonly name: string
  /** Pipes to speak with it by stdin and stdout; else stdout goes to the log too. */
  readonly talks: boolean
}

/** A process that was started, in a group of its own: Ctrl-C in the terminal is for the agent alone. */
export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  readonly logPath: string
  /** The log's last lines. */
  tail(): string
  /** How it ended, in words: `exit code 1`, `SIGKILL`. */
  readonly exited: Promise<string>
  /** TERM to the whole group, KILL after 5 s, and waits no longer than 5 s more. `log`: remove keeps no log of a good end. */
  stop(log: 'keep' | 'remove'): Promise<void>
}

const STOP_MS = 5_000
const POLL_MS = 25
const TAIL_CHARS = 2_000

/** @throws EngineError (config) when the program can't be run */
export async function startChild(options: ChildOptions): Promise<Child> {
  const logPath = join(options.stateDir, `${options.name}-${randomUUID()}.log`)
  const log = openLog(options.stateDir, logPath)
  const child = spawn(options.program, options.args, {
    detached: true,
    env: options.env,
    stdio: [options.talks ? 'pipe' : 'ignore', options.talks ? 'pipe' : log, log],
  })
  closeSync(log)
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error: NodeJS.ErrnoException) => {
      rmSync(logPath, { force: true })
      const why = error.code === 'ENOENT' ? 'there is no such program' : error.code
      reject(new EngineError('config', `${options.program} can't be started: ${why}`))
    })
  })
  const pid = child.pid as number
  return {
    process: child,
    pid,
    logPath,
    exited,
    tail: () => tailOf(logPath),
    async stop(log) {
      signalGroup(pid, 'SIGTERM')
      // The first process may end before those that it started.
      if (!(await untilGone(pid, STOP_MS))) signalGroup(pid, 'SIGKILL')
      if (await untilGone(pid, STOP_MS)) await exited
      else {
        // Within a call of a driver that hangs, it ends with that call alone: this program doesn't wait for it.
        child.unref()
        child.stdin?.destroy()
        child.stdout?.destroy()
      }
      if (log === 'remove') rmSync(logPath, { force: true })
    },
  }
}

function openLog(stateDir: string, path: string): number {
  try {
    makeDirectories(stateDir, 0o700)
    return openSync(path, 'a', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new EngineError(
      'failed',
      `The engine's log can't be written to ${stateDir} (${code}); free or grant access to it, or set XDG_STATE_HOME to another place`,
    )
  }
}

async function untilGone(pgid: number, limit_ms: number): Promise<boolean> {
  const deadline = Date.now() + limit_ms
  while (isGroupAlive(pgid)) {
    if (Date.now() >= deadline) return false
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return true
}

function tailOf(path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text.length <= TAIL_CHARS ? text : `...${text.slice(-TAIL_CHARS)}`
  } catch {
    return ''
  }
}
