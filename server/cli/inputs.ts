import type { Command } from 'commander'
import { type Common, command } from './command.ts'

interface FetchOptions {
  readonly provider: string
  readonly zone?: string
  readonly from: string
  readonly to: string
  readonly again: boolean
}

/** What carbon and money are counted by: scenarios, sites, fetched factors. */
export function inputCommands(program: Command): void {
  program.commandsGroup('Scenarios and factors:')
  const scenario = program
    .command('scenario')
    .description('Keep scenarios under their names, in versions that never change.')
    .addHelpText(
      'after',
      '\nExample:\n  llem-server scenario put examples/scenarios/berlin.yaml\n  llem-server cost last --scenario berlin',
    )
  command(
    scenario,
    'put',
    'Store a scenario under its id: the next version, or the newest where that is the same. Nothing is replaced.',
    'llem-server scenario put examples/scenarios/berlin.yaml',
  )
    .argument('<file>', 'in YAML or JSON (docs/cost.md); files that it names are taken in')
    .action(async (path: string, o: Common) =>
      (await import('../commands/scenario.ts')).scenarioPut(path, o),
    )
  command(
    scenario,
    'list',
    'List every version of every stored scenario.',
    'llem-server scenario list',
  ).action(async (o: Common) => (await import('../commands/scenario.ts')).scenarioList(o))
  command(
    scenario,
    'show',
    'Print a stored scenario as a file that can be put again.',
    'llem-server scenario show berlin@1 > berlin-1.yaml',
  )
    .argument('<scenario>', 'NAME (its newest version) or NAME@VERSION')
    .action(async (ref: string, o: Common) =>
      (await import('../commands/scenario.ts')).scenarioShow(ref, o),
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
    sites,
    'put',
    'Store the table of sites: the next version, or the newest where that is the same. Nothing is replaced.',
    'llem-server sites put examples/sites.yaml',
  )
    .argument('<file>', 'in YAML or JSON (docs/totals.md)')
    .action(async (path: string, o: Common) =>
      (await import('../commands/sites.ts')).sitesPut(path, o),
    )
  command(sites, 'list', 'List the versions of the stored table.', 'llem-server sites list').action(
    async (o: Common) => (await import('../commands/sites.ts')).sitesList(o),
  )
  command(
    sites,
    'show',
    'Print the stored table as a file that can be put again.',
    'llem-server sites show stored@1 > sites-1.yaml',
  )
    .argument('[version]', 'stored@VERSION', 'stored')
    .action(async (ref: string, o: Common) =>
      (await import('../commands/sites.ts')).sitesShow(ref, o),
    )

  const factors = program
    .command('factors')
    .description('Fetch factors of electricity over time from their publishers, and keep them.')
    .addHelpText(
      'after',
      '\nExample:\n  llem-server factors fetch --provider gb --from 2026-07-01 --to 2026-08-01',
    )
  command(
    factors,
    'fetch',
    'Ask a publisher for what is not kept yet. The only command that asks anybody.',
    'llem-server factors fetch --provider gb --from 2026-07-01 --to 2026-08-01',
  )
    .requiredOption('--provider <name>', 'electricity-maps, watttime, gb, entsoe or eia')
    .option('--zone <zone>', "the publisher's zone (gb: GB)")
    .requiredOption('--from <time>', 'a day in UTC, or a time with its offset')
    .requiredOption('--to <time>', 'the end, not included')
    .option('--again', 'ask for what is there already too', false)
    .action(async (o: Common & FetchOptions) =>
      (await import('../commands/factors.ts')).factorsFetch({ ...o, zone: o.zone }),
    )
  command(
    factors,
    'list',
    'List what is kept, and the publishers.',
    'llem-server factors list',
  ).action(async (o: Common) => (await import('../commands/factors.ts')).factorsList(o))
  command(
    factors,
    'show',
    'Print kept factors as the intensity of a scenario.',
    'llem-server factors show gb:GB > intensity.json',
  )
    .argument('<series>', 'PROVIDER:ZONE')
    .option('--from <time>', 'a day in UTC, or a time with its offset')
    .option('--to <time>', 'the end, not included')
    .action(async (series: string, o: Common & { from?: string; to?: string }) =>
      (await import('../commands/factors.ts')).factorsShow(series, o),
    )
}
