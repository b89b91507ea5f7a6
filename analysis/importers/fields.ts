import type { Fault } from './importer.ts'

/** Reads the fields of one row. What is missing or of a wrong kind is null and leaves a fault with its value. */
export interface Fields {
  /** A finite number. */
  number(name: string): number | null
  /** A whole number, not negative. */
  whole(name: string): number | null
  text(name: string): string | null
  /** Any of these without a fault where it is missing or null. */
  optional: Pick<Fields, 'number' | 'whole' | 'text'>
  /** Names that were asked for so far. */
  readonly asked: ReadonlySet<string>
  readonly faults: Fault[]
}

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** A value in the words of a fault, cut short. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'number' || typeof value === 'bigint'
      ? String(value)
      : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/**
 * @param row its own enumerable fields are read, never what it inherits
 * @param faults where faults go; a new list unless several rows share one
 */
export function fieldsOf(row: JsonObject, faults: Fault[] = []): Fields {
  const asked = new Set<string>()
  const read = <T>(fits: (v: unknown) => v is T, what: string, required: boolean) => {
    return (name: string): T | null => {
      asked.add(name)
      const value = Object.hasOwn(row, name) ? row[name] : undefined
      if (value === undefined || value === null) {
        if (required)
          faults.push({
            field: name,
            message: value === null ? `is null; it must be ${what}` : `is missing; it is ${what}`,
          })
        return null
      }
      if (fits(value)) return value
      faults.push({ field: name, message: `is ${shown(value)}; it must be ${what}` })
      return null
    }
  }
  const readers = (required: boolean) => ({
    number: read(isNumber, 'a number', required),
    whole: read(isWhole, 'a whole number, 0 or more', required),
    text: read(isText, 'text', required),
  })
  return { ...readers(true), optional: readers(false), asked, faults }
}

const isNumber = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v)
const isWhole = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0
const isText = (v: unknown): v is string => typeof v === 'string'
