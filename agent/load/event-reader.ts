import { createParser } from 'eventsource-parser'

/** Longest event that is held: a stream without an end of event must not fill the memory. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024

export interface EventHandlers {
  /** The data of one event (`data:` lines joined by LF) and its `event:` name, if it has one. */
  onEvent(data: string, name: string | null): void
  onComment(): void
  /** An event is longer than 16 M characters; nothing more is read. */
  onTooLong(): void
  /** The bytes ended within an event, and what came of it is not whole. */
  onCut(): void
}

export interface EventReader {
  /** Takes bytes as they came: cut anywhere, also inside a character or between CR and LF. */
  push(bytes: Uint8Array): void
  /** The stream is over. True: its last event had no blank line after it, and was read all the same. */
  end(): boolean
}

/**
 * Server-sent events from bytes: streaming UTF-8, one byte-order mark dropped, line ends LF, CR or CRLF.
 * Differs from WHATWG HTML section 9.2.6 in two points. What is pending at the end is read, not dropped, where it is
 * whole: `[DONE]` or JSON, of which no part is JSON itself. And a field `error`, in which older llama-server puts its
 * errors, is an event of that name.
 */
export function createEventReader(handlers: EventHandlers): EventReader {
  const decoder = new TextDecoder()
  let closed = false
  let ending = false
  let pending_read = false
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: ({ data, event: name }) => {
      if (ending && name !== 'error' && !isWhole(data)) {
        handlers.onCut()
        return
      }
      pending_read = ending
      handlers.onEvent(data, name ?? null)
    },
    onComment: () => {
      if (!ending) handlers.onComment()
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') {
        closed = true
        handlers.onTooLong()
      } else if (error.type === 'unknown-field' && error.field === 'error' && !ending)
        handlers.onEvent(error.value ?? '', 'error')
      // Other errors are of fields that the standard says to ignore.
    },
  })
  /** What came after the last line end, and whether that was a CR, which the parser holds back. */
  let line = ''
  let ends_with_cr = false
  const feed = (text: string) => {
    if (closed || text === '') return
    const at = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'))
    line = at < 0 ? line + text : text.slice(at + 1)
    ends_with_cr = text.endsWith('\r')
    parser.feed(text)
  }
  return {
    push: (bytes) => feed(decoder.decode(bytes, { stream: true })),
    end() {
      feed(decoder.decode())
      // A CR at the end was held back, since an LF might have followed.
      if (ends_with_cr) feed('\n')
      const last = line
      if (closed) return false
      ending = true
      feed('\n\n')
      // A part of a field's name makes no event, and is the beginning of one.
      if (!pending_read && last !== '' && !last.startsWith(':')) handlers.onCut()
      return pending_read
    },
  }
}

/** Whether data at the very end can't be a part of more: of an object no part parses. */
function isWhole(data: string): boolean {
  const text = data.trim()
  if (text === '[DONE]') return true
  if (!text.startsWith('{')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
