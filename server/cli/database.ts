import { type Command, InvalidArgumentError, Option } from 'commander'
import { IMPORT_LIMITS, type ImportLimits } from '../importing/limits.ts'
import { type Common, command } from './command.ts'

const port = (text: string): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It must be 0 to 65535.')
  return value
}

const LIMITS = Object.entries(IMPORT_LIMITS) as [
  keyof ImportLimits,
  (typeof IMPORT_LIMITS)[keyof ImportLimits],
][]

const importLimit = ({ option, env, initial, least, most, meaning }: (typeof LIMITS)[0][1]) =>
  new Option(`${option} <n>`, meaning)
    .env(env)
    .default(initial)
    .argParser((text) => {
      const value = Number(text)
      if (!/^\d+$/.test(text) || value < least || value > most)
        throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
      return value
    })

/** The database, and the server over it. */
export function databaseCommands(program: Command): void {
  program.commandsGroup('Database:')
  const serving = command(
    program,
    'serve',
    'Serve the API and its pages.',
    'llem-server serve --db lab.db --port 8642',
  )
    .option(
      '--host <host>',
      'address to listen at; another than loopback needs a token',
      '127.0.0.1',
    )
    .option('--port <port>', '0 takes a free one', port, 8642)
    .option('--until-stdin-closes', 'end when the parent process ends', false)
  const limits = LIMITS.map(([name, limit]) => [name, importLimit(limit)] as const)
  for (const [, option] of limits) serving.addOption(option)
  serving.action(async (o: Common & { host: string; port: number; untilStdinCloses: boolean }) => {
    const given = o as unknown as Readonly<Record<string, number>>
    const import_limits = Object.fromEntries(
      limits.map(([name, option]) => [name, given[option.attributeName()]]),
    ) as ImportLimits
    await (await import('../commands/serve.ts')).serve({ ...o, import_limits })
  })

  command(
    program,
    'migrate',
    "Bring a database to this program's version, or make a new one.",
    'llem-server migrate --db lab.db',
  ).action(async (o: Common) => (await import('../commands/migrate.ts')).migrate(o))

  command(
    program,
    'check',
    'Check structure, orphans and the hash of every chunk.',
    'llem-server check --db lab.db',
  ).action(async (o: Common) => (await import('../commands/check.ts')).check(o))

  command(
    program,
    'backup',
    'Copy the database as it is at one moment, even while it is served.',
    'llem-server backup lab-copy.db --db lab.db',
  )
    .argument('<file>', 'where to; must not be there')
    .action(async (file: string, o: Common) =>
      (await import('../commands/backup.ts')).backup(file, o),
    )

  const token = program
    .command('token')
    .description('Make, list and revoke tokens.')
    .addHelpText('after', '\nExample:\n  llem-server token create gpu-host-1 --db lab.db')
  command(token, 'create', 'Make a token. It is shown once.', 'llem-server token create gpu-host-1')
    .argument('<name>', 'whose it is')
    .action(async (name: string, o: Common) =>
      (await import('../commands/token.ts')).tokenCreate(name, o),
    )
  command(token, 'list', 'List tokens, without their secrets.', 'llem-server token list').action(
    async (o: Common) => (await import('../commands/token.ts')).tokenList(o),
  )
  command(token, 'revoke', 'Refuse a token from now on.', 'llem-server token revoke gpu-host-1')
    .argument('<name>', 'whose it is')
    .action(async (name: string, o: Common) =>
      (await import('../commands/token.ts')).tokenRevoke(name, o),
    )
}
