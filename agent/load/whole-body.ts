/** What a body is that is no stream of events. */
export type WholeBody = 'json' | 'ndjson' | 'html' | 'cut' | 'other'

/** Sorts a whole body by its own bytes; a header may say anything. */
export function sortWholeBody(text: string): WholeBody {
  if (isJson(text)) return 'json'
  if (/^\s*</.test(text)) return 'html'
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  // The last line may be cut; the first says what the others are.
  if (lines.length > 1 && isJson(lines[0] as string) && /^\s*\{/.test(lines[1] as string))
    return 'ndjson'
  return isCutJson(text) ? 'cut' : 'other'
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Whether it begins as a JSON object or list and ends before that does. */
function isCutJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c === '\\') i++
      else if (c === '"') quoted = false
    } else if (c === '"') quoted = true
    else if (c === '{' || c === '[') depth++
    else if (c === '}' || c === ']') depth--
  }
  return depth > 0 || quoted
}
