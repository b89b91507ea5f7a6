/** A longer line is no mark of a window, and must not fill the memory. */
export const MAX_LINE_BYTES = 64 * 1024

/**
 * Cuts what arrives into lines, whatever the pieces are. A line that is too long is given up where it passes the limit
 * and told once, as null.
 */
export function createLineSplitter(onLine: (line: string | null) => void): {
  take(piece: Buffer): void
  /** What came after the last newline is a line too. */
  end(): void
} {
  let parts: Buffer[] = []
  let bytes = 0
  let skipping = false

  const add = (part: Buffer) => {
    if (skipping || part.length === 0) return
    bytes += part.length
    if (bytes > MAX_LINE_BYTES) {
      skipping = true
      parts = []
      onLine(null)
    } else parts.push(part)
  }
  const finish = () => {
    if (!skipping && bytes > 0) {
      const line = Buffer.concat(parts).toString('utf8').trim()
      if (line !== '') onLine(line)
    }
    parts = []
    bytes = 0
    skipping = false
  }

  return {
    take(piece) {
      let from = 0
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, from)) {
        add(piece.subarray(from, at))
        finish()
        from = at + 1
      }
      add(piece.subarray(from))
    },
    end: finish,
  }
}
