/** Colours only on a terminal that takes them, and never with NO_COLOR (no-color.org). */
export function useColour(out: NodeJS.WriteStream): boolean {
  const forced = process.env['NO_COLOR']
  return (
    out.isTTY === true && (forced === undefined || forced === '') && process.env['TERM'] !== 'dumb'
  )
}
