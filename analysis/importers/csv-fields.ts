import { fieldsOf, type JsonObject, shown } from './fields.ts'
import type { Fault } from './importer.ts'

/** A row of a CSV by the names of its header; null where it has not as many values as the header has names. */
export function csvRow(
  header: readonly string[],
  cells: readonly string[],
): Readonly<Record<string, string>> | null {
  if (cells.length !== header.length) return null
  return Object.fromEntries(header.map((name, i) => [name, cells[i] as string]))
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** The cells of a row as text and numbers. An empty cell is null without a fault; anything else that is none, a fault. */
export function csvFields(row: Readonly<Record<string, string>>) {
  const faults: Fault[] = []
  const cell = (name: string): string | null => {
    const text = Object.hasOwn(row, name) ? (row[name] as string).trim() : ''
    return text === '' ? null : text
  }
  return {
    faults,
    text: cell,
    number(name: string): number | null {
      const text = cell(name)
      if (text === null) return null
      const value = NUMBER.test(text) ? Number(text) : Number.NaN
      if (Number.isFinite(value)) return value
      faults.push({ field: name, message: `is ${shown(text)}; it must be a number` })
      return null
    },
    whole(name: string): number | null {
      const value = this.number(name)
      return value === null ? null : fieldsOf({ [name]: value } as JsonObject, faults).whole(name)
    },
  }
}
