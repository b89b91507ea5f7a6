import { Command, CommanderError } from 'commander'
import { choosingCommands } from './cli/choosing.ts'
import { costCommands } from './cli/cost.ts'
import { databaseCommands } from './cli/database.ts'
import { exchangeCommands } from './cli/exchange.ts'
import { inputCommands } from './cli/inputs.ts'
import { runCommands } from './cli/runs.ts'
import { VERSION } from './program.ts'

/**
 * llem-server. Only the command line is read here; what a command does is loaded when it runs, so that --help is quick.
 */
const program = new Command('llem-server')
  .description('Keeps the runs of llem, and answers what they amount to.')
  .version(VERSION)
  .showHelpAfterError('(--help shows what can be said)')
  .addHelpText(
    'after',
    '\nExample:\n  llem-server serve --db llem.db   then open http://127.0.0.1:8642/docs',
  )
  .exitOverride()

for (const add of [
  runCommands,
  choosingCommands,
  costCommands,
  inputCommands,
  exchangeCommands,
  databaseCommands,
])
  add(program)

// A reader that has seen enough (head, a closed pager) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode =
    error instanceof CommanderError
      ? await commanderExit(error)
      : (await import('./command-exit.ts')).sayAndExit(error)
}

/** Help that was asked for is no error; all else that commander throws is a wrong command line, and said already. */
async function commanderExit(error: CommanderError): Promise<number> {
  if (error.exitCode === 0) return 0
  if (error.code === 'llem.argument') process.stderr.write(`${error.message}\n`)
  return 2
}
