import { checkPlain, FileError } from '../read-file.ts'

/** A C function that answers with a return code. */
export interface NativeFunction {
  (...args: readonly unknown[]): number
  async(...args: readonly unknown[]): void
}

export interface NativeLibrary {
  readonly path: string
  /** A function that answers with a return code; where the library lacks it, one that answers `missingCode`. */
  bind(name: string, args: readonly string[]): NativeFunction
  /** A function of any type; null where the library lacks it. */
  find(
    name: string,
    result: string,
    args: readonly string[],
  ): ((...args: readonly unknown[]) => unknown) | null
}

/**
 * Loads the first library of the list that can be loaded. The loader searches names without a folder in its own
 * places.
 * @param missingCode what a function that the library lacks is taken to answer
 * @returns the library, or a sentence for each path saying why not
 */
export async function loadLibrary(
  paths: readonly string[],
  missingCode: number,
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
      // The loader would wait for the writer of a pipe.
      if (path.includes('/')) checkPlain(path)
      const handle = koffi.load(path)
      const find = (name: string, result: string, args: readonly string[]) =>
        handle.func(name, result, [...args])
      return { library: nativeLibrary(path, find, missingCode) }
    } catch (error) {
      const missing = error instanceof FileError && error.code === 'ENOENT'
      tried.push(`${path}: ${missing ? 'no such file' : (error as Error).message}`)
    }
  }
  return { library: null, tried }
}

function nativeLibrary(
  path: string,
  find: (name: string, result: string, args: readonly string[]) => NativeFunction,
  missingCode: number,
): NativeLibrary {
  const bound = new Map<string, NativeFunction>()
  const orNull = (name: string, result: string, args: readonly string[]) => {
    try {
      return find(name, result, args)
    } catch {
      return null // older libraries lack newer functions: that is an answer, not an error
    }
  }
  return {
    path,
    bind(name, args) {
      let native = bound.get(name)
      if (native === undefined) {
        native = orNull(name, 'int', args) ?? lacking(missingCode)
        bound.set(name, native)
      }
      return native
    },
    find: orNull,
  }
}

function lacking(code: number): NativeFunction {
  return Object.assign(() => code, {
    async: (...args: readonly unknown[]) => {
      const done = args.at(-1) as (error: unknown, code: number) => void
      queueMicrotask(() => done(null, code))
    },
  })
}

/** Calls in a thread of its own, so that the event loop goes on. A call that could not be made answers `failed`. */
export function beside(
  call: NativeFunction,
  failed: number,
  ...args: readonly unknown[]
): Promise<number> {
  return new Promise((resolve) => {
    call.async(...args, (error: unknown, code: number) => resolve(error ? failed : code))
  })
}
