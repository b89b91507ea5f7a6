import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { CodecarbonPlace } from '../codecarbon.ts'
import { EXPORT_FORMATS } from '../formats/export-format.ts'
import { type Common, command } from './command.ts'

/** Other formats and other tools' figures. */
export function exchangeCommands(program: Command): void {
  program.commandsGroup('Out, and against other tools:')
  command(
    program,
    'export',
    'Write runs out; without RUN all that are not archived.',
    'llem-server export last --format bundle --out run.tar.gz',
  )
    .argument('[run...]', 'RUN, as show takes it')
    .addOption(
      new Option(
        '--format <format>',
        'bundle: as recorded (a folder, or .tar.gz by the name of --out); csv: one row a run (a folder, or a file by a name in .csv, with columns.csv); parquet, arrow: raw rows; json: summaries; mlenergy: rows of a leaderboard task file; submission: bundle, summary and task file with their hashes, for llem-server verify; codecarbon: emissions.csv, a row a run, and where its numbers came from',
      )
        .choices(EXPORT_FORMATS)
        .default('bundle'),
    )
    .option('--out <path>', 'where to (default: llem-export-FORMAT here; json: stdout)')
    .option(
      '--strict',
      "of mlenergy: only the format's own fields, and refuse rows that lack one",
      false,
    )
    .option('--zone <zone>', 'of codecarbon: grid zone, as cost takes it; without one no emissions')
    .option('--g_per_kwh <g>', 'of codecarbon: a factor of your own, in place of --zone')
    .option('--year <year>', "of codecarbon: of the factor (default: the run's)")
    .option(
      '--pue <pue>',
      'of codecarbon: a number from 1 up, or a row such as google (default: 1)',
    )
    .action(
      async (
        refs: string[],
        o: Common & {
          format: 'bundle'
          out: string | undefined
          strict: boolean
        } & CodecarbonPlace,
      ) => {
        const { zone, g_per_kwh, year, pue } = o
        const place = { zone, g_per_kwh, year, pue }
        await (await import('../commands/export.ts')).exportRuns(refs, { ...o, place })
      },
    )

  command(
    program,
    'energy-score',
    'Where a run would stand on the board of AI Energy Score: Wh per 1,000 queries, stars.',
    'llem-server import text_generation.csv\n  llem-server energy-score last --class A',
  )
    .argument('<run>', 'RUN, as show takes it')
    .option('--task <task>', 'board of this task', 'text_generation')
    .option('--class <class>', 'only models of this class: A, B or C')
    .action(async (run: string, o: Common & { task: string; class: string | undefined }) =>
      (await import('../commands/energy-score.ts')).energyScore(run, o),
    )

  command(
    program,
    'reconcile',
    "Why CodeCarbon's figure of a run is not ours, line by line.",
    'llem-server reconcile last emissions.csv --zone NO --pue 1.2',
  )
    .argument('<run>', 'RUN, as show takes it')
    .argument('<file>', 'an emissions.csv of CodeCarbon')
    .option('--row <n>', 'row of the file, from 1 (default: its only one)')
    .addOption(
      new Option('--span <span>', 'window: what the summary counts; recorded: load and warm-up too')
        .choices(['window', 'recorded'])
        .default('recorded'),
    )
    .option('--zone <zone>', 'our grid zone, as cost takes it (default: its own factor)')
    .option('--g_per_kwh <g>', 'a factor of your own, in place of --zone')
    .option('--year <year>', "of our factor (default: the run's)")
    .option('--pue <pue>', 'ours: a number from 1 up, or a row such as google (default: 1)')
    .action(
      async (
        run: string,
        file: string,
        o: Common & { row: string | undefined; span: 'window' | 'recorded' } & CodecarbonPlace,
      ) => (await import('../commands/reconcile.ts')).reconcile(run, file, o),
    )

  command(
    program,
    'verify',
    'Check a submission: every hash, and every number computed anew from its raw rows.',
    'llem-server verify submission',
  )
    .argument('<folder>', 'what export --format submission wrote')
    .action(async (folder: string, o: Common) =>
      (await import('../commands/verify.ts')).verify(resolve(folder), o),
    )
}
