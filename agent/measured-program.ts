import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { ConfigError } from '../analysis/schema/study.ts'
import { childrenOf } from './process-tree.ts'

/** How a program ended. */
export interface ProgramEnd {
  readonly exit_code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What killing a program came to: process ids. */
export interface Killed {
  readonly killed: readonly number[]
  /** Those of other users. */
  readonly refused: readonly number[]
}

export interface MeasuredProgram {
  readonly pid: number
  signal(name: NodeJS.Signals): void
  /** Kills it with all below it, before it returns; nothing where it has ended. */
  kill(): Killed
  readonly ended: Promise<ProgramEnd>
}

/**
 * Starts a user's program with our own terminal: its input, output and errors are ours.
 * @param json its standard output goes to our standard error, so that ours holds one JSON document
 * @throws Error where the system refuses to start it
 */
export function startProgram(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  json: boolean,
): Promise<MeasuredProgram> {
  const [program = '', ...args] = command
  // In our process group, so that it may read the terminal; Ctrl-C there reaches both.
  const child: ChildProcess = spawn(program, args, {
    env,
    stdio: ['inherit', json ? process.stderr.fd : 'inherit', 'inherit'],
  })
  const ended = new Promise<ProgramEnd>((done) =>
    child.once('exit', (exit_code, signal) => done({ exit_code, signal })),
  )
  return new Promise((done, fail) => {
    // Later ones are signals that may not be sent to it, as to a program of another user.
    child.on('error', (error: NodeJS.ErrnoException) =>
      fail(new Error(`${program} can't be started (${error.code ?? error.message})`)),
    )
    child.once('spawn', () => {
      const pid = child.pid as number
      const hasEnded = () => child.exitCode !== null || child.signalCode !== null
      done({
        ...{ pid, ended, signal: (name) => child.kill(name) },
        // Its id may be another's by now.
        kill: () => (hasEnded() ? { killed: [], refused: [] } : killTree(pid)),
      })
    })
  })
}

/** Kills a process and all below it. Where there is no /proc nothing tells what is below it. */
function killTree(pid: number): Killed {
  const held = new Set<number>()
  // What is stopped starts no more, and nobody below it becomes a child of process 1 unseen.
  for (let fresh = [pid]; fresh.length > 0; ) {
    for (const each of fresh) {
      send(each, 'SIGSTOP')
      held.add(each)
    }
    fresh = childrenOf(pid).filter((child) => !held.has(child))
  }
  const all = [...held]
  const refused = all.filter((each) => !send(each, 'SIGKILL'))
  return { killed: all.filter((each) => !refused.includes(each)), refused }
}

/** False where this user may not. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    // One that has ended meanwhile is gone as it shall be.
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/**
 * Looks for a program before anything is measured, as the system will.
 * @throws ConfigError where there is none
 */
export function requireProgram(program: string, path = process.env['PATH'] ?? ''): void {
  const places = program.includes('/')
    ? [resolve(program)]
    : path.split(delimiter).map((dir) => join(dir === '' ? '.' : dir, program))
  if (places.some(isExecutable)) return
  throw new ConfigError([
    {
      path: 'COMMAND',
      message: program.includes('/')
        ? `${program} is no program that can be run; check the path and its permissions`
        : `there is no program ${JSON.stringify(program)} in PATH; check its name. A line for the shell goes as: -- sh -c "LINE"`,
    },
  ])
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** `exit code 3` or `SIGKILL`; null of a good end. */
export const faultOf = ({ exit_code, signal }: ProgramEnd): string | null =>
  exit_code === 0 ? null : (signal ?? `exit code ${exit_code}`)
