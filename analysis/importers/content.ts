import { parseCsv } from './csv.ts'
import type { Content } from './importer.ts'

export interface ParsedContent {
  readonly content: Content
  readonly notes: readonly string[]
}

/**
 * Parses the text of a file by what it holds: JSON, one JSON value a line, or CSV. Bare NaN and Infinity, which JSON
 * does not know and Python writes, become null, and a note says how many.
 * @returns a sentence's end where it is none of these: `is not JSON (...)`
 */
export function parseContent(text: string): ParsedContent | string {
  const first = /[^\s\ufeff]/.exec(text)?.[0]
  if (first === undefined) return 'is empty'
  if (first !== '{' && first !== '[') return csvContent(text)
  if (isTooDeep(text)) return `is nested more than ${MAX_DEPTH} deep; no file of results is`
  const plain = json(text)
  if (!(plain instanceof SyntaxError)) return plain
  const bent = withoutBareNumbers(text)
  const notes =
    bent.count > 0 ? [`${bent.count} bare NaN or Infinity of the file were read as null`] : []
  const parsed = bent.count > 0 ? json(bent.text) : plain
  if (!(parsed instanceof SyntaxError)) return { ...parsed, notes }
  const lines = ndjson(bent.text)
  if (lines !== null) return { content: { form: 'ndjson', lines }, notes }
  return `is not JSON (${plain.message})`
}

const MAX_DEPTH = 1000

/** Seen before it is parsed: a parser takes some hundred bytes for each of millions of brackets, and long to let go of them. */
function isTooDeep(text: string): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === OPEN_LIST || c === OPEN_MAP) {
      if (++depth > MAX_DEPTH) return true
    } else if (c === CLOSE_LIST || c === CLOSE_MAP) depth--
    else if (c === QUOTE) i = endOfString(text, i + 1)
  }
  return false
}

const OPEN_LIST = 91
const OPEN_MAP = 123
const CLOSE_LIST = 93
const CLOSE_MAP = 125
const QUOTE = 34
const BACKSLASH = 92

/** Where the quote stands that closes a string; at the text's end where none does. */
function endOfString(text: string, start: number): number {
  let at = start
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === BACKSLASH) at++
    else if (c === QUOTE) break
  }
  return at
}

function json(text: string): ParsedContent | SyntaxError {
  try {
    return { content: { form: 'json', value: JSON.parse(text.replace(/^\ufeff/, '')) }, notes: [] }
  } catch (error) {
    if (error instanceof SyntaxError) return error
    throw error
  }
}

/** Every line that is not blank as its own JSON value; null where one is not, or where there is only one. */
function ndjson(text: string): { line: number; value: unknown }[] | null {
  const lines: { line: number; value: unknown }[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const parsed = json(line)
    if (parsed instanceof SyntaxError || parsed.content.form !== 'json') return null
    lines.push({ line: i + 1, value: parsed.content.value })
  }
  return lines.length > 1 ? lines : null
}

const STRING_OR_BARE = /"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g

/** Strings are stepped over, so that a text that speaks of NaN stays whole. */
function withoutBareNumbers(text: string): { text: string; count: number } {
  if (!text.includes('NaN') && !text.includes('Infinity')) return { text, count: 0 }
  let count = 0
  const bent = text.replace(STRING_OR_BARE, (found) => {
    if (found.startsWith('"')) return found
    count++
    return 'null'
  })
  return { text: bent, count }
}

/** Characters of the longest header that is looked for: a file without lines is no table, however long. */
const MAX_HEADER = 1_000_000

function csvContent(text: string): ParsedContent | string {
  const end = text.indexOf('\n')
  if (end > MAX_HEADER || (end === -1 && text.length > MAX_HEADER)) return 'is neither JSON nor CSV'
  const csv = parseCsv(text)
  if (csv === null || csv.header.length < 2) return 'is neither JSON nor CSV'
  return { content: { form: 'csv', ...csv }, notes: [] }
}
