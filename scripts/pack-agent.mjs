// Packs the agent for a GPU host without network: programs, native module and Node itself in one archive.
// Run: npm run pack:agent [-- --arch arm64]
// On the host: tar -xf llem-agent-VERSION-linux-x64.tar.xz && llem-agent-VERSION-linux-x64/llem-agent --help
// The embedded llama.cpp engine is left out (hundreds of MB with CUDA): such hosts bring an engine of their own.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const NODE = '24' // the newest long-term line that the programs are tested on
const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { arch: { type: 'string', default: process.arch } } })
if (!['x64', 'arm64'].includes(values.arch)) {
  console.error(`--arch is ${values.arch}; archives are made for x64 and arm64`)
  process.exit(2)
}
const target = `linux-${values.arch}`
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const name = `llem-agent-${version}-${target}`
const work = mkdtempSync(join(tmpdir(), 'llem-pack-'))
const at = join(work, name)

/** A package's files by name, through npm, so that the user's own registry settings apply. */
function unpack(spec, to) {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', spec, '--json', '--pack-destination', work], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
  mkdirSync(to, { recursive: true })
  execFileSync('tar', ['-xzf', join(work, filename), '-C', to, '--strip-components=1'])
}

try {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' })
  mkdirSync(join(at, 'lib'), { recursive: true })
  // Only what the agent's program, its sampling thread and the bursts' process reach: the bundler's own chunks, without the server's.
  const wanted = new Set(['llem-agent.js', 'sampler-worker.js', 'burst-worker.js'])
  for (const file of wanted)
    for (const [, chunk] of readFileSync(join(root, 'dist/bin', file), 'utf8').matchAll(
      /["']\.\/([\w-]+\.js)["']/g,
    ))
      if (existsSync(join(root, 'dist/bin', chunk))) wanted.add(chunk)
  wanted.add('beside.py')
  for (const file of wanted) cpSync(join(root, 'dist/bin', file), join(at, 'lib', file))
  writeFileSync(join(at, 'lib/package.json'), '{ "type": "module" }\n')

  const koffi = JSON.parse(
    readFileSync(join(root, 'node_modules/koffi/package.json'), 'utf8'),
  ).version
  // Its scripts without its C++ sources.
  cpSync(join(root, 'node_modules/koffi'), join(at, 'lib/node_modules/koffi'), {
    recursive: true,
    filter: (path) =>
      statSync(path).isDirectory()
        ? !/\/(vendor|doc|lib)$/.test(path)
        : /\.c?js$|package\.json$|LICENSE/.test(path),
  })
  unpack(`@koromix/koffi-${target}@${koffi}`, join(at, `lib/node_modules/@koromix/koffi-${target}`))

  unpack(`node-${target}@${NODE}`, join(work, 'node'))
  mkdirSync(join(at, 'node'))
  cpSync(join(work, 'node/bin/node'), join(at, 'node/node'))
  if (existsSync(join(work, 'node/LICENSE')))
    cpSync(join(work, 'node/LICENSE'), join(at, 'node/LICENSE'))
  cpSync(join(root, 'LICENSE'), join(at, 'LICENSE'))
  // What programs mark their windows with, and what the help of measure and doctor points to.
  for (const path of ['clients/python/llem_windows.py', 'examples/windows', 'docs/measuring.md'])
    cpSync(join(root, path), join(at, path), { recursive: true })
  const start =
    '#!/bin/sh\nhere=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)\nexec "$here/node/node" "$here/lib/llem-agent.js" "$@"\n'
  writeFileSync(join(at, 'llem-agent'), start)
  chmodSync(join(at, 'llem-agent'), 0o755)

  if (values.arch === process.arch && process.platform === 'linux') {
    // What is packed must run by itself: the program, and the native module with its own Node.
    execFileSync(join(at, 'llem-agent'), ['--version'], { stdio: 'ignore' })
    execFileSync(join(at, 'node/node'), ['-e', "import('koffi')"], { cwd: join(at, 'lib') })
  }

  mkdirSync(join(root, 'dist/pack'), { recursive: true })
  const archive = join(root, 'dist/pack', `${name}.tar.xz`)
  execFileSync('tar', ['-cJf', archive, '-C', work, name], {
    env: { ...process.env, XZ_OPT: '-6 -T0' },
  })
  const megabytes = (readFileSync(archive).length / 1e6).toFixed(1)
  console.log(`${archive} (${megabytes} MB)`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
