import { resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../analysis/schema/did-you-mean.ts'
import type { CodecarbonPlace } from './codecarbon.ts'
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

interface Common {
  readonly db: string
  readonly json: boolean
}

function command(name: string, description: string, example: string, parent = program): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(
      new Option('--db <path>', 'SQLite file of the database').env('LLEM_DB').default('llem.db'),
    )
    .option('--json', 'one JSON document on stdout', false)
    .addHelpText('after', `\nExample:\n  ${example}`)
}

const port = (text: string): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It must be 0 to 65535.')
  return value
}

command('serve', 'Serve the API and its pages.', 'llem-server serve --db lab.db --port 8642')
  .option('--host <host>', 'address to listen at; another than loopback needs a token', '127.0.0.1')
  .option('--port <port>', '0 takes a free one', port, 8642)
  .option('--until-stdin-closes', 'end when the parent process ends', false)
  .action(async (o: Common & { host: string; port: number; untilStdinCloses: boolean }) => {
    await (await import('./commands/serve.ts')).serve(o)
  })

command(
  'migrate',
  "Bring a database to this program's version, or make a new one.",
  'llem-server migrate --db lab.db',
).action(async (o: Common) => (await import('./commands/migrate.ts')).migrate(o))

command(
  'check',
  'Check structure, orphans and the hash of every chunk.',
  'llem-server check --db lab.db',
).action(async (o: Common) => (await import('./commands/check.ts')).check(o))

type Parameters = readonly (readonly [name: string, meaning: string])[]
const FILTERS: Parameters = [
  ['source', 'local, ...'],
  ['study', 'study id'],
  ['experiment_key', 'canonical key of the configuration'],
  ['task', 'task'],
  ['model', 'model'],
  ['engine', 'engine'],
  ['gpu_model', 'GPU model'],
  ['num_gpus', 'GPUs used'],
  ['precision', 'precision'],
  ['batch_limit', "the engine's batch limit"],
  ['tensor_parallel', 'tensor parallel size'],
  ['host', 'host'],
  ['site', 'site'],
  ['name', 'name'],
  ['state', 'open or sealed'],
  ['outcome', 'completed, failed or interrupted'],
  ['valid', 'true or false'],
  ['cautions', 'include or exclude'],
  ['archived', 'exclude, include or only'],
  ['tag', 'KEY=VALUE or KEY'],
  ['started_from', 'a time'],
  ['started_to', 'a time'],
]
const PAGES: Parameters = [
  ['sort', 'a field or a metric, with - for descending'],
  ['limit', 'how many, at most 1000'],
  ['cursor', 'where the page before ended'],
]
/** Parameters of the cost's address, as options of the same names. */
const COST_OPTIONS: Parameters = [
  ['zone', 'grid zone of Electricity Maps (DE, US-CAL-CISO), ISO 3166 alpha-3, or WORLD'],
  ['cloud_region', 'aws:eu-central-1, in place of --zone'],
  ['g_per_kwh', 'a factor of your own, in place of --zone'],
  ['year', "of the factor (default: the run's)"],
  ['hour', 'as if it had begun then: 0 to 23, or a time such as 2026-07-14T02:00:00Z'],
  ['pue', 'a number from 1 up, or a row such as google'],
  ['wue_site', 'L per kWh of IT, or a row such as aws'],
  ['wue_grid', 'L per kWh, or a row such as DEU'],
  ['host_share_w', 'watts of what the run did not measure of its machine'],
  ['tariff', 'a row such as us-ca-industrial-2023'],
  ['price_per_kwh', 'in the currency, in place of --tariff'],
  ['hardware', 'a row such as h100-2026-07'],
  ['rent_per_gpu_hour', 'electricity included, in place of --hardware'],
  ['embodied', 'a row such as h100-sxm'],
  ['carbon_price_per_t', 'shadow price of a tonne'],
  ['currency', 'ISO 4217 (default: USD)'],
  ['unit', 'of the SCI: mtok_out, mtok_total, mtok_good, request, good_request'],
  ['span', 'window: what the summary counts; recorded: load and warm-up too'],
  ['boundary', 'gpu, cpu, gpu+cpu or node (default: the widest that was measured)'],
]
const OF_ONE_RUN = ['hour', 'span', 'boundary']
type Ask = (o: Common & Record<string, unknown>, query: Record<string, string>) => Promise<void>

