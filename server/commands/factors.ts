import { instantMs, instantSchema, instantText } from '../../analysis/schema/instant.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { CommandError } from '../command-error.ts'
import { fetchFactors, keptSeries, unknownProvider } from '../grid-factors.ts'
import { MOST_TIMEOUT_MS } from '../providers/ask.ts'
import { PROVIDERS, providerOf } from '../providers/list.ts'
import { isMiss } from '../providers/provider.ts'
import { ScenarioError } from '../scenario-file.ts'
import { listGridFactors } from '../store/grid-factors.ts'
import { numberText } from './number-text.ts'
import { columns } from './runs.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

interface Common {
  readonly db: string
  readonly json: boolean
}

export interface FetchCommand extends Common {
  readonly provider: string
  readonly zone: string | undefined
  readonly from: string
  readonly to: string
  readonly again: boolean
}

/** Asks a publisher for factors and keeps them. */
export async function factorsFetch(options: FetchCommand): Promise<void> {
  const from_ms = timeOf('--from', options.from)
  const to_ms = timeOf('--to', options.to)
  if (to_ms <= from_ms)
    throw new CommandError(2, `--to is ${options.to}, not after --from ${options.from}.`)
  const publisher = providerOf(options.provider)
  if (publisher === undefined) throw new CommandError(2, unknownProvider(options.provider))
  const zone = options.zone ?? publisher.zone
  if (zone === null)
    throw new CommandError(2, `--zone must be given: ${publisher.title} knows many.`)
  await withStore(options.db, { create: true }, async (store) => {
    const { provider, again } = options
    const world = { env: process.env, timeout_ms: MOST_TIMEOUT_MS }
    const asked = { provider, zone, from_ms, to_ms, again }
    const done = await fetchFactors(store, world, asked, isoNow)
    if (isMiss(done))
      throw new CommandError(
        done.miss === 'not_configured' ? 2 : 1,
        `${done.message} (${done.miss})`,
      )
    if (options.json) return printLine(toJson(done, 2))
    printLine(
      done.asked
        ? `${done.rows} factors of ${provider}:${zone}${done.missing_hours > 0 ? `; ${numberText(done.missing_hours)} hours have none` : ''}. Use them with --series ${provider}:${zone}.`
        : `All factors of ${provider}:${zone} of this time are there already; --again asks for them anew.`,
    )
  })
}

/** What is kept, and which publishers there are. */
export async function factorsList(options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const kept = (await listGridFactors(store.db)).map(({ from_ms, to_ms, ...k }) => ({
      ...k,
      from: instantText(from_ms),
      to: instantText(to_ms),
    }))
    const providers = PROVIDERS.map(({ name, title, keys, meaning }) => ({
      provider: name,
      title,
      keys,
      configured: keys.every((k) => (process.env[k] ?? '') !== ''),
      kind: meaning.kind,
      basis: meaning.basis,
      scope: meaning.scope,
      licence: meaning.licence,
    }))
    if (options.json) return printLine(toJson({ factors: kept, providers }, 2))
    const rows = kept.map((k) => [
      `${k.provider}:${k.zone}`,
      k.kind,
      k.from,
      k.to,
      numberText(k.hours),
      k.fetched_at,
    ])
    if (rows.length === 0) printLine('No factors are kept.')
    else
      for (const line of columns([['SERIES', 'KIND', 'FROM', 'TO', 'HOURS', 'FETCHED'], ...rows]))
        printLine(line)
    printLine('')
    const publishers = providers.map((p) => [
      p.provider,
      p.kind,
      p.keys.length === 0 ? 'needs no key' : p.configured ? 'set' : `set ${p.keys.join(', ')}`,
    ])
    for (const line of columns([['PROVIDER', 'KIND', 'KEY'], ...publishers])) printLine(line)
  })
}

/** Kept factors as the intensity of a scenario, to be put into its file. */
export async function factorsShow(
  ref: string,
  options: Common & { readonly from?: string; readonly to?: string },
): Promise<void> {
  const cut = ref.indexOf(':')
  if (cut < 1) throw new CommandError(2, `${JSON.stringify(ref)} is not of the form PROVIDER:ZONE.`)
  await withStore(options.db, { create: false }, async (store) => {
    try {
      const span = [
        options.from === undefined ? undefined : timeOf('--from', options.from),
        options.to === undefined ? undefined : timeOf('--to', options.to),
      ] as const
      const series = await keptSeries(store, ref.slice(0, cut), ref.slice(cut + 1), ...span)
      printLine(toJson({ intensity: { series } }, 2))
    } catch (error) {
      if (error instanceof ScenarioError) throw new CommandError(2, error.message)
      throw error
    }
  })
}

/** A day, or an instant with its offset. */
function timeOf(option: string, text: string): number {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text
  if (!instantSchema.safeParse(whole).success)
    throw new CommandError(
      2,
      `${option} is ${JSON.stringify(text)}; it must be a day such as 2026-07-14, or a time with its offset such as 2026-07-14T09:00:00Z.`,
    )
  return instantMs(whole)
}
