import { type Command, CommanderError } from 'commander'
import { isConfiguredPath, nearestPath } from '../../analysis/schema/configured.ts'
import { nearest } from '../../analysis/schema/did-you-mean.ts'
import { factOf, parameterOf, usedFor } from '../../analysis/schema/fact.ts'
import type { Common } from './command.ts'

export type Parameters = readonly (readonly [name: string, meaning: string])[]
export const FILTERS: Parameters = [
  ...usedFor('filter').map((f) => [parameterOf(f), factOf(f)?.meaning ?? f] as const),
  ['PATH', 'any path of the configuration: --load.concurrency 1,4'],
  ['valid', 'true or false'],
  ['cautions', 'include or exclude'],
  ['archived', 'exclude, include or only'],
  ['tag', 'KEY=VALUE or KEY'],
  ['started_from', 'a time'],
  ['started_to', 'a time'],
]
const PAGES: Parameters = [
  ['sort', 'a field, a configured path or a metric, with - for descending'],
  ['limit', 'how many, at most 1000'],
  ['cursor', 'where the page before ended'],
]
/** Parameters of the cost's address, as options of the same names. */
export const COST_OPTIONS: Parameters = [
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
export const OF_ONE_RUN = ['hour', 'span', 'boundary']
type Ask = (o: Common & Record<string, unknown>, query: Record<string, string>) => Promise<void>

/** A list with the filters of the API, and with `more` of its own; `run` gets them under the names of the API. */
export const listCommand = (list: Command, more: Parameters, run: Ask): void =>
  askCommand(list, [...FILTERS, ...PAGES, ...more], run)

/** A command that takes what an address of the API takes, by the same names, bounds of metrics among them. */
export function askCommand(list: Command, names: Parameters, run: Ask): void {
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

/** Of what commander left over, bounds of metrics are judged by the question itself; all else must be an option or a configured path. */
function refuseUnknown(names: readonly string[], list: Command): void {
  const known = list.options.map((o) => (o.long ?? '').replace(/^--/, ''))
  const faults = names
    .filter((name) => !/^(min|max)_/.test(name) && !known.includes(name) && !isConfiguredPath(name))
    .map((name) => {
      const meant = nearest(name, known) ?? nearestPath(name)
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
    const [, name, value] = /^--([A-Za-z0-9_@.-]+)(?:=(.*))?$/s.exec(args[i] ?? '') ?? []
    if (name === undefined)
      throw new CommanderError(
        2,
        'llem.argument',
        `error: ${args[i]} is not an option of ${command_name}`,
      )
    // Keys of an engine's own options may hold a hyphen; names of ours do not.
    out[name.includes('.') ? name : name.replaceAll('-', '_')] = value ?? args[++i] ?? ''
  }
  return out
}

export const named = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

/** What --scenario takes, everywhere. */
export const A_SCENARIO =
  'a file (with a slash, or ending in .yaml, .yml, .json; docs/cost.md), or NAME or NAME@VERSION of a stored one (scenario list)'
