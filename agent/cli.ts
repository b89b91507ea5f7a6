import { Command, CommanderError } from 'commander'
import { addCalibrate } from './cli/calibrate.ts'
import { addConfig } from './cli/config.ts'
import { addDoctor } from './cli/doctor.ts'
import { addMeasure } from './cli/measure.ts'
import { addRun } from './cli/run.ts'
import { addShip } from './cli/ship.ts'
import { addWatch } from './cli/watch.ts'
import { VERSION } from './program.ts'

/**
 * llem-agent. Only the command line is read here; what a command does is loaded when it runs, so that --help is quick.
 */
const program = new Command('llem-agent')
  .description(
    'Measures what the tokens of a language model cost here: joules, seconds and their uncertainty.',
  )
  .version(VERSION)
  .showHelpAfterError('(llem-agent --help shows the commands)')
  .addHelpText(
    'after',
    `
Examples:
  llem-agent run quick-test                  a small real model on this machine, two minutes
  llem-agent run my-study.yaml --out results
  llem-agent measure -- python train.py      any program
  llem-agent watch                           live power of all devices
  llem-agent config presets
  llem-agent ship                            send what an earlier run left behind`,
  )

for (const add of [addRun, addMeasure, addDoctor, addWatch, addCalibrate, addShip, addConfig])
  add(program)

/** Every error that a person can mend is a sentence and an exit code; a stack is only for our own faults. */
async function explain(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { name, kind } = error as Error & { kind?: string }
  // An error may quote a configuration, and terminals are logged.
  const { redactForTerminal } = await import('./redact-terminal.ts')
  const message = redactForTerminal((error as Error).message, process.env)
  const stack = redactForTerminal(String((error as Error).stack ?? message), process.env)
  if (name === 'ConfigError') {
    process.stderr.write(`${message}\n`)
    return 2
  }
  if (name === 'Interrupted') {
    process.stderr.write(`${message}\n`)
    return 130
  }
  const expected = [
    'EngineError',
    'ServerError',
    'SpoolError',
    'LockError',
    'BurstError',
    'SensorError',
  ].includes(name)
  process.stderr.write(`${expected ? message : stack}\n`)
  return kind === 'config' ? 2 : 1
}

// A closed pipe (| head) ends the program quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const throwInstead = (command: Command): void => {
  command.exitOverride()
  for (const child of command.commands) throwInstead(child)
}
throwInstead(program)
program.parseAsync().catch(async (error: unknown) => {
  process.exitCode = await explain(error)
})
