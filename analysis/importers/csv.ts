/**
 * CSV to a header and rows (RFC 4180: quotes, doubled quotes, line breaks within quotes; LF or CRLF; a byte order mark
 * is passed over). Rows of another length than the header stay as they are.
 * @returns null where a quote is never closed or there is no line
 */
export function parseCsv(text: string): { header: string[]; rows: string[][] } | null {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  const start = text.startsWith('\ufeff') ? 1 : 0
  const endRow = () => {
    row.push(cell)
    // A blank line is no row; one empty cell of a one-column file is not told apart from it.
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
    cell = ''
  }
  for (let i = start; i < text.length; i++) {
    const c = text[i] as string
    if (quoted) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') cell += text[++i]
      else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === ',') {
      row.push(cell)
      cell = ''
    } else if (c === '\n') endRow()
    else if (c !== '\r' || text[i + 1] !== '\n') cell += c
  }
  if (quoted) return null
  if (cell !== '' || row.length > 0) endRow()
  const [header, ...rest] = rows
  return header === undefined ? null : { header, rows: rest }
}
