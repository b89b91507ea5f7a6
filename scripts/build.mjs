// Bundles both programs into dist/bin, so that they start in a third of the time that loading the sources takes.
// Runs within `npm ci` (prepare) and before the tests.
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8'))
const common = {
  absWorkingDir: root,
  bundle: true,
  // Names stay as they are: `keepNames` would name each function anew whenever it is made.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  define: { LLEM_VERSION: JSON.stringify(version) },
}

// Built aside and put in place at the end: a build that fails leaves the programs that work.
const aside = `dist/bin.${process.pid}`
await mkdir(`${root}dist/web`, { recursive: true })
await Promise.all([
  build({
    ...common,
    entryPoints: {
      'llem-agent': 'agent/cli.ts',
      'llem-server': 'server/cli.ts',
      'chunk-worker': 'server/store/chunk-worker.ts',
      'import-child': 'server/importing/child.ts',
      'import-watch': 'server/importing/watch.ts',
      'embedded-worker': 'agent/engines/embedded-worker.ts',
      'sampler-worker': 'agent/sampler-worker.ts',
      'burst-worker': 'agent/bursts/worker.ts',
    },
    outdir: aside,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    splitting: true,
    // Native modules stay outside; what only one command needs is split off and loaded when it runs.
    external: ['koffi', 'better-sqlite3', 'node-llama-cpp'],
    banner: {
      js: "import{createRequire as __llemRequire}from'node:module';const require=__llemRequire(import.meta.url);",
    },
  }),
  build({
    ...common,
    minify: true,
    entryPoints: ['server/web/explore.ts'],
    outfile: 'dist/web/explore.js',
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
  }),
])
await copyFile(`${root}agent/beside/beside.py`, `${root}${aside}/beside.py`)
for (const name of ['llem-agent', 'llem-server']) {
  const path = `${root}${aside}/${name}.js`
  await writeFile(path, `#!/usr/bin/env node\n${await readFile(path, 'utf8')}`)
  await chmod(path, 0o755)
}
await rm(`${root}dist/bin`, { recursive: true, force: true })
await rename(`${root}${aside}`, `${root}dist/bin`)
