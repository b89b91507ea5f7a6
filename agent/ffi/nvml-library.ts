import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { NVML } from './nvml-codes.ts'

/** A C function that answers with a return code. */
export interface NativeFunction {
  (...args: readonly unknown[]): number
  async(...args: readonly unknown[]): void
}

export interface NativeLibrary {
  readonly path: string
  /** The function; where the library lacks it, one that answers FUNCTION_NOT_FOUND. */
  bind(name: string, args: readonly string[]): NativeFunction
}

/** Where the driver's library may be; the loader searches names without a folder in its own places. */
export function nvmlPaths(override: string | null): readonly string[] {
  if (override !== null) return [override]
  if (process.platform === 'win32')
    return [join(process.env['WINDIR'] ?? 'C:\\Windows', 'System32', 'nvml.dll')]
  return ['libnvidia-ml.so.1', 'libnvidia-ml.so', '/usr/lib/wsl/lib/libnvidia-ml.so.1']
}

/**
 * Loads the first library of the list that can be loaded.
 * @returns the library, or a sentence for each path saying why not
 */
export async function loadLibrary(
  paths: readonly string[],
): Promise<{ library: NativeLibrary } | { library: null; tried: readonly string[] }> {
  // Loaded when first needed: most commands open no sensor and should start quickly.
  const koffi = await import('koffi').then(
    (module) => module.default,
    (error: unknown) => error as Error,
  )
  if (koffi instanceof Error) return { library: null, tried: [`koffi: ${koffi.message}`] }
  const tried: string[] = []
  for (const path of paths) {
    try {
      const handle = koffi.load(path)
      return { library: nativeLibrary(path, (name, args) => handle.func(name, 'int', [...args])) }
    } catch (error) {
      const missing = path.includes('/') && !existsSync(path)
      tried.push(`${path}: ${missing ? 'no such file' : (error as Error).message}`)
    }
  }
  return { library: null, tried }
}

function nativeLibrary(
  path: string,
  find: (name: string, args: readonly string[]) => NativeFunction,
): NativeLibrary {
  const bound = new Map<string, NativeFunction>()
  return {
    path,
    bind(name, args) {
      let native = bound.get(name)
      if (native === undefined) {
        native = orMissing(() => find(name, args))
        bound.set(name, native)
      }
      return native
    },
  }
}

/** Older drivers lack newer functions: that is an answer, not an error. */
function orMissing(find: () => NativeFunction): NativeFunction {
  try {
    return find()
  } catch {
    return Object.assign(() => NVML.function_not_found, {
      async: (...args: readonly unknown[]) => {
        const done = args.at(-1) as (error: unknown, code: number) => void
        queueMicrotask(() => done(null, NVML.function_not_found))
      },
    })
  }
}
