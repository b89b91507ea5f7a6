import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { type Common, command } from './command.ts'
import { listCommand } from './parameters.ts'

/** Runs: listed, shown, taken in and compared. */
export function runCommands(program: Command): void {
  program.commandsGroup('Runs:')
  listCommand(
    command(
      program,
      'runs',
      'List runs. Filters are those of the API; a comma is "or"; --min_METRIC and --max_METRIC bound any metric.',
      'llem-server runs --model a,b --max_itl_ms_p50 50 --sort=-energy_per_output_token_j',
    ),
    [],
    async (o, query) => (await import('../commands/runs.ts')).runs(o, query),
  )

  command(
    program,
    'show',
    'Show every number of a run, with its range or the reason why there is none.',
    'llem-server show last --db lab.db',
  )
    .argument(
      '<run>',
      'RUN: an id, a unique prefix of one, name:NAME, tag:KEY=VALUE or last (the newest that did not fail)',
    )
    .option('--requests', 'its requests instead', false)
    .action(async (run: string, o: Common & { requests: boolean }) =>
      (await import('../commands/show.ts')).show(run, o),
    )

  command(
    program,
    'report',
    'Write the report of a run: one HTML file that opens offline.',
    'llem-server report last --out report.html',
  )
    .argument('<run>', 'RUN, as show takes it')
    .option('--out <file>', 'where to (default: report-RUN.html here)')
    .addOption(
      new Option('--format <format>', 'html, or the bare Vega-Lite charts')
        .choices(['html', 'vega'])
        .default('html'),
    )
    .action(async (run: string, o: Common & { out: string | undefined; format: 'html' | 'vega' }) =>
      (await import('../commands/report.ts')).report(run, o),
    )

  command(
    program,
    'import',
    'Take in bundles (a folder or .tar.gz), results of other tools (a file, a folder, .tar.gz), or answers to be compared (docs/quality.md), all or nothing.',
    'llem-server import results/ --dry-run --db lab.db',
  )
    .argument('<path>', 'the bundle, or the results')
    .option(
      '--format <format>',
      'bundle, answers, or the name of an importer (default: by content)',
    )
    .option('--revision <date>', 'date or version of published results, where they do not tell it')
    .option('--dry-run', 'say what would become of each row, and store nothing', false)
    .action(
      async (
        path: string,
        o: Common & { format: string | undefined; revision: string | undefined; dryRun: boolean },
      ) => (await import('../commands/import.ts')).importPath(resolve(path), o),
    )

  command(
    program,
    'compare',
    'Compare two runs metric by metric; more: rank their experiments.',
    'llem-server compare name:before name:after',
  )
    .argument('<run>', 'RUN, as show takes it')
    .argument('<runs...>', 'the others')
    .action(async (first: string, others: string[], o: Common) =>
      (await import('../commands/compare.ts')).compare([first, ...others], o),
    )
}
