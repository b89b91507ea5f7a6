import { execFile } from 'node:child_process'
import { access, mkdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const LOCK = join(tmpdir(), 'llem-chromium-install.lock')
const LOCK_STALE_MS = 10 * 60_000

/**
 * Starts the browser that page tests use. Where none is found and the machine can install one, it is installed,
 * once for all test processes.
 * @throws Error that says what to install
 */
export async function launchChromium(): Promise<Browser> {
  const executablePath = (await found()) ?? (await installed())
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}

async function found(): Promise<string | null> {
  const named = process.env['CHROMIUM_PATH']
  if (named !== undefined) {
    if (await exists(named)) return named
    throw new Error(`CHROMIUM_PATH is ${named}, where no program lies. Correct it or unset it.`)
  }
  for (const place of PLACES) if (await exists(place)) return place
  return null
}

async function installed(): Promise<string> {
  const remedy = 'Install Chromium (Debian: apt-get install chromium) or set CHROMIUM_PATH.'
  await locked(async () => {
    if ((await found()) !== null) return
    const run = promisify(execFile)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    try {
      await run('apt-get', ['update', '-qq'], { env })
      await run('apt-get', ['install', '-y', '-qq', 'chromium', 'fonts-dejavu-core'], { env })
    } catch (error) {
      const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
      throw new Error(`The page tests need a browser and installing one failed (${why}). ${remedy}`)
    }
  })
  const path = await found()
  if (path === null)
    throw new Error(`Chromium was installed, yet lies in none of ${PLACES}. ${remedy}`)
  return path
}

/** A folder is the lock: making it succeeds for one process alone. */
async function locked(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await mkdir(LOCK)
      break
    } catch {
      const since = await stat(LOCK).catch(() => null)
      if (since !== null && Date.now() - since.mtimeMs > LOCK_STALE_MS)
        await rm(LOCK, { recursive: true, force: true })
      await wait(500)
    }
  }
  try {
    await work()
  } finally {
    await rm(LOCK, { recursive: true, force: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
