import type { CellValue } from './decoded.ts'

/** So much text is gathered before it leaves: no string is made of more, however many rows there are. */
export const TEXT_PART = 256 * 1024

type ListCell = Extract<CellValue, readonly unknown[]>

/** One element of a list as JSON text. */
export const elementText = (value: ListCell[number]): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : value === null || (typeof value === 'number' && !Number.isFinite(value))
      ? 'null'
      : String(value)
