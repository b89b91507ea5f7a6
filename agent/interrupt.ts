/** Stopped by Ctrl-C before anything was measured; the message is a sentence, the exit code 130. */
export class Interrupted extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Interrupted'
  }
}

/** What is said at the first Ctrl-C, and at the second. */
export interface InterruptWords {
  readonly first: string
  readonly second: string
}

const RUN: InterruptWords = {
  first: 'Stopping: open requests are finished and the run is sealed.',
  second:
    'Stopped at once. What the server does not have yet is in the spool: llem-agent ship sends it.',
}

/**
 * Ctrl-C once: `signal` is aborted, so the load stops, what was recorded is kept and the run is sealed.
 * Twice: the program ends at once; the spool stays for `llem-agent ship`. SIGTERM counts as the first.
 * @param words what that means for the command, where it is no run of requests
 */
export function onInterrupt(
  say: (text: string) => void,
  words: InterruptWords = RUN,
): {
  readonly signal: AbortSignal
  dispose(): void
} {
  const controller = new AbortController()
  const handler = () => {
    if (controller.signal.aborted) {
      say(words.second)
      process.exit(130)
    }
    say(`${words.first} Ctrl-C again stops at once.`)
    controller.abort(new Error('interrupted'))
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', handler)
      process.off('SIGTERM', handler)
    },
  }
}
