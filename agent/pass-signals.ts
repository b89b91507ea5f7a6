import type { Killed, MeasuredProgram } from './measured-program.ts'

/** These end the measurement, by ending the program first. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** These mean something to the program alone. */
const PASSED = ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export interface SignalPassing {
  /** Aborted at the first signal that ends. */
  readonly signal: AbortSignal
  /** From now on the program gets them too. */
  to(program: MeasuredProgram | null): void
  dispose(): void
}

/**
 * Passes the agent's signals on to the measured program. The first that ends stops the measurement once the program
 * has ended by it; a second kills the program with all below it and ends the agent at once.
 * @param terminal true where Ctrl-C reaches the program without us, since it shares our terminal
 */
export function passSignals(terminal: boolean, say: (text: string) => void): SignalPassing {
  const controller = new AbortController()
  let program: MeasuredProgram | null = null

  const ending = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      const killed = program === null ? '' : killedWords(program.kill())
      say(
        `${killed}Stopped at once. What the server does not have yet is in the spool: llem-agent ship sends it.`,
      )
      process.exit(130)
    }
    if (program !== null && !(terminal && name === 'SIGINT')) program.signal(name)
    say(
      program === null
        ? 'Stopping: the run is sealed. Ctrl-C again stops at once.'
        : 'Stopping: when the program has ended, the run is sealed. Ctrl-C again kills it and all that runs below it.',
    )
    controller.abort(new Error('interrupted'))
  }
  const passing = (name: NodeJS.Signals) => program?.signal(name)

  for (const name of ENDING) process.on(name, ending)
  for (const name of PASSED) process.on(name, passing)
  return {
    signal: controller.signal,
    to(next) {
      program = next
    },
    dispose() {
      for (const name of ENDING) process.off(name, ending)
      for (const name of PASSED) process.off(name, passing)
    },
  }
}

function killedWords({ killed, refused }: Killed): string {
  const below = killed.length - 1
  const said = [
    below < 0
      ? []
      : `Killed the program${below === 0 ? '' : ` and ${below} ${below === 1 ? 'process' : 'processes'} below it`}.`,
    refused.length === 0
      ? []
      : `This user may not kill ${refused.join(', ')}; end them with: sudo kill -9 ${refused.join(' ')}`,
  ]
  return said
    .flat()
    .map((text) => `${text} `)
    .join('')
}

/** True where Ctrl-C is typed into the terminal that program and agent share. */
export const sharesTerminal = (): boolean =>
  process.stdin.isTTY === true || process.stdout.isTTY === true || process.stderr.isTTY === true
