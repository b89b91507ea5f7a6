import type { z } from 'zod'
import type { RunData } from './run-data.ts'

/** An event whose detail was read. */
export interface ReadEvent<T> {
  readonly t_ns: number
  readonly detail: T
}

/** The events of one code, in the order of time; those whose detail is not of the schema are passed over. */
export function eventsOf<T>(run: RunData, code: string, schema: z.ZodType<T>): ReadEvent<T>[] {
  return run.events
    .filter((e) => e.code === code)
    .flatMap((e) => {
      const read = schema.safeParse(parsed(e.detail ?? null))
      return read.success ? [{ t_ns: e.t_ns, detail: read.data }] : []
    })
    .sort((a, b) => a.t_ns - b.t_ns)
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null // a text of another version, or by hand
  }
}
