import { z } from 'zod'
import { civilOf } from '../schema/instant.ts'
import type { Period, Tariff } from '../schema/tariff.ts'
import { tariffSchema } from '../schema/tariff.ts'

const tierSchema = z.looseObject({
  rate: z.number().default(0),
  adj: z.number().nullish(),
})
const structure = z.array(z.array(tierSchema).min(1)).min(1)
const schedule = z.array(z.array(z.int().nonnegative()).length(24)).length(12)

/** A rate of the US Utility Rate Database; the same file that Zeus reads. */
const rateSchema = z.looseObject({
  name: z.string().nullish(),
  utility: z.string().nullish(),
  uri: z.string().nullish(),
  sector: z.string().nullish(),
  startdate: z.number().nullish(),
  energyratestructure: structure,
  energyweekdayschedule: schedule,
  energyweekendschedule: schedule,
  demandratestructure: z.array(z.unknown()).nullish(),
  flatdemandstructure: structure.nullish(),
  flatdemandmonths: z.array(z.int().nonnegative()).length(12).nullish(),
  fixedchargefirstmeter: z.number().nullish(),
  fixedchargeunits: z.string().nullish(),
})
type Rate = z.infer<typeof rateSchema>

export interface UrdbOptions {
  /** The database's hours are local, and it does not say of where. */
  readonly tz: string
  readonly currency?: string
  readonly allocate?: 'none' | 'time_share'
  /** YYYY-MM-DD; absent: the day from which the rate holds. */
  readonly as_of?: string | undefined
}

/**
 * A tariff from a rate of the US Utility Rate Database: rate + adj of the first tier, by month, weekday and local hour.
 * What the tariff can not hold is named in the notes, never dropped unsaid.
 * @param json the file: one rate, or an answer of the database with `items` (its first is taken)
 * @throws RangeError in words, with the path of what can't be read
 */
export function tariffFromUrdb(
  json: unknown,
  options: UrdbOptions,
): { readonly tariff: Tariff; readonly notes: readonly string[] } {
  const { rate, notes: before } = readRate(json)
  const as_of = options.as_of ?? dayOf(rate)
  const demand = demandOf(rate, options.allocate ?? 'none')
  const fixed = fixedOf(rate)
  const tariff = {
    name: rate.name ?? '',
    tz: options.tz,
    currency: options.currency ?? 'USD',
    sector: SECTORS[(rate.sector ?? '').toLowerCase()] ?? 'unknown',
    tax_level: 'ex_tax',
    default_rate: null,
    periods: periodsOf(rate),
    demand: demand.demand,
    fixed_per_month: fixed.fixed,
    as_of,
    source: ['URDB', rate.utility, rate.name, rate.uri].filter(Boolean).join(', ').slice(0, 300),
  }
  const parsed = tariffSchema.safeParse(tariff)
  if (!parsed.success) throw new RangeError(sentence(parsed.error))
  return {
    tariff: parsed.data,
    notes: [...before, ...tierNotes(rate), ...demand.notes, ...fixed.notes],
  }
}

const SECTORS: Readonly<Record<string, Tariff['sector']>> = {
  residential: 'residential',
  commercial: 'commercial',
  industrial: 'industrial',
}

const sentence = (error: z.core.$ZodError): string =>
  `The rate can't be read: ${error.issues.map((i) => `${i.path.join('.') || 'the file'} ${i.message}`).join('; ')}`

function readRate(json: unknown): { rate: Rate; notes: string[] } {
  const items = z.looseObject({ items: z.array(z.unknown()).min(1) }).safeParse(json)
  const parsed = rateSchema.safeParse(items.success ? items.data.items[0] : json)
  if (!parsed.success) throw new RangeError(sentence(parsed.error))
  const rate = parsed.data
  for (const key of ['energyweekdayschedule', 'energyweekendschedule'] as const)
    for (const [month, hours] of rate[key].entries())
      for (const [hour, period] of hours.entries())
        if (rate.energyratestructure[period] === undefined)
          throw new RangeError(
            `The rate can't be read: ${key}.${month}.${hour} is period ${period}, and energyratestructure has ${rate.energyratestructure.length}`,
          )
  const more = items.success ? items.data.items.length - 1 : 0
  return { rate, notes: more > 0 ? [`Of ${more + 1} rates in the file the first was taken.`] : [] }
}

function dayOf({ startdate }: Rate): string {
  if (startdate == null)
    throw new RangeError(
      'The rate does not say since when it holds; give as_of, such as 2026-01-31',
    )
  const { year, month, day } = civilOf(startdate * 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${year}-${two(month)}-${two(day)}`
}

const price = ({ rate, adj }: { rate: number; adj?: number | null | undefined }): number =>
  rate + (adj ?? 0)

/** Each stretch of hours of one price; months of the same hours together. */
function periodsOf(rate: Rate): Period[] {
  const months = new Map<string, Period>()
  const days = [
    [rate.energyweekdayschedule, [1, 2, 3, 4, 5]],
    [rate.energyweekendschedule, [6, 7]],
  ] as const
  for (const [table, weekdays] of days)
    for (const [month, hours] of table.entries())
      for (let from = 0; from < 24; ) {
        let to = from + 1
        while (to < 24 && hours[to] === hours[from]) to++
        const key = `${weekdays[0]} ${from} ${to} ${hours[from]}`
        const known = months.get(key)
        const tier = rate.energyratestructure[hours[from] as number]?.[0]
        if (known !== undefined) known.months.push(month + 1)
        else if (tier !== undefined)
          months.set(key, {
            months: [month + 1],
            days: [...weekdays],
            from: clock(from),
            to: clock(to),
            rate: price(tier),
          })
        from = to
      }
  return [...months.values()]
}

const clock = (hour: number): string => `${String(hour).padStart(2, '0')}:00`

const tierNotes = ({ energyratestructure }: Rate): string[] =>
  energyratestructure.some((tiers) => tiers.length > 1)
    ? [
        'The rate has tiers by the use of a month: the first was taken, as one run does not know the month.',
      ]
    : []

function demandOf(rate: Rate, allocate: 'none' | 'time_share') {
  const { flatdemandstructure, flatdemandmonths, demandratestructure } = rate
  const notes = demandratestructure?.length
    ? ['Its charges for demand by the time of day were not taken.']
    : []
  if (flatdemandstructure == null || flatdemandmonths == null) return { demand: null, notes }
  const rates = flatdemandmonths.map((i) => {
    const tier = flatdemandstructure[i]?.[0]
    if (tier === undefined)
      throw new RangeError(
        `The rate can't be read: flatdemandmonths names period ${i}, and flatdemandstructure has ${flatdemandstructure.length}`,
      )
    return price(tier)
  })
  if (allocate === 'none')
    return {
      demand: null,
      notes: [...notes, 'Its flat charge for demand was not taken: allocate is none.'],
    }
  return { demand: { rate_per_kw_month: rates, window_min: 15, allocate }, notes }
}

function fixedOf({ fixedchargefirstmeter: fixed, fixedchargeunits: unit }: Rate) {
  if (fixed == null || fixed === 0) return { fixed: 0, notes: [] }
  if (unit === '$/month') return { fixed, notes: [] }
  if (unit === '$/day') return { fixed: (fixed * 365) / 12, notes: [] }
  return { fixed: 0, notes: [`Its fixed charge in ${unit ?? 'no unit'} was not taken.`] }
}
