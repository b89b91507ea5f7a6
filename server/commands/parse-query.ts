import type { z } from 'zod'
import { badFields } from '../bad-field.ts'
import { CommandError } from '../command-error.ts'

/**
 * What a command was asked, by the names of the API's parameters.
 * @throws CommandError that names each bad option
 */
export function parseQuery<T>(
  schema: z.ZodType<T>,
  query: Readonly<Record<string, string>>,
  command: string,
): T {
  const result = schema.safeParse(query, { reportInput: true })
  if (result.success) return result.data
  const faults = badFields(result.error.issues, '', schema).map((e) => `--${e.path} ${e.message}`)
  throw new CommandError(
    2,
    `${faults.join('; ').replace(/([^?])$/, '$1.')} llem-server ${command} --help lists the filters.`,
  )
}
