/** One row of an imported series; the schema judges its times. */
export interface ImportedRow {
  readonly from: string
  readonly to: string
  readonly value: number | null
}

/**
 * Rows of a series from CSV with a header or from JSON: `from`, `to` and one column of values. An empty value was not
 * published.
 * @param column `g_per_kwh`, or `per_mwh` of prices
 * @throws RangeError with the line and what is wrong in it
 */
export function seriesRows(text: string, column: string): ImportedRow[] {
  const trimmed = text.trimStart()
  return trimmed.startsWith('[') || trimmed.startsWith('{')
    ? fromJson(trimmed, column)
    : fromCsv(text, column)
}

function fromJson(text: string, column: string): ImportedRow[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new RangeError(`is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!Array.isArray(value)) throw new RangeError(`must be a list of { from, to, ${column} }`)
  return value.map((row: unknown, i) => {
    const { from, to, [column]: own } = (row ?? {}) as Record<string, unknown>
    if (typeof from !== 'string' || typeof to !== 'string')
      throw new RangeError(`row ${i + 1}: needs from and to, times with their offset from UTC`)
    if (own !== null && typeof own !== 'number')
      throw new RangeError(
        `row ${i + 1}: ${column} must be a number, or null where none is published`,
      )
    return { from, to, value: own }
  })
}

function fromCsv(text: string, column: string): ImportedRow[] {
  const lines = text.split(/\r?\n/)
  const header = (lines[0] ?? '')
    .replace(/^\uFEFF/, '')
    .split(',')
    .map(unquoted)
  const places = ['from', 'to', column].map((name) => {
    const at = header.indexOf(name)
    if (at < 0)
      throw new RangeError(
        `line 1: has no column ${name} (it has ${header.join(', ') || 'none'}); a header such as from,to,${column} is needed`,
      )
    return at
  })
  return lines.flatMap((line, i) => {
    if (i === 0 || line.trim() === '') return []
    const cells = line.split(',').map(unquoted)
    if (cells.length !== header.length)
      throw new RangeError(`line ${i + 1}: has ${cells.length} fields, the header ${header.length}`)
    const [from = '', to = '', own = ''] = places.map((p) => cells[p])
    if (own !== '' && !Number.isFinite(Number(own)))
      throw new RangeError(`line ${i + 1}: ${column} is ${JSON.stringify(own)}, not a number`)
    return [{ from, to, value: own === '' ? null : Number(own) }]
  })
}

const unquoted = (cell: string): string => cell.trim().replace(/^"(.*)"$/, '$1')
