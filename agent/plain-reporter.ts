import type { Reporter } from './progress.ts'
import { showWait } from './wait-line.ts'

/** Tells a run by a line a phase: beside a program that writes to the same terminal a live line would be torn. */
export function createPlainReporter(out: NodeJS.WriteStream): Reporter {
  const say = (text: string) => {
    out.write(`${text}\n`)
  }
  return {
    say,
    step: () => {},
    runStarts: () => {},
    phase: (phase, seconds) => say(`${phase}${seconds === null ? '' : ` (${seconds} s)`}`),
    progress: () => {},
    runEnds: () => {},
    wait: (what, limit_s) =>
      showWait({ what: typeof what === 'string' ? () => what : what, limit_s }, false, say),
  }
}
