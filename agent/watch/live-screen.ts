/** A screen that is drawn over, and is as it was before once it is closed. */
export interface LiveScreen {
  draw(lines: readonly string[]): void
  close(): void
}

export function openScreen(out: NodeJS.WriteStream): LiveScreen {
  // The terminal's other screen, and no cursor.
  out.write('\x1b[?1049h\x1b[?25l')
  return {
    draw(lines) {
      const fitting = lines.slice(0, out.rows ?? lines.length)
      out.write(`\x1b[H${fitting.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`)
    },
    close() {
      out.write('\x1b[?25h\x1b[?1049l')
    },
  }
}
