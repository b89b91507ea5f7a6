import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { KernelName } from './bursts/kernels.ts'
import type { RecordOptions } from './commands/run-options.ts'
import { VERSION } from './program.ts'

/** Commands are imported when they run: `--help` then loads nothing but this file and commander. */
const collect = (value: string, all: string[]) => [...all, value]

function atLeastZero(value: string): number {
  const seconds = Number(value)
  if (value.trim() === '' || !(seconds >= 0 && seconds <= 3600))
    throw new InvalidArgumentError('It must be seconds from 0 to 3600, such as 5.')
  return seconds
}

const countFrom =
  (least: number) =>
  (value: string): number => {
    if (/^\d{1,6}$/.test(value) && Number(value) >= least) return Number(value)
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`)
  }

function seconds(value: string): number {
  const given = Number(value)
  if (value.trim() !== '' && given > 0 && given <= 3600) return given
  throw new InvalidArgumentError('It must be seconds above 0 and up to 3600, such as 20.')
}

function percent(value: string): number {
  const given = Number(value)
  if (value.trim() !== '' && given > 0 && given <= 100) return given
  throw new InvalidArgumentError('It must be per cent above 0 and up to 100, such as 0.5.')
}

/** `0.94+-0.02`, its standard uncertainty behind; 1 alone. */
function efficiency(value: string): { value: number; u: number } {
  const [share, u] = value.split(/\+-|±/).map(Number)
  if (value.trim() === '1') return { value: 1, u: 0 }
  if (share !== undefined && u !== undefined && share > 0.3 && share <= 1 && u >= 0 && u < 0.3)
    return { value: share, u }
  throw new InvalidArgumentError(
    'It must be a share with its standard uncertainty such as 0.94+-0.02, or 1 for none.',
  )
}

function burstLengths(value: string): readonly number[] {
  const lengths = value.split(',').map(Number)
  if (lengths.every((ms) => Number.isInteger(ms) && ms >= 5 && ms <= 60_000)) return lengths
  throw new InvalidArgumentError('It must be milliseconds from 5 to 60000, such as 100,500.')
}

function watchInterval(value: string): number {
  const seconds = Number(value)
  if (!(seconds >= 0.1 && seconds <= 3600))
    throw new InvalidArgumentError('It must be seconds from 0.1 to 3600, such as 1.')
  return seconds
}

function wholeAboveZero(value: string): number {
  const n = Number(value)
  if (!Number.isSafeInteger(n) || n < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 up.')
  return n
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
  llem-agent measure -- python train.py      any program
  llem-agent watch                           live power of all devices
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
      item: o.item ?? null,
      dryRun: o.dryRun === true,
      ...recordOptions(o),
    })
  })

interface RecordFlags {
  server: string | boolean
  db: string
  out?: string
  json?: boolean
}

interface RunFlags extends RecordFlags {
  set: string[]
  item?: string
  dryRun?: boolean
}

/** Where readings go, of every command that records. */
const recordOptions = (o: RecordFlags): RecordOptions => ({
  server:
    o.server === false
      ? false
      : typeof o.server === 'string'
        ? o.server
        : (process.env['LLEM_SERVER'] ?? null),
  db: o.db,
  out: o.out ?? null,
  json: o.json === true,
})

program
  // An option after COMMAND is COMMAND's own.
  .enablePositionalOptions()
  .command('measure')
  .passThroughOptions()
  .description('measure any program, from its start to its end; or windows that programs mark')
  .usage('[options] [--] COMMAND...')
  .argument('[command...]', 'the program and its arguments; it has this terminal')
  .option(
    '--windows <path>',
    'a Unix socket on which programs mark windows; LLEM_WINDOWS tells them where',
  )
  .option(
    '--baseline <seconds>',
    'idle power before the program starts, 2 unless said; it makes short windows sharper, 0: none',
    atLeastZero,
  )
  .option(
    '--set <key.path=value>',
    'change name, tags, devices, sensors or phases (repeatable)',
    collect,
    [],
  )
  .option('--server <url>', 'send to this server instead of the embedded one', serverUrl)
  .option('--no-server', 'only record: the bundle can be imported elsewhere')
  .option(
    '--db <path>',
    'database of the embedded server (LLEM_DB)',
    process.env['LLEM_DB'] ?? 'llem.db',
  )
  .option('--out <dir>', 'write report.html, summary.json and the bundle there')
  .option('--json', "one JSON document on standard output; the program's goes to standard error")
  .addHelpText(
    'after',
    `
Phases: baseline (--baseline, 2 s), measure (the program's life: what is counted), cooldown (phases.cooldown_s, 1 s).
All visible GPUs are counted, else the CPU; --set 'devices=[0]' counts the first GPU alone.

Examples:
  llem-agent measure -- python train.py --epochs 3
  llem-agent measure --out results -- ./llama-bench -m model.gguf
  llem-agent measure --windows /tmp/llem.sock -- python generate.py    (clients/python/llem_windows.py)
  llem-agent measure --windows /tmp/llem.sock                          until Ctrl-C, for programs started elsewhere
  llem-agent measure -- sh -c 'make model && ./model'

Exit codes: 0 done, 1 the program failed, 2 wrong command line, 3 done but invalid, 130 interrupted.`,
  )
  .action(async (command: string[], o: MeasureFlags) => {
    const { measureCommand } = await import('./commands/measure.ts')
    process.exitCode = await measureCommand({
      command,
      windows: o.windows ?? null,
      baseline_s: o.baseline ?? null,
      set: o.set,
      ...recordOptions(o),
    })
  })

interface MeasureFlags extends RecordFlags {
  set: string[]
  windows?: string
  baseline?: number
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
    ).choices(['register', 'shared', 'stream', 'memory', 'warpgroup', 'ffma']),
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
    if (o.bursts !== true) {
      const { doctorCommand, refuseBurstOptions } = await import('./commands/doctor.ts')
      refuseBurstOptions(Object.keys(o))
      process.exitCode = await doctorCommand({ json: o.json === true })
      return
    }
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
  .command('watch')
  .description('what all devices draw now: power, temperature, use, clocks, memory, throttling')
  .option('--interval <seconds>', 'how often', watchInterval, 1)
  .option('--count <n>', 'so many times instead of until Ctrl-C', wholeAboveZero)
  .option('--prometheus <[host:]port>', 'serve /metrics, on loopback unless a host is named')
  .option('--json', 'a JSON document on a line each time')
  .addHelpText(
    'after',
    `
A live table on a terminal, else a line a device. Nothing is locked and nothing is stored. Joules count from the start.

Examples:
  llem-agent watch
  llem-agent watch --count 1 --json
  llem-agent watch --interval 10 >> power.log
  llem-agent watch --prometheus 9400      then http://127.0.0.1:9400/metrics`,
  )
  .action(async (o: { interval: number; count?: number; prometheus?: string; json?: boolean }) => {
    const { watchCommand } = await import('./commands/watch.ts')
    process.exitCode = await watchCommand({
      interval_s: o.interval,
      count: o.count ?? null,
      prometheus: o.prometheus ?? null,
      json: o.json === true,
    })
  })

program
  .command('calibrate')
  .description("a sensor's gain and offset against a meter, kept for runs to come")
  .option('--device <uuid>', 'this device, by the beginning of its id; else the first GPU')
  .addOption(
    new Option(
      '--meter <source>',
      'which meter of sensors.meters, or typed: watts that you read off it',
    ).choices(['plug', 'redfish', 'ipmi', 'typed']),
  )
  .option('--config <file>', 'FILE or PRESET whose sensors.meters are used')
  .option('--set <key.path=value>', 'change one key of sensors (repeatable)', collect, [])
  .addOption(
    new Option('--sees <what>', 'what the meter measures: the whole node, or the device alone')
      .choices(['node', 'device'])
      .default('node'),
  )
  .option(
    '--psu-efficiency <share>',
    "share of the meter's watts that reaches the parts, 0.94+-0.02; 1 leaves the supply's loss in the gain",
    efficiency,
  )
  .option('--meter-error <pct>', 'with --meter typed: its error bound, %', percent, 2)
  .option('--steps <n>', 'levels of load beside idle', countFrom(1), 5)
  .option('--step-seconds <s>', 'how long each is averaged', seconds, 20)
  .option(
    '--settle-seconds <s>',
    'wait after each change; else as long as the meter needs',
    seconds,
  )
  .option('--load <command>', 'your own work in the place of ours, run for a share of the time')
  .option('--show', 'the stored calibrations')
  .option('--forget', 'drop the stored calibrations, with --device those of one device')
  .option('--out <dir>', 'keep the recording there, as a bundle')
  .option('--json', 'one JSON document on standard output')
  .addHelpText(
    'after',
    `
A meter of the node tells what changes with the load, through the power supply: state its efficiency.

Examples:
  llem-agent calibrate --config study.yaml --psu-efficiency 0.94+-0.01
  llem-agent calibrate --set 'sensors.meters=[{source: plug, url: http://10.0.0.9, kind: shelly}]'
  llem-agent calibrate --meter typed --meter-error 0.5 --sees device --psu-efficiency 1
  llem-agent calibrate --device cpu_package:0 --config study.yaml --load 'stress-ng --matrix 0'
  llem-agent calibrate --show
  llem-agent calibrate --forget --device GPU-8f3c

Exit codes: 0 stored, 1 failed, 2 wrong command line, 3 it can't be told from these steps, 130 interrupted.`,
  )
  .action(async (o: CalibrateFlags) => {
    const { calibrateCommand, forgetCommand, showCalibrations } = await import(
      './commands/calibrate.ts'
    )
    const device = o.device ?? null
    if (o.show === true) process.exitCode = await showCalibrations(device, o.json === true)
    else if (o.forget === true) process.exitCode = await forgetCommand(device, o.json === true)
    else
      process.exitCode = await calibrateCommand({
        ...{ device, meter: o.meter ?? null, sees: o.sees, steps: o.steps, set: o.set },
        ...{ step_s: o.stepSeconds, settle_s: o.settleSeconds ?? null, load: o.load ?? null },
        ...{ efficiency: o.psuEfficiency ?? null, typed_error_pct: o.meterError },
        ...{ config: o.config ?? null, out: o.out ?? null, json: o.json === true },
      })
  })

interface CalibrateFlags {
  device?: string
  meter?: string
  config?: string
  set: string[]
  sees: 'node' | 'device'
  psuEfficiency?: { value: number; u: number }
  meterError: number
  steps: number
  stepSeconds: number
  settleSeconds?: number
  load?: string
  show?: boolean
  forget?: boolean
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
  const expected = ['EngineError', 'ServerError', 'SpoolError', 'LockError', 'BurstError'].includes(
    name,
  )
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
