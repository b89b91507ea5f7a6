import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'
import type { TimeSource } from '../../../agent/clock.ts'

const SOURCE = fileURLToPath(new URL('./fake_nvml.c', import.meta.url))

/**
 * Compiles the fake driver into a new folder within `dir` and returns the library's path, for LLEM_NVML_PATH.
 * Settings: FAKE_NVML_SCRIPT, FAKE_NVML_GPUS, FAKE_NVML_INIT_RC, FAKE_NVML_FAIL_FILE (see fake_nvml.c); without any, one GPU of a
 * constant 300 W.
 * @param flags.without names of functions that this driver lacks
 */
export function buildFakeNvml(
  dir: string,
  flags: { readonly without?: readonly string[] } = {},
): string {
  const path = join(mkdtempSync(join(dir, 'nvml-')), 'libnvidia-ml.so.1')
  const renamed = (flags.without ?? []).map((name) => `-D${name}=fake_without_${name}`)
  execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', ...renamed, SOURCE, '-o', path])
  return path
}

/** From `t_ms` after loading, GPU `gpu` has `value` under `key`. */
export type ScriptLine = readonly [t_ms: number, gpu: number | '*', key: string, value: number]

/** Writes a script for FAKE_NVML_SCRIPT, in the order of time, and returns its path. */
export function writeScript(dir: string, lines: readonly ScriptLine[]): string {
  const path = join(mkdtempSync(join(dir, 'script-')), 'script.txt')
  const ordered = [...lines].sort((a, b) => a[0] - b[0])
  writeFileSync(path, ordered.map((line) => `${line.join(' ')}\n`).join(''))
  return path
}

/** The fake driver in this process, and its time. */
export interface FakeNvml {
  /** Begins anew: the script (null: constant 300 W) at time zero, in real time. */
  load(script: string | null, gpus?: number): void
  /** How often a function was called since `load`. */
  calls(name: string): number
  /** Stops the time of driver and clock, which then passes by hand. */
  byHand(): HandTime
}

export interface HandTime {
  readonly time: TimeSource
  /** Lets time pass for the driver and for `time`. */
  pass(ms: number): void
  /** Sets the wall clock of both. */
  stepWall(ms: number): void
}

/** Steers a library that `buildFakeNvml` made, loaded into this process. */
export function steerFakeNvml(path: string): FakeNvml {
  const lib = koffi.load(path)
  const load = lib.func('void fake_nvml_load(const char *, int)')
  const calls = lib.func('int fake_nvml_calls(const char *)')
  const setTime = lib.func('void fake_nvml_set_time_us(int64_t, int64_t)')
  const stepWall = lib.func('void fake_nvml_step_wall_us(int64_t)')
  return {
    load: (script, gpus = 1) => load(script, gpus),
    calls: (name) => calls(name),
    byHand() {
      const WALL0_NS = 1_700_000_000_000_000_000n
      let mono = 0n
      let wall = WALL0_NS
      const tell = () => setTime(mono / 1000n, WALL0_NS / 1000n)
      tell()
      return {
        time: {
          // Each reading takes 100 ns, so that a wait for the wall clock comes to an end.
          monotonic() {
            mono += 100n
            return mono
          },
          wallMs: () => Number((mono + wall) / 1_000_000n),
          uptime_s: () => Number(mono / 10_000_000n) / 100,
        },
        pass(ms) {
          mono += BigInt(Math.round(ms * 1e6))
          tell()
        },
        stepWall(ms) {
          wall += BigInt(ms) * 1_000_000n
          stepWall(BigInt(ms) * 1000n)
        },
      }
    },
  }
}
