import { type Command, Option } from 'commander'

/** What every command takes. */
export interface Common {
  readonly db: string
  readonly json: boolean
}

/** A command of the program, or of one that has several. */
export function command(
  parent: Command,
  name: string,
  description: string,
  example: string,
): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(
      new Option('--db <path>', 'SQLite file of the database').env('LLEM_DB').default('llem.db'),
    )
    .option('--json', 'one JSON document on stdout', false)
    .addHelpText('after', `\nExample:\n  ${example}`)
}
