import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'

const SOURCE = fileURLToPath(new URL('./fake_ioreport.c', import.meta.url))

/** macOS' energy model in this process. */
export interface FakeIoReport {
  /** The folder of the two libraries, for LLEM_IOREPORT_DIR. */
  readonly dir: string
  reset(): void
  fail(what: 'nothing' | 'group' | 'subscription' | 'samples'): void
  set(name: string, unit: string, value: number): void
  /** Objects that were made and not released. */
  live(): number
}

/**
 * Compiles the stand-in into a new folder within `dir`, under both libraries' names, and loads it.
 * @param without names of functions that it lacks
 */
export function buildFakeIoReport(dir: string, without: readonly string[] = []): FakeIoReport {
  const folder = mkdtempSync(join(dir, 'ioreport-'))
  const io = join(folder, 'libIOReport.dylib')
  const renamed = without.map((name) => `-D${name}=fake_without_${name}`)
  execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', ...renamed, SOURCE, '-o', io])
  // Functions of CoreFoundation touch what they are given alone, so that a second copy does.
  copyFileSync(io, join(folder, 'CoreFoundation'))
  const lib = koffi.load(io)
  const other = koffi.load(join(folder, 'CoreFoundation'))
  const reset = lib.func('void fake_reset()')
  const mode = lib.func('void fake_mode(int)')
  const set = lib.func('void fake_set(const char *, const char *, int64_t)')
  const lives = [lib, other].map((l) => l.func('int fake_live()'))
  return {
    dir: folder,
    reset: () => reset(),
    fail: (what) => mode(['nothing', 'group', 'subscription', 'samples'].indexOf(what)),
    set: (name, unit, value) => set(name, unit, BigInt(value)),
    // Made by one copy, released by the other: the sum is what is left.
    live: () => lives.reduce((sum, count) => sum + count(), 0),
  }
}
