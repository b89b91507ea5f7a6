import { join } from 'node:path'
import { build } from 'esbuild'

/** Bundles record-child.ts as the agent is bundled, with `require` for undici. @returns the program's path */
export async function bundleRecordChild(dir: string): Promise<string> {
  const outfile = join(dir, 'record-child.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'record-child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
  })
  return outfile
}
