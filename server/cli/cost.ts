import type { Command } from 'commander'
import { type Common, command } from './command.ts'
import {
  A_SCENARIO,
  askCommand,
  COST_OPTIONS,
  FILTERS,
  named,
  OF_ONE_RUN,
  type Parameters,
} from './parameters.ts'

const OF_COST: Parameters = [
  ...COST_OPTIONS,
  ['series', 'PROVIDER:ZONE of fetched factors (factors fetch), in place of --zone'],
]

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

/** Carbon, water and money: of a run, and of everything measured. */
export function costCommands(program: Command): void {
  program.commandsGroup('Carbon and money:')
  const costs = command(
    program,
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
      await (await import('../commands/cost.ts')).cost(run, o, Object.fromEntries(said))
    },
  )

  askCommand(
    totalsCommand(
      command(
        program,
        'totals',
        'Sum energy, carbon, water and money of everything measured. Filters are those of runs.',
        'llem-server totals --by month,model --zone DE --pue 1.2\n  llem-server totals --by team --scenario berlin.yaml --sites sites.yaml\n  llem-server totals --by team --scenario berlin --sites stored',
      ),
    ),
    TOTALS_OPTIONS,
    async (o, query) =>
      (await import('../commands/totals.ts')).totals(
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
        statement,
        'create',
        'Freeze totals: figures, factors, versions, scenario, filters and run hashes. Takes what totals takes.',
        'llem-server statement create --by month,team --sites sites.yaml --title "Energy of 2026"',
      ).option('--title <text>', 'what it is of', ''),
    ),
    TOTALS_OPTIONS,
    async (o, query) =>
      (await import('../commands/statement.ts')).statementCreate(
        {
          ...o,
          scenario: named(o['scenario']),
          sites: named(o['sites']),
          title: String(o['title']),
        },
        query,
      ),
  )
  command(statement, 'list', 'List statements.', 'llem-server statement list').action(
    async (o: Common) => (await import('../commands/statement.ts')).statementList(o),
  )
  command(
    statement,
    'show',
    'Show a statement as it was made.',
    'llem-server statement show 3f9a1c20',
  )
    .argument('<id>', 'its address, or eight digits or more of it')
    .action(async (id: string, o: Common) =>
      (await import('../commands/statement.ts')).statementShow(id, o),
    )
  command(
    statement,
    'verify',
    'Recompute every hash and figure of a statement, and say what has changed; the statement stays.',
    'llem-server statement verify 3f9a1c20',
  )
    .argument('<id>', 'its address, or eight digits or more of it')
    .action(async (id: string, o: Common) =>
      (await import('../commands/statement.ts')).statementVerify(id, o),
    )
}
