import { parseJson } from '../analysis/schema/json.ts'
import type { Hide } from '../analysis/schema/redacted.ts'
import { type RunFile, runFileSchema } from '../analysis/schema/run.ts'
import { type BadField, badFields } from './bad-field.ts'
import { redactRunText } from './redact-incoming.ts'

/** A run.json that can't be read. `errors` is empty where it is not JSON at all. */
export class RunFileError extends Error {
  readonly errors: readonly BadField[]
  constructor(message: string, errors: readonly BadField[] = []) {
    super(message)
    this.name = 'RunFileError'
    this.errors = errors
  }
}

/**
 * Reads run.json, whole numbers above 2^53 without rounding.
 * @param hide of one that comes from elsewhere: it is redacted, and its text with it
 * @throws RunFileError with the place of each bad field
 */
export function readRunFile(bytes: Uint8Array, hide?: Hide): { text: string; file: RunFile } {
  const given = readJsonText(bytes)
  const text = hide === undefined ? given.text : redacted(given, hide)
  const value = text === given.text ? given.value : parseJson(text)
  const result = runFileSchema.safeParse(value, { reportInput: true })
  if (result.success) return { text, file: result.data }
  const errors = badFields(result.error.issues)
  const first = errors[0]
  throw new RunFileError(`run.json: ${first?.path || '(top)'}: ${first?.message}`, errors)
}

function redacted({ text, value }: ReturnType<typeof readJsonText>, hide: Hide): string {
  try {
    return redactRunText(text, value, hide)
  } catch (error) {
    if (error instanceof RangeError) throw new RunFileError('the text is nested too deep')
    throw error
  }
}

/** Longer than any list that is sent: a schema that finds fault with each element of a longer one takes seconds. */
const MOST_ELEMENTS = 100_000

/** @throws RunFileError when the bytes are not UTF-8, not JSON, or hold a list without end */
export function readJsonText(bytes: Uint8Array): { text: string; value: unknown } {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new RunFileError('the text is not UTF-8')
  }
  let value: unknown
  try {
    value = parseJson(text)
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'it is nested too deep'
    throw new RunFileError(`the text is not JSON (${why})`)
  }
  const longest = longestList(value)
  if (longest > MOST_ELEMENTS)
    throw new RunFileError(
      `it holds a list of ${longest} elements; a list has at most ${MOST_ELEMENTS}`,
    )
  return { text, value }
}

/** What is nested too deep to be followed was refused by the parser already. */
function longestList(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0
  let most = Array.isArray(value) ? value.length : 0
  for (const inner of Object.values(value)) most = Math.max(most, longestList(inner))
  return most
}
