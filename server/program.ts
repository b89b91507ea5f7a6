import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

declare const LLEM_VERSION: string | undefined
/** Version of the package, set when the program is bundled. */
export const VERSION = typeof LLEM_VERSION === 'string' ? LLEM_VERSION : '0.0.0-source'

/**
 * Path of a bundled thread or process of the server: beside this file when it runs from the bundle, in dist/bin when
 * it runs from the sources (tests).
 * @throws Error with the command that builds it, when it is not there
 */
export function serverProgram(name: 'chunk-worker' | 'import-child' | 'import-watch'): string {
  for (const base of ['./', '../dist/bin/']) {
    const path = fileURLToPath(new URL(`${base}${name}.js`, import.meta.url))
    if (existsSync(path)) return path
  }
  throw new Error(`The program ${name} is not built. Run: npm run build`)
}

/** Path of the bundled thread that stores chunks. */
export const chunkWorkerPath = (): string => serverProgram('chunk-worker')
