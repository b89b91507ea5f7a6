import type { Command } from 'commander'
import { setOption } from './values.ts'

interface ConfigFlags {
  set: string[]
  json?: boolean
}

/** `config`: what a configuration can say, and what one says. */
export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('what a configuration can say, and what one says')
    .addHelpText('after', '\nExample:\n  llem-agent config validate my-study.yaml')

  const reading = (name: string, about: string, example: string) =>
    config
      .command(name)
      .description(about)
      .argument('<file>', 'FILE or PRESET')
      .addOption(setOption('change one key'))
      .option('--json', 'one JSON document on standard output')
      .addHelpText('after', `\nExample:\n  llem-agent config ${name} ${example}`)

  reading(
    'show',
    'everything resolved, with defaults and the key of the experiment',
    'quick-test --json',
  ).action(async (file: string, o: ConfigFlags) =>
    (await import('../commands/config.ts')).showConfig(file, o),
  )
  reading('validate', 'say what is wrong with it, or that nothing is', 'my-study.yaml').action(
    async (file: string, o: ConfigFlags) =>
      (await import('../commands/config.ts')).validateConfig(file, o),
  )
  reading('grid', 'the experiments of a study', 'benchmark').action(
    async (file: string, o: ConfigFlags) =>
      (await import('../commands/config.ts')).gridConfig(file, o),
  )
  config
    .command('schema')
    .description('JSON Schema of everything that a configuration can say')
    .option('--json', 'the same: the answer is JSON')
    .addHelpText('after', '\nExample:\n  llem-agent config schema > llem.schema.json')
    .action(async () => (await import('../commands/config.ts')).schemaConfig())
  config
    .command('presets')
    .description('the ready-made studies; with a name, that one as a file to begin from')
    .argument('[name]')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample:\n  llem-agent config presets benchmark > mine.yaml')
    .action(async (name: string | undefined, o: { json?: boolean }) =>
      (await import('../commands/config.ts')).presetsConfig(name, o),
    )
}
