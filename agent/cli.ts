import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { KernelName } from './bursts/kernels.ts'
import { VERSION } from './program.ts'

/** Commands are imported when they run: `--help` then loads nothing but this file and commander. */
const collect = (value: string, all: string[]) => [...all, value]

const countFrom =
  (least: number) =>
  (value: string): number => {
    if (/^\d{1,6}$/.test(value) && Number(value) >= least) return Number(value)
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`)
  }

function burstLengths(value: string): readonly number[] {
  const lengths = value.split(',').map(Number)
  if (lengths.every((ms) => Number.isInteger(ms) && ms >= 5 && ms <= 60_000)) return lengths
  throw new InvalidArgumentError('It must be milliseconds from 5 to 60000, such as 100,500.')
}

function serverUrl(value: string): string {
  if (!/^https?:\/\/\S+$/.test(value))
    throw new InvalidArgumentError('It must be an address such as http://lab-server:8642.')
  return value.replace(/\/+$/, '')
}

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
  llem-agent config presets
  llem-agent ship                            send what an earlier run left behind`,
  )

program
  .command('run')
  .description('run an experiment or a study: a YAML or JSON file, or the name of a preset')
  .argument('[file]', 'FILE or PRESET; - reads standard input', 'quick-test')
  .option('--set <key.path=value>', 'change one key of the configuration (repeatable)', collect, [])
  .option('--server <url>', 'send to this server instead of the embedded one', serverUrl)
  .option('--no-server', 'only record: the bundle can be imported elsewhere')
  .option(
    '--db <path>',
    'database of the embedded server (LLEM_DB)',
    process.env['LLEM_DB'] ?? 'llem.db',
  )
  .option('--out <dir>', 'write report.html, summary.json and the bundle there')
  .option('--item <K/N>', 'run only the K-th of N shares of the study')
  .option('--dry-run', 'show what would run, and run nothing')
  .option('--json', 'one JSON document on standard output')
  .addHelpText(
    'after',
    `
Examples:
  llem-agent run quick-test
  llem-agent run quick-test --set load.concurrency=8 --json
  llem-agent run examples/openai.yaml --set engine.base_url=http://127.0.0.1:8000/v1
  llem-agent run study.yaml --no-server --out /data/bundles     (air-gapped host)

Exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 done but invalid, 130 interrupted.`,
  )
  .action(async (source: string, o: RunFlags) => {
    const { runCommand } = await import('./commands/run.ts')
    process.exitCode = await runCommand(source, {
      set: o.set,
      server:
        o.server === false
          ? false
          : typeof o.server === 'string'
            ? o.server
            : (process.env['LLEM_SERVER'] ?? null),
      db: o.db,
      out: o.out ?? null,
      item: o.item ?? null,
      dryRun: o.dryRun === true,
      json: o.json === true,
    })
  })

interface RunFlags {
  set: string[]
  server: string | boolean
  db: string
  out?: string
  item?: string
  dryRun?: boolean
  json?: boolean
}

program
  .command('doctor')
  .description('what can be measured here, how well, and what would mend the rest')
  .option('--bursts', 'how well short bursts are measured: known work on one NVIDIA GPU, 6 minutes')
  .option('--full', 'with --bursts: 50 bursts of each length in the place of 20')
  .option('--device <uuid>', 'with --bursts: this GPU, by the beginning of its UUID')
  .option('--repeat <n>', 'with --bursts: so many bursts of each length', countFrom(2))
  .option('--lengths <ms,...>', 'with --bursts: these lengths, milliseconds', burstLengths)
  .addOption(
    new Option('--load <load>', 'with --bursts: all that the card draws, or clocks that hold')
      .choices(['full', 'constant', 'both'])
      .default('both'),
  )
  .addOption(
    new Option(
      '--kernel <name>',
      'with --bursts: this kind of work in the place of the one that draws most',
    ).choices(['register', 'shared', 'stream', 'memory', 'ffma']),
  )
  .option('--out <dir>', 'with --bursts: keep the recording there, as a bundle')
  .option('--json', 'one JSON document on standard output')
  .addHelpText(
    'after',
    `
Examples:
  llem-agent doctor
  llem-agent doctor --bursts --out bursts       docs/measuring.md, "Bursts", says how to read it
  llem-agent doctor --bursts --full --json > bursts.json

Exit codes: 0 something can be measured (--bursts: every goal is met), 1 failed, 2 wrong command line,
3 there are only estimates (--bursts: a goal is missed), 130 interrupted.`,
  )
  .action(async (o: DoctorFlags) => {
    const { doctorBursts } = await import('./commands/doctor-bursts.ts')
    process.exitCode = await doctorBursts({
      json: o.json === true,
      full: o.full === true,
      device: o.device ?? null,
      repeat: o.repeat ?? null,
      lengths_ms: o.lengths ?? null,
      load: o.load,
      kernel: o.kernel ?? null,
      out: o.out ?? null,
    })
  })

