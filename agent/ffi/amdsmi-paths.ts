import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Newest first; the loader takes the unversioned name where only a development package is installed. */
const NAMES = ['libamd_smi.so.26', 'libamd_smi.so.25', 'libamd_smi.so.24', 'libamd_smi.so'] as const

/**
 * Where AMDSMI may be: the override alone; else AMDSMI_LIB_DIR or ROCM_PATH alone where they are set, so that a
 * wrong one is told and not passed over; else /opt/rocm, the newest /opt/rocm-* and the loader's own places.
 * @param opt the folder of ROCm's installations
 */
export function amdsmiPaths(
  override: string | null,
  env: Readonly<Record<string, string | undefined>>,
  opt = '/opt',
): readonly string[] {
  if (override !== null) return [override]
  const stated = env['AMDSMI_LIB_DIR'] ?? (env['ROCM_PATH'] && join(env['ROCM_PATH'], 'lib'))
  if (stated) return NAMES.map((name) => join(stated, name))
  const newest = newestRocm(opt)
  const folders = [join(opt, 'rocm'), ...(newest === null ? [] : [join(opt, newest)])]
  return [...folders.flatMap((f) => NAMES.map((name) => join(f, 'lib', name))), ...NAMES]
}

/** The installation of the highest version: 6.10 comes after 6.9. */
function newestRocm(opt: string): string | null {
  let names: string[]
  try {
    names = readdirSync(opt)
  } catch {
    return null
  }
  const numbers = (name: string) => name.slice('rocm-'.length).split('.').map(Number)
  const ordered = names
    .filter((name) => /^rocm-\d+(\.\d+)*$/.test(name))
    .sort((a, b) => compare(numbers(a), numbers(b)))
  return ordered.at(-1) ?? null
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
