// Adds a GPU build of the embedded engine, which npm ci leaves out since it is 70 to 540 MB.
// Run: npm run engine:cuda   or   npm run engine:vulkan
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const build = process.argv[2]
const os = { linux: 'linux', win32: 'win' }[process.platform]
const packages = { cuda: ['cuda', 'cuda-ext'], vulkan: ['vulkan'] }[build]
if (!packages || !os || process.arch !== 'x64') {
  console.error(
    packages
      ? `The ${build} build exists for x64 Linux and Windows, not for ${process.platform} ${process.arch}.`
      : `Build ${build ?? '(none)'} is not known; use cuda or vulkan.`,
  )
  process.exit(2)
}
const { version } = JSON.parse(
  readFileSync(join(root, 'node_modules/node-llama-cpp/package.json'), 'utf8'),
)
const work = mkdtempSync(join(tmpdir(), 'llem-engine-'))
try {
  for (const kind of packages) {
    const name = `@node-llama-cpp/${os}-x64-${kind}`
    console.log(`${name}@${version} ...`)
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', `${name}@${version}`, '--json', '--pack-destination', work], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    )
    const to = join(root, 'node_modules', name)
    rmSync(to, { recursive: true, force: true })
    mkdirSync(to, { recursive: true })
    execFileSync('tar', ['-xzf', join(work, filename), '-C', to, '--strip-components=1'])
  }
  console.log(`The embedded engine now has its ${build} build; npm ci removes it again.`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
