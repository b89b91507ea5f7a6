import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

declare const LLEM_VERSION: string | undefined
export const VERSION = typeof LLEM_VERSION === 'string' ? LLEM_VERSION : '0.0.0-source'

/**
 * Path of a bundled program or worker: beside this file when it runs from the bundle, in dist/bin when it
 * runs from the sources (tests).
 * @throws Error with the command that builds it, when it is not there
 */
export function programPath(
  name: 'llem-agent' | 'llem-server' | 'embedded-worker' | 'sampler-worker' | 'burst-worker',
): string {
  const path = findProgram(name)
  if (path !== null) return path
  throw new Error(`The program ${name} is not built. Run: npm run build`)
}

/** As {@link programPath}; null where it is not there. The archive for hosts without network has no server. */
export function findProgram(name: Parameters<typeof programPath>[0]): string | null {
  for (const base of ['./', '../dist/bin/']) {
    const path = fileURLToPath(new URL(`${base}${name}.js`, import.meta.url))
    if (existsSync(path)) return path
  }
  return null
}
