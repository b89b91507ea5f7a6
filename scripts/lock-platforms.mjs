// Completes package-lock.json after `npm install`: some registries lack a few optional platform
// packages, npm then leaves them out of the lock, and `npm ci` refuses that lock on every machine.
// The entries added here carry no download address, so other platforms stay installable.
// Run: node scripts/lock-platforms.mjs
import { readFileSync, writeFileSync } from 'node:fs'

const OS = {
  darwin: 'darwin',
  mac: 'darwin',
  linux: 'linux',
  win32: 'win32',
  win: 'win32',
  windows: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openharmony: 'openharmony',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  sunos: 'sunos',
  aix: 'aix',
}
const CPU = {
  x64: 'x64',
  arm64: 'arm64',
  arm: 'arm',
  armv7l: 'arm',
  armhf: 'arm',
  ia32: 'ia32',
  riscv64: 'riscv64',
  riscv64d: 'riscv64',
  ppc64: 'ppc64',
  s390x: 's390x',
  loong64: 'loong64',
  mips64el: 'mips64el',
  wasm32: 'wasm32',
}

/** The platform that an optional package's name speaks of, in npm's own words. */
export function platformOf(name) {
  const parts = name.split('/').pop().split(/[-.]/)
  const os = parts.map((p) => OS[p]).find(Boolean)
  const cpu = parts.map((p) => CPU[p]).find(Boolean)
  const libc = parts.some((p) => p.includes('musl')) ? 'musl' : undefined
  return { ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }) }
}

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
const { overrides = {} } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
)
let added = 0
for (const [where, entry] of Object.entries(lock.packages)) {
  for (const [name, wanted] of Object.entries(entry.optionalDependencies ?? {})) {
    if (overrides[name] || where === '') continue
    const nested = `${where}/node_modules/${name}`
    const top = `node_modules/${name}`
    if (lock.packages[nested] || lock.packages[top]) continue
    if (!/^\d+\.\d+\.\d+/.test(wanted)) continue // a range can't be pinned from here
    lock.packages[top] = { version: wanted, ...platformOf(name), optional: true }
    added++
  }
}
// These declare x64 as well, for cross-building: here they would cost every x64 host a download it never loads.
for (const cpu of ['arm64', 'armv7l']) {
  const entry = lock.packages[`node_modules/@node-llama-cpp/linux-${cpu}`]
  if (entry) entry.cpu = [CPU[cpu]]
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`package-lock.json: ${added} platform entries added`)
