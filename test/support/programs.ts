import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './root.ts'

export const AGENT = join(ROOT, 'dist/bin/llem-agent.js')
export const SERVER = join(ROOT, 'dist/bin/llem-server.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

/** A home of its own for a program: state, cache, database and working directory, gone with `remove`. */
export interface Home {
  readonly dir: string
  readonly db: string
  readonly env: NodeJS.ProcessEnv
  remove(): void
}

export function makeHome(env: Readonly<Record<string, string>> = {}): Home {
  const dir = mkdtempSync(join(tmpdir(), 'llem-home-'))
  return {
    dir,
    db: join(dir, 'llem.db'),
    env: {
      ...process.env,
      XDG_STATE_HOME: join(dir, 'state'),
      // Weights are fetched once for all tests.
      XDG_CACHE_HOME: process.env['LLEM_TEST_CACHE'] ?? join(ROOT, '.cache'),
      NO_COLOR: '1',
      ...env,
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** Starts a program as a user does: the bundle, in its home. */
export function start(
  program: string,
  args: readonly string[],
  home: Home,
  options: { input?: string } = {},
): Started {
  const child = spawn(process.execPath, [program, ...args], { cwd: home.dir, env: home.env })
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (part) => {
    stdout += part
  })
  child.stderr?.on('data', (part) => {
    stderr += part
  })
  child.stdin?.end(options.input)
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout, stderr })),
  )
  return { child, ended }
}

/** Runs a program to its end. */
export const run = (
  program: string,
  args: readonly string[],
  home: Home,
  options: { input?: string } = {},
): Promise<Ended> => start(program, args, home, options).ended
