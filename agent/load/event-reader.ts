import { createParser } from 'eventsource-parser'

/** Longest event that is held: a stream without an end of event must not fill the memory. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024

export interface EventHandlers {
  /** The data of one event (`data:` lines joined by LF) and its `event:` name, if it has one. */
  onEvent(data: string, name: string | null): void
  onComment(): void
  /** An event is longer than 16 M characters; nothing more is read. */
  onTooLong(): void
}

export interface EventReader {
  /** Takes bytes as they came: cut anywhere, also inside a character or between CR and LF. */
  push(bytes: Uint8Array): void
  /** The stream is over. True: its last event had no blank line after it, and was read all the same. */
  end(): boolean
}

/**
 * Server-sent events from bytes: streaming UTF-8, one byte-order mark dropped, line ends LF, CR or CRLF.
 * Differs from WHATWG HTML section 9.2.6 in one point: what is pending at the end is read, not dropped.
 */
export function createEventReader(handlers: EventHandlers): EventReader {
  const decoder = new TextDecoder()
  let closed = false
  let events = 0
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: (event) => {
      events++
      handlers.onEvent(event.data, event.event ?? null)
    },
    onComment: () => handlers.onComment(),
    onError: (error) => {
      // Other errors are of fields that the standard says to ignore.
      if (error.type !== 'max-buffer-size-exceeded') return
      closed = true
      handlers.onTooLong()
    },
  })
  let last = ''
  const feed = (text: string) => {
    if (closed || text === '') return
    last = text
    parser.feed(text)
  }
  return {
    push: (bytes) => feed(decoder.decode(bytes, { stream: true })),
    end() {
      feed(decoder.decode())
      // A CR at the end was held back, since an LF might have followed.
      if (last.endsWith('\r')) feed('\n')
      const before = events
      feed('\n\n')
      return events > before
    },
  }
}