/** A list with the filters of the API, and with `more` of its own; `run` gets them under the names of the API. */
const listCommand = (list: Command, more: Parameters, run: Ask): void =>
  askCommand(list, [...FILTERS, ...PAGES, ...more], run)

/** A command that takes what an address of the API takes, by the same names, bounds of metrics among them. */
function askCommand(list: Command, names: Parameters, run: Ask): void {
  for (const [name, meaning] of names) list.option(`--${name} <value>`, meaning)
  list
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (o: Common & Record<string, unknown>, it: Command) => {
      const query: Record<string, string> = metricOptions(it.args, list.name())
      refuseUnknown(Object.keys(query), list)
      for (const [name] of names) {
        const value = o[name]
        if (typeof value === 'string') query[name] = value
      }
      await run(o, query)
    })
}

/** Of what commander left over, bounds of metrics are judged by the question itself; all else must be an option. */
function refuseUnknown(names: readonly string[], list: Command): void {
  const known = list.options.map((o) => (o.long ?? '').replace(/^--/, ''))
  const faults = names
    .filter((name) => !/^(min|max)_/.test(name) && !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known)
      return `--${name} is not known here${meant === null ? '' : `; did you mean --${meant}?`}`
    })
  if (faults.length > 0)
    throw new CommanderError(
      2,
      'llem.argument',
      `${faults.join('\n')}\n(--help shows what can be said)`,
    )
}

/** `--max_itl_ms_p50 50` and `--max_itl_ms_p50=50`, left over by commander; `--gpu-model` is read as the field's own name. */
function metricOptions(args: readonly string[], command_name: string): Record<string, string> {
  const out: Record<string, string> = {}
  for (let i = 0; i < args.length; i++) {
    const [, name, value] = /^--([A-Za-z0-9_@-]+)(?:=(.*))?$/s.exec(args[i] ?? '') ?? []
    if (name === undefined)
      throw new CommanderError(
        2,
        'llem.argument',
        `error: ${args[i]} is not an option of ${command_name}`,
      )
    out[name.replaceAll('-', '_')] = value ?? args[++i] ?? ''
  }
  return out
}

listCommand(
  command(
    'runs',
    'List runs. Filters are those of the API; a comma is "or"; --min_METRIC and --max_METRIC bound any metric.',
    'llem-server runs --model a,b --max_itl_ms_p50 50 --sort=-energy_per_output_token_j',
  ),
  [],
  async (o, query) => (await import('./commands/runs.ts')).runs(o, query),
)

listCommand(
  command(
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
    const { board } = await import('./commands/leaderboard.ts')
    await board({ ...o, out: typeof o['out'] === 'string' ? o['out'] : undefined }, query)
  },
)

const named = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/** What --scenario takes, everywhere. */
const A_SCENARIO =
  'a file (with a slash, or ending in .yaml, .yml, .json; docs/cost.md), or NAME or NAME@VERSION of a stored one (scenario list)'

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

