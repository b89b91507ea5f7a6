import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../dist/bin/llem-server.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs llem-server as a user does. */
export function llemServer(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const child = start(args, options)
  return ended(child)
}

export function start(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdin?: 'pipe' | 'ignore' } = {},
): ChildProcess {
  const { LLEM_DB: _, LLEM_TOKEN: __, ...env } = process.env
  return spawn(process.execPath, [PROGRAM, ...args], {
    cwd: options.cwd,
    env: { ...env, ...options.env },
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  })
}

export function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (part) => {
    stdout += part
  })
  child.stderr?.on('data', (part) => {
    stderr += part
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

export interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly pid: number
  readonly ended: Promise<Ended>
}

/** `llem-server serve --port 0 --json`, once it says that it listens. */
export async function serveProgram(
  db: string,
  args: readonly string[] = [],
  options: Parameters<typeof start>[1] = {},
): Promise<Serving> {
  const child = start(['serve', '--db', db, '--port', '0', '--json', ...args], options)
  const end = ended(child)
  const line = new Promise<string>((resolve) => {
    let text = ''
    child.stdout?.on('data', (part) => {
      text += part
      if (text.includes('\n')) resolve(text)
    })
  })
  const first = await Promise.race([line, end])
  if (typeof first !== 'string') throw new Error(`exit ${first.code}: ${first.stderr}`)
  const { listening, pid } = JSON.parse(first) as { listening: string; pid: number }
  return { child, url: listening, pid, ended: end }
}