interface DoctorFlags {
  bursts?: boolean
  full?: boolean
  device?: string
  repeat?: number
  lengths?: readonly number[]
  load: 'full' | 'constant' | 'both'
  kernel?: KernelName
  out?: string
  json?: boolean
}

program
  .command('ship')
  .description('send what earlier runs left in the spool, and seal the runs of killed agents')
  .option('--server <url>', 'send to this server instead of the embedded one', serverUrl)
  .option(
    '--db <path>',
    'database of the embedded server (LLEM_DB)',
    process.env['LLEM_DB'] ?? 'llem.db',
  )
  .option('--json', 'one JSON document on standard output')
  .addHelpText('after', '\nExample:\n  llem-agent ship --server http://lab-server:8642')
  .action(async (o: { server?: string; db: string; json?: boolean }) => {
    const { shipCommand } = await import('./commands/ship.ts')
    process.exitCode = await shipCommand({
      server: o.server ?? process.env['LLEM_SERVER'] ?? null,
      db: o.db,
      json: o.json === true,
    })
  })

const config = program
  .command('config')
  .description('what a configuration can say, and what one says')
  .addHelpText('after', '\nExample:\n  llem-agent config validate my-study.yaml')

const reading = (name: string, about: string, example: string) =>
  config
    .command(name)
    .description(about)
    .argument('<file>', 'FILE or PRESET')
    .option('--set <key.path=value>', 'change one key (repeatable)', collect, [])
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', `\nExample:\n  llem-agent config ${name} ${example}`)

interface ConfigFlags {
  set: string[]
  json?: boolean
}

reading(
  'show',
  'everything resolved, with defaults and the key of the experiment',
  'quick-test --json',
).action(async (file: string, o: ConfigFlags) =>
  (await import('./commands/config.ts')).showConfig(file, o),
)
reading('validate', 'say what is wrong with it, or that nothing is', 'my-study.yaml').action(
  async (file: string, o: ConfigFlags) =>
    (await import('./commands/config.ts')).validateConfig(file, o),
)
reading('grid', 'the experiments of a study', 'benchmark').action(
  async (file: string, o: ConfigFlags) =>
    (await import('./commands/config.ts')).gridConfig(file, o),
)
config
  .command('schema')
  .description('JSON Schema of everything that a configuration can say')
  .option('--json', 'the same: the answer is JSON')
  .addHelpText('after', '\nExample:\n  llem-agent config schema > llem.schema.json')
  .action(async () => (await import('./commands/config.ts')).schemaConfig())
config
  .command('presets')
  .description('the ready-made studies; with a name, that one as a file to begin from')
  .argument('[name]')
  .option('--json', 'one JSON document on standard output')
  .addHelpText('after', '\nExample:\n  llem-agent config presets benchmark > mine.yaml')
  .action(async (name: string | undefined, o: { json?: boolean }) =>
    (await import('./commands/config.ts')).presetsConfig(name, o),
  )

/** Every error that a person can mend is a sentence and an exit code; a stack is only for our own faults. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const { name, message, stack, kind } = error as Error & { kind?: string }
  if (name === 'ConfigError') {
    process.stderr.write(`${message}\n`)
    return 2
  }
  const expected = ['EngineError', 'ServerError', 'SpoolError', 'LockError', 'BurstError'].includes(name)
  process.stderr.write(`${expected ? message : (stack ?? message)}\n`)
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
program.parseAsync().catch((error: unknown) => {
  process.exitCode = explain(error)
})
