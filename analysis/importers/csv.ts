/**
 * CSV to a header and rows (RFC 4180: quotes, doubled quotes, line breaks within quotes; LF or CRLF; a byte order mark
 * is skipped). Rows of another length than the header stay as they are.
 * @returns null where a quote is never closed or there is no line
 */
export function parseCsv(text: string): { header: string[]; rows: string[][] } | null {
  const rows: string[][] = []
  let row: string[] = []
  // A cell is what was put together so far, and the text from `from` on: built letter by letter it would take 32 bytes
  // a letter.
  let cell = ''
  let from = text.startsWith('\ufeff') ? 1 : 0
  const endCell = (end: number) => {
    row.push(cell + text.slice(from, end))
    cell = ''
    from = end + 1
  }
  const endRow = (end: number) => {
    endCell(end)
    // A blank line is no row; one empty cell of a one-column file cannot be distinguished from it.
    // A copy, since a list that grew has room for seventeen.
    if (row.length > 1 || row[0] !== '') rows.push(row.slice())
    row = []
  }
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === QUOTE && cell === '' && i === from) {
      i = endOfQuoted(text, i + 1)
      if (i < 0) return null
      cell = text.slice(from + 1, i).replaceAll('""', '"')
      from = i + 1
    } else if (c === COMMA) endCell(i)
    else if (c === LF) endRow(i)
    else if (c === CR && text.charCodeAt(i + 1) === LF) {
      endRow(i)
      from = ++i + 1
    }
  }
  if (cell !== '' || from < text.length || row.length > 0) endRow(text.length)
  const header = rows.shift()
  return header === undefined ? null : { header, rows }
}

const QUOTE = 34
const COMMA = 44
const LF = 10
const CR = 13

/** Where the quote stands that closes a quoted text; below 0: nowhere. */
function endOfQuoted(text: string, start: number): number {
  let at = text.indexOf('"', start)
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2)
  return at
}
