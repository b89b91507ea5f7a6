import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'

const SOURCE = fileURLToPath(new URL('./fake_amdsmi.c', import.meta.url))

export interface FakeAmdsmiFlags {
  /** Its structures: ROCm 6.3, 6.4, 7.0. */
  readonly abi?: 24 | 25 | 26
  readonly minor?: number
  /** Names of functions that this library lacks. */
  readonly without?: readonly string[]
}

/**
 * Compiles the fake library into a new folder within `dir` and returns its path, for LLEM_AMDSMI_PATH. Settings:
 * FAKE_AMDSMI_SCRIPT, FAKE_AMDSMI_GPUS, FAKE_AMDSMI_INIT_RC (see fake_amdsmi.c); without any, one GPU of a constant 300 W.
 */
export function buildFakeAmdsmi(dir: string, flags: FakeAmdsmiFlags = {}): string {
  const { abi = 26, minor = 2, without = [] } = flags
  const path = join(mkdtempSync(join(dir, 'amdsmi-')), 'libamd_smi.so')
  const defines = [
    `-DABI=${abi}`,
    `-DMINOR=${minor}`,
    ...without.map((name) => `-D${name}=fake_without_${name}`),
  ]
  execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', ...defines, SOURCE, '-o', path])
  return path
}

/** The fake library in this process. */
export interface FakeAmdsmi {
  /** Begins anew: the script (null: constant 300 W) at time zero, in real time. */
  load(script: string | null, gpus: number, gpusASocket: number, model: string | null): void
  /** Time stands still at this many µs after loading. */
  setTime(us: number): void
}

/** Steers a library that `buildFakeAmdsmi` made, loaded into this process. */
export function steerFakeAmdsmi(path: string): FakeAmdsmi {
  const lib = koffi.load(path)
  const load = lib.func('void fake_amdsmi_load(const char *, int, int, const char *)')
  const setTime = lib.func('void fake_amdsmi_set_time_us(int64_t)')
  return {
    load: (script, gpus, gpusASocket, model) => load(script, gpus, gpusASocket, model),
    setTime: (us) => setTime(BigInt(Math.round(us))),
  }
}
