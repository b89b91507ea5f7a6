import type { Command } from 'commander'
import { type Common, command } from './command.ts'
import {
  A_SCENARIO,
  askCommand,
  COST_OPTIONS,
  FILTERS,
  listCommand,
  named,
  OF_ONE_RUN,
  type Parameters,
} from './parameters.ts'

const CHOOSING: Parameters = [
  ['group_by', 'fields that are kept apart, with commas: model, gpu_model, ...'],
  ['per', 'experiment: the mean of its runs; or run'],
  ['resamples', 'how often the uncertainty is drawn (1000)'],
  ['seed', 'of these draws (1)'],
  ['format', 'json; or vega: a Vega-Lite chart'],
  ['quality_dataset', 'whose scores count for quality_score, where there are several'],
  ['rated_by', 'whose quality_rating: model (default) or run'],
  ...COST_OPTIONS.filter(([name]) => ![...OF_ONE_RUN, 'unit', 'year'].includes(name)),
  ['year', 'of the factor (default: the year of today)'],
]
/** A command that chooses: under a scenario by carbon, water and money too. */
const choosing = (list: Command): Command =>
  list.option(
    '--scenario <scenario>',
    `${A_SCENARIO}: metrics such as carbon_location_per_mtok_out, money_per_mtok_out`,
  )

/** What to choose, and how it stands among others. */
export function choosingCommands(program: Command): void {
  program.commandsGroup('Choosing:')
  listCommand(
    command(
      program,
      'leaderboard',
      'Runs and results of others in one list, each run with its place among them; with --a and --b two sides compared.',
      'llem-server leaderboard --task gpqa --gpu_model H100 --max_itl_ms_p50 50\n  llem-server leaderboard --task gpqa --a gpu_model:H100 --b gpu_model:B200',
    ).option('--out <file>', 'write it there (default: stdout)'),
    [
      ['revision', 'date or version of published rows'],
      ['metric', 'metric by which runs are placed (default: the one sorted by)'],
      ['format', 'json, csv, parquet, markdown, vega or mlenergy'],
      ['chart', 'of --format vega: board (all rows) or neighbours (a run between the nearest)'],
      ['x', 'metric across the chart of --format vega'],
      [
        'a',
        'one side: FIELD:VALUE, or several with commas, e.g. source:mlenergy,revision:2026-02-16',
      ],
      ['b', 'the other side'],
    ],
    async (o, query) => {
      const { board } = await import('../commands/leaderboard.ts')
      await board({ ...o, out: typeof o['out'] === 'string' ? o['out'] : undefined }, query)
    },
  )

  askCommand(
    choosing(
      command(
        program,
        'pareto',
        'Show which configurations no other one beats on every objective. Filters are those of runs; --min_METRIC and --max_METRIC bound any metric.',
        'llem-server pareto --task chat --x itl_ms_p50 --y energy_per_output_token_j\n  llem-server pareto --task chat --y carbon_location_per_mtok_out --zone DE --pue 1.2',
      ),
    ),
    [
      ['x', 'METRIC (itl_ms_p50); min:METRIC or max:METRIC says which way is better'],
      ['y', 'METRIC (energy_per_output_token_j)'],
      ['z', 'a third METRIC'],
      ['also', 'more, with commas'],
      ['rule', 'textbook, or mlenergy: only what is beaten on all is dropped'],
      ...CHOOSING,
      ...FILTERS,
    ],
    async (o, query) =>
      (await import('../commands/pareto.ts')).pareto(
        { ...o, scenario: named(o['scenario']) },
        query,
      ),
  )

  askCommand(
    choosing(
      command(
        program,
        'recommend',
        'Say which configuration takes least within bounds (--max_METRIC, --min_METRIC), and what it saves. Filters are those of runs.',
        'llem-server recommend --task chat --max_itl_ms_p50 50 --baseline fastest_feasible\n  llem-server recommend --task chat --max_itl_ms_p50 50 --minimize money_per_mtok_out --rent_per_gpu_hour 2\n  llem-server recommend --task chat --min_quality_score 0.7 --quality_dataset mmlu --max_gpu_memory_peak_mib 40000',
      ),
    ),
    [
      ['minimize', 'METRIC (energy_per_output_token_j)'],
      ['latency', 'the METRIC that counts as latency (the one with a bound)'],
      ['baseline', 'current, fastest_feasible, fastest_same_hardware or worst_feasible'],
      ['current', 'RUN: what runs now'],
      ['old_gpu', 'with --new_gpu: what newer hardware saves'],
      ['new_gpu', 'GPU model'],
      ['deadlines', 'for these two, with commas'],
      ...CHOOSING,
      ...FILTERS,
    ],
    async (o, query) =>
      (await import('../commands/recommend.ts')).recommend(
        { ...o, scenario: named(o['scenario']) },
        query,
      ),
  )

  askCommand(
    command(
      program,
      'ratings',
      'Show how often the answers of each model are chosen in blind votes, against the joules of its answers.',
      'llem-server ratings --json',
    ),
    [
      ['by', 'model, or run'],
      ['format', 'json; or vega: a Vega-Lite chart'],
    ],
    async (o, query) => (await import('../commands/ratings.ts')).ratings(o, query),
  )

  command(
    program,
    'score',
    "Attach a score on a dataset to a run, so that a choice can be bound by it; without VALUE show the run's scores.",
    'llem-server score last 0.712 --dataset mmlu --low 0.705 --high 0.719 --source "lm-eval 0.4.9"\n  llem-server recommend --min_quality_score 0.7 --quality_dataset mmlu',
  )
    .argument('<run>', 'RUN, as show takes it')
    .argument('[value]', 'from 0 up; higher is better. All scores on one dataset have one scale')
    .option(
      '--dataset <name>',
      'what was scored: mmlu, or gsm8k:strict where it has several scores',
    )
    .option('--low <value>', 'lower end of the 95 % range, where it is known')
    .option('--high <value>', 'its upper end')
    .option('--source <text>', 'who or what scored, with its version')
    .option('--replace', 'put it in the place of another score on this dataset', false)
    .option('--remove', 'take the score on this dataset away', false)
    .action(
      async (
        run: string,
        value: string | undefined,
        o: Common & {
          dataset: string | undefined
          low: string | undefined
          high: string | undefined
          source: string | undefined
          replace: boolean
          remove: boolean
        },
      ) => (await import('../commands/score.ts')).score(run, value, o),
    )
}