askCommand(
  choosing(
    command(
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
    (await import('./commands/pareto.ts')).pareto({ ...o, scenario: named(o['scenario']) }, query),
)

askCommand(
  choosing(
    command(
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
    (await import('./commands/recommend.ts')).recommend(
      { ...o, scenario: named(o['scenario']) },
      query,
    ),
)

askCommand(
  command(
    'ratings',
    'Show how often the answers of each model are chosen in blind votes, against the joules of its answers.',
    'llem-server ratings --json',
  ),
  [
    ['by', 'model, or run'],
    ['format', 'json; or vega: a Vega-Lite chart'],
  ],
  async (o, query) => (await import('./commands/ratings.ts')).ratings(o, query),
)

command(
  'score',
  "Attach a score on a dataset to a run, so that a choice can be bound by it; without VALUE show the run's scores.",
  'llem-server score last 0.712 --dataset mmlu --low 0.705 --high 0.719 --source "lm-eval 0.4.9"\n  llem-server recommend --min_quality_score 0.7 --quality_dataset mmlu',
)
  .argument('<run>', 'RUN, as show takes it')
  .argument('[value]', 'from 0 up; higher is better. All scores on one dataset have one scale')
  .option('--dataset <name>', 'what was scored: mmlu, or gsm8k:strict where it has several scores')
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
    ) => (await import('./commands/score.ts')).score(run, value, o),
  )

command(
  'show',
  'Show every number of a run, with its range or the reason why there is none.',
  'llem-server show last --db lab.db',
)
  .argument('<run>', 'RUN: an id, a unique prefix of one, name:NAME, tag:KEY=VALUE or last')
  .option('--requests', 'its requests instead', false)
  .action(async (run: string, o: Common & { requests: boolean }) =>
    (await import('./commands/show.ts')).show(run, o),
  )

command(
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
    (await import('./commands/report.ts')).report(run, o),
  )

command(
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
      .choices([
        'bundle',
        'csv',
        'parquet',
        'arrow',
        'json',
        'mlenergy',
        'submission',
        'codecarbon',
      ])
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
  .option('--pue <pue>', 'of codecarbon: a number from 1 up, or a row such as google (default: 1)')
  .action(
    async (
      refs: string[],
      o: Common & { format: 'bundle'; out: string | undefined; strict: boolean } & CodecarbonPlace,
    ) => {
      const { zone, g_per_kwh, year, pue } = o
      const place = { zone, g_per_kwh, year, pue }
      await (await import('./commands/export.ts')).exportRuns(refs, { ...o, place })
    },
  )

command(
  'energy-score',
  'Where a run would stand on the board of AI Energy Score: Wh per 1,000 queries, stars.',
  'llem-server import text_generation.csv\n  llem-server energy-score last --class A',
)
  .argument('<run>', 'RUN, as show takes it')
  .option('--task <task>', 'board of this task', 'text_generation')
  .option('--class <class>', 'only models of this class: A, B or C')
  .action(async (run: string, o: Common & { task: string; class: string | undefined }) =>
    (await import('./commands/energy-score.ts')).energyScore(run, o),
  )

command(
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
    ) => (await import('./commands/reconcile.ts')).reconcile(run, file, o),
  )

command(
  'verify',
  'Check a submission: every hash, and every number computed anew from its raw rows.',
  'llem-server verify submission',
)
  .argument('<folder>', 'what export --format submission wrote')
  .action(async (folder: string, o: Common) =>
    (await import('./commands/verify.ts')).verify(resolve(folder), o),
  )

command(
  'import',
  'Take in bundles (a folder or .tar.gz), results of other tools (a file, a folder, .tar.gz), or answers to be compared (docs/quality.md), all or nothing.',
  'llem-server import results/ --dry-run --db lab.db',
)
  .argument('<path>', 'the bundle, or the results')
  .option('--format <format>', 'bundle, answers, or the name of an importer (default: by content)')
  .option('--revision <date>', 'date or version of published results, where they do not tell it')
  .option('--dry-run', 'say what would become of each row, and store nothing', false)
  .action(
    async (
      path: string,
      o: Common & { format: string | undefined; revision: string | undefined; dryRun: boolean },
    ) => (await import('./commands/import.ts')).importPath(resolve(path), o),
  )

command(
  'compare',
  'Compare two runs metric by metric; more: rank their experiments.',
  'llem-server compare name:before name:after',
)
  .argument('<run>', 'RUN, as show takes it')
  .argument('<runs...>', 'the others')
  .action(async (first: string, others: string[], o: Common) =>
    (await import('./commands/compare.ts')).compare([first, ...others], o),
  )

const costs = command(
  'cost',
  'Carbon, water and money of a run, here or elsewhere, now or at another hour.',
  'llem-server cost last --zone DE --pue 1.2\n  llem-server cost last --scenario berlin.yaml --scenario oregon.yaml\n  llem-server cost last --scenario berlin@1 --scenario berlin@2',
)
  .argument('<run>', 'RUN, as show takes it')
  .option(
    '--scenario <scenario>',
    `${A_SCENARIO}; several are compared`,
    (one: string, before: string[]) => [...before, one],
    [] as string[],
  )
  .option(
    '--best-hours',
    'the cleanest and the cheapest start in the series of --series or of the scenario',
    false,
  )
const OF_COST: Parameters = [
  ...COST_OPTIONS,
  ['series', 'PROVIDER:ZONE of fetched factors (factors fetch), in place of --zone'],
]
for (const [name, meaning] of OF_COST) costs.option(`--${name} <value>`, meaning)
costs.action(
  async (
    run: string,
    o: Common & { scenario: string[]; bestHours: boolean } & Record<string, unknown>,
  ) => {
    const said = OF_COST.flatMap(([name]) => {
      const value = o[name]
      return typeof value === 'string' ? [[name, value]] : []
    })
    await (await import('./commands/cost.ts')).cost(run, o, Object.fromEntries(said))
  },
)

const TOTALS_OPTIONS: Parameters = [
  ['by', 'kept apart, with commas: month, team, model, host, site, gpu_model, engine, task'],
  ['series', 'PROVIDER:ZONE of fetched factors, in place of --zone'],
  ...COST_OPTIONS.filter(([name]) => !OF_ONE_RUN.includes(name)),
  ...FILTERS,
]
/** A command over totals: filters, a scenario, a table of sites. */
const totalsCommand = (list: Command): Command =>
  list
    .option('--scenario <scenario>', A_SCENARIO)
    .option(
      '--sites <sites>',
      'which host stood where, when (docs/totals.md): a file, or stored or stored@VERSION for the one that is kept (sites list)',
    )

askCommand(
  totalsCommand(
    command(
      'totals',
      'Sum energy, carbon, water and money of everything measured. Filters are those of runs.',
      'llem-server totals --by month,model --zone DE --pue 1.2\n  llem-server totals --by team --scenario berlin.yaml --sites sites.yaml\n  llem-server totals --by team --scenario berlin --sites stored',
    ),
  ),
  TOTALS_OPTIONS,
  async (o, query) =>
    (await import('./commands/totals.ts')).totals(
      { ...o, scenario: named(o['scenario']), sites: named(o['sites']) },
      query,
    ),
)

const statement = program
  .command('statement')
  .description('Freeze totals under a permanent address, show them, verify what they rest on.')
  .addHelpText(
    'after',
    '\nExample:\n  llem-server statement create --by month --zone DE --title "Energy of 2026"',
  )
askCommand(
  totalsCommand(
    command(
      'create',
      'Freeze totals: figures, factors, versions, scenario, filters and run hashes. Takes what totals takes.',
      'llem-server statement create --by month,team --sites sites.yaml --title "Energy of 2026"',
      statement,
    ).option('--title <text>', 'what it is of', ''),
  ),
  TOTALS_OPTIONS,
  async (o, query) =>
    (await import('./commands/statement.ts')).statementCreate(
      {
        ...o,
        scenario: named(o['scenario']),
        sites: named(o['sites']),
        title: String(o['title']),
      },
      query,
    ),
)
command('list', 'List statements.', 'llem-server statement list', statement).action(
  async (o: Common) => (await import('./commands/statement.ts')).statementList(o),
)
command(
  'show',
  'Show a statement as it was made.',
  'llem-server statement show 3f9a1c20',
  statement,
)
  .argument('<id>', 'its address, or eight digits or more of it')
  .action(async (id: string, o: Common) =>
    (await import('./commands/statement.ts')).statementShow(id, o),
  )
command(
  'verify',
  'Recompute every hash and figure of a statement, and say what has changed; the statement stays.',
  'llem-server statement verify 3f9a1c20',
  statement,
)
  .argument('<id>', 'its address, or eight digits or more of it')
  .action(async (id: string, o: Common) =>
    (await import('./commands/statement.ts')).statementVerify(id, o),
  )

const scenario = program
  .command('scenario')
  .description('Keep scenarios under their names, in versions that never change.')
  .addHelpText(
    'after',
    '\nExample:\n  llem-server scenario put examples/scenarios/berlin.yaml\n  llem-server cost last --scenario berlin',
  )
command(
  'put',
  'Store a scenario under its id: the next version, or the newest where that is the same. Nothing is replaced.',
  'llem-server scenario put examples/scenarios/berlin.yaml',
  scenario,
)
  .argument('<file>', 'in YAML or JSON (docs/cost.md); files that it names are taken in')
  .action(async (path: string, o: Common) =>
    (await import('./commands/scenario.ts')).scenarioPut(path, o),
  )
command(
  'list',
  'List every version of every stored scenario.',
  'llem-server scenario list',
  scenario,
).action(async (o: Common) => (await import('./commands/scenario.ts')).scenarioList(o))
command(
  'show',
  'Print a stored scenario as a file that can be put again.',
  'llem-server scenario show berlin@1 > berlin-1.yaml',
  scenario,
)
  .argument('<scenario>', 'NAME (its newest version) or NAME@VERSION')
  .action(async (ref: string, o: Common) =>
    (await import('./commands/scenario.ts')).scenarioShow(ref, o),
  )

const sites = program
  .command('sites')
  .description(
    'Keep the table of sites (which host stood where, when), in versions that never change.',
  )
  .addHelpText(
    'after',
    '\nExample:\n  llem-server sites put examples/sites.yaml\n  llem-server totals --by site,month --sites stored',
  )
command(
  'put',
  'Store the table of sites: the next version, or the newest where that is the same. Nothing is replaced.',
  'llem-server sites put examples/sites.yaml',
  sites,
)
  .argument('<file>', 'in YAML or JSON (docs/totals.md)')
  .action(async (path: string, o: Common) =>
    (await import('./commands/sites.ts')).sitesPut(path, o),
  )
command('list', 'List the versions of the stored table.', 'llem-server sites list', sites).action(
  async (o: Common) => (await import('./commands/sites.ts')).sitesList(o),
)
command(
  'show',
  'Print the stored table as a file that can be put again.',
  'llem-server sites show stored@1 > sites-1.yaml',
  sites,
)
  .argument('[version]', 'stored@VERSION', 'stored')
  .action(async (ref: string, o: Common) => (await import('./commands/sites.ts')).sitesShow(ref, o))

const factors = program
  .command('factors')
  .description('Fetch factors of electricity over time from their publishers, and keep them.')
  .addHelpText(
    'after',
    '\nExample:\n  llem-server factors fetch --provider gb --from 2026-07-01 --to 2026-08-01',
  )
command(
  'fetch',
  'Ask a publisher for what is not kept yet. The only command that asks anybody.',
  'llem-server factors fetch --provider gb --from 2026-07-01 --to 2026-08-01',
  factors,
)
  .requiredOption('--provider <name>', 'electricity-maps, watttime, gb, entsoe or eia')
  .option('--zone <zone>', "the publisher's zone (gb: GB)")
  .requiredOption('--from <time>', 'a day in UTC, or a time with its offset')
  .requiredOption('--to <time>', 'the end, not included')
  .option('--again', 'ask for what is there already too', false)
  .action(async (o: Common & FetchOptions) =>
    (await import('./commands/factors.ts')).factorsFetch({ ...o, zone: o.zone }),
  )
command(
  'list',
  'List what is kept, and the publishers.',
  'llem-server factors list',
  factors,
).action(async (o: Common) => (await import('./commands/factors.ts')).factorsList(o))
command(
  'show',
  'Print kept factors as the intensity of a scenario.',
  'llem-server factors show gb:GB > intensity.json',
  factors,
)
  .argument('<series>', 'PROVIDER:ZONE')
  .option('--from <time>', 'a day in UTC, or a time with its offset')
  .option('--to <time>', 'the end, not included')
  .action(async (series: string, o: Common & { from?: string; to?: string }) =>
    (await import('./commands/factors.ts')).factorsShow(series, o),
  )

interface FetchOptions {
  readonly provider: string
  readonly zone?: string
  readonly from: string
  readonly to: string
  readonly again: boolean
}

command(
  'backup',
  'Copy the database as it is at one moment, even while it is served.',
  'llem-server backup lab-copy.db --db lab.db',
)
  .argument('<file>', 'where to; must not be there')
  .action(async (file: string, o: Common) => (await import('./commands/backup.ts')).backup(file, o))

const token = program
  .command('token')
  .description('Make, list and revoke tokens.')
  .addHelpText('after', '\nExample:\n  llem-server token create gpu-host-1 --db lab.db')
command('create', 'Make a token. It is shown once.', 'llem-server token create gpu-host-1', token)
  .argument('<name>', 'whose it is')
  .action(async (name: string, o: Common) =>
    (await import('./commands/token.ts')).tokenCreate(name, o),
  )
command('list', 'List tokens, without their secrets.', 'llem-server token list', token).action(
  async (o: Common) => (await import('./commands/token.ts')).tokenList(o),
)
command('revoke', 'Refuse a token from now on.', 'llem-server token revoke gpu-host-1', token)
  .argument('<name>', 'whose it is')
  .action(async (name: string, o: Common) =>
    (await import('./commands/token.ts')).tokenRevoke(name, o),
  )

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
