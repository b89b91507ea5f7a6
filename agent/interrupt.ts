/** Stopped by Ctrl-C before anything was measured; the message is a sentence, the exit code 130. */
export class Interrupted extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Interrupted'
  }
}

/**
 * Ctrl-C once: `signal` is aborted, so the load stops, what was recorded is kept and the run is sealed.
 * Twice: the program ends at once; the spool stays for `llem-agent ship`. SIGTERM counts as the first.
 */
export function onInterrupt(say: (text: string) => void): {
  readonly signal: AbortSignal
  dispose(): void
} {
  const controller = new AbortController()
  const handler = () => {
    if (controller.signal.aborted) {
      say(
        'Stopped at once. What the server does not have yet is in the spool: llem-agent ship sends it.',
      )
      process.exit(130)
    }
    say('Stopping: open requests are finished and the run is sealed. Ctrl-C again stops at once.')
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
