import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cost } from '../../../analysis/cost/cost.ts'
import { energyPrice, rateAt } from '../../../analysis/cost/tariff.ts'
import { localMonths, localSpans, zoneClock } from '../../../analysis/cost/time-zone.ts'
import type { CostLedger, LineId } from '../../../analysis/schema/cost.ts'
import {
  civilOf,
  daysFromCivil,
  instantMs,
  instantSchema,
  instantText,
} from '../../../analysis/schema/instant.ts'
import { type Tariff, tariffSchema } from '../../../analysis/schema/tariff.ts'
import { ROOT } from '../../support/root.ts'
import { scenarioOf, timelineOf } from './cost-support.ts'

const plain = { currency: 'EUR', default_rate: 0.27, as_of: '2026-01-01', source: 'by hand' }
const night = (tz: string, more: object = {}): Tariff =>
  tariffSchema.parse({
    ...plain,
    tz,
    periods: [{ from: '22:00', to: '06:00', rate: 0.14 }],
    ...more,
  })
const costOf = (
  intervals: Parameters<typeof timelineOf>[0],
  tariff: object,
  more: object = {},
): CostLedger =>
  cost(
    timelineOf(intervals),
    scenarioOf({ pue: 1, currency: 'EUR', tariff: tariff as never, ...more }),
  )
const of = (ledger: CostLedger, id: LineId) => ledger.lines.find((l) => l.id === id)
const value = (ledger: CostLedger, id: LineId) => of(ledger, id)?.amount?.value ?? null

describe('prices by the local hour', () => {
  it('Berlin on the day that summer time ends: 4 kWh over 04:30 to 05:30 UTC are 0.82 EUR, not 0.56', () => {
    const ledger = costOf(
      [['2026-10-25T04:30:00Z', '2026-10-25T05:30:00Z', 4]],
      night('Europe/Berlin'),
    )
    expect(value(ledger, 'electricity_energy')).toBe(0.82)
    expect(of(ledger, 'electricity_energy')?.factor?.value).toBeCloseTo(0.205, 12)
  })

  it('the night of 25 hours is 9 hours cheap, that of 23 hours 7', () => {
    const hours = (from: string, to: string) => {
      const clock = zoneClock('Europe/Berlin')
      const [from_ms, to_ms] = [instantMs(from), instantMs(to)]
      const kwh = (to_ms - from_ms) / 3_600_000
      const tariff = night('Europe/Berlin', {
        default_rate: 0,
        periods: [{ from: '22:00', to: '06:00', rate: 1 }],
      })
      return [kwh, energyPrice([{ from_ms, to_ms, kwh }], tariff, clock)?.money]
    }
    // Local noon to noon.
    const [autumn, cheap] = hours('2026-10-24T10:00:00Z', '2026-10-25T11:00:00Z')
    expect(autumn).toBe(25)
    expect(cheap).toBeCloseTo(9, 9)
    const [spring, few] = hours('2026-03-28T11:00:00Z', '2026-03-29T10:00:00Z')
    expect(spring).toBe(23)
    expect(few).toBeCloseTo(7, 9)
  })

  it('zones of half and quarter hours: India changes at half past in UTC, Nepal at a quarter past', () => {
    // 06:00 in Kolkata is 00:30 UTC; in Kathmandu 00:15.
    const hour = [['2026-07-14T00:00:00Z', '2026-07-14T01:00:00Z', 4]] as const
    expect(value(costOf(hour, night('Asia/Kolkata')), 'electricity_energy')).toBeCloseTo(
      0.14 * 2 + 0.27 * 2,
      9,
    )
    expect(value(costOf(hour, night('Asia/Kathmandu')), 'electricity_energy')).toBeCloseTo(
      0.14 + 0.27 * 3,
      9,
    )
  })

  it('weekends begin at local midnight; a leap day is a day like others', () => {
    const tariff = night('America/New_York', {
      periods: [{ days: [6, 7], from: '00:00', to: '24:00', rate: 0.1 }],
    })
    // Friday 23:30 to Saturday 00:30 in New York.
    const ledger = costOf([['2026-07-18T03:30:00Z', '2026-07-18T04:30:00Z', 2]], tariff)
    expect(value(ledger, 'electricity_energy')).toBeCloseTo(0.37, 9)
    const leap = night('UTC', {
      periods: [{ months: [2], from: '00:00', to: '24:00', rate: 1 }],
      default_rate: 0,
    })
    expect(
      value(
        costOf([['2028-02-28T12:00:00Z', '2028-03-01T12:00:00Z', 48]], leap),
        'electricity_energy',
      ),
    ).toBe(36)
  })

  it('a night that began on Friday is Friday night until morning', () => {
    const tariff = night('UTC', { periods: [{ days: [5], from: '22:00', to: '06:00', rate: 0.1 }] })
    expect(rateAt(tariff, instantMs('2026-07-18T05:59:00Z'))).toBe(0.1)
    expect(rateAt(tariff, instantMs('2026-07-18T06:00:00Z'))).toBe(0.27)
    expect(rateAt(tariff, instantMs('2026-07-18T22:00:00Z'))).toBe(0.27)
  })

  it('no price, no money: an hour outside all periods is null and named', () => {
    const tariff = night('UTC', { default_rate: null })
    const ledger = costOf([['2026-07-14T05:00:00Z', '2026-07-14T07:00:00Z', 2]], tariff)
    expect(of(ledger, 'electricity_energy')).toMatchObject({
      amount: null,
      reason: 'price_unknown',
    })
    expect(of(ledger, 'electricity_energy')?.assumptions[0]).toContain('2026-07-14T06:00:00Z')
    expect(ledger.totals['money']?.amount).toBeNull()
  })

  it('does not know the zone of the process', () => {
    const script = `
      import { energyPrice } from './analysis/cost/tariff.ts'
      import { tariffSchema } from './analysis/schema/tariff.ts'
      import { instantMs } from './analysis/schema/instant.ts'
      import { zoneClock } from './analysis/cost/time-zone.ts'
      const tariff = tariffSchema.parse(${JSON.stringify({ ...plain, tz: 'Europe/Berlin', periods: [{ from: '22:00', to: '06:00', rate: 0.14 }] })})
      const [from_ms, to_ms] = [instantMs('2026-10-24T10:00:00Z'), instantMs('2026-10-25T11:00:00Z')]
      console.log(JSON.stringify(energyPrice([{ from_ms, to_ms, kwh: 25 }], tariff, zoneClock('Europe/Berlin'))))
    `
    const said = ['UTC', 'Asia/Kolkata', 'America/St_Johns'].map((TZ) => {
      const ended = spawnSync(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', script],
        { cwd: ROOT, encoding: 'utf8', env: { ...process.env, TZ } },
      )
      expect(ended.stderr).toBe('')
      return ended.stdout
    })
    expect(new Set(said).size).toBe(1)
    expect(JSON.parse(said[0] ?? '').money).toBeCloseTo(9 * 0.14 + 16 * 0.27, 9)
  })
})

describe('spot prices', () => {
  const spot = (rows: readonly (readonly [string, string, number | null])[]) => ({
    ...plain,
    tz: 'Europe/Berlin',
    spot: {
      series: rows.map(([from, to, per_mwh]) => ({ from, to, per_mwh })),
      adder_per_kwh: 0.02,
    },
  })
  const H = (h: number) => `2026-07-14T0${h}:00:00Z`

  it('may be negative: 1 kWh at -100 and 1 kWh at 50 EUR/MWh with 2 ct each are -0.01 EUR', () => {
    const ledger = costOf(
      [[H(1), H(3), 2]],
      spot([
        [H(1), H(2), -100],
        [H(2), H(3), 50],
      ]),
    )
    expect(value(ledger, 'electricity_energy')).toBeCloseTo(-0.01, 9)
    const { amount } = of(ledger, 'electricity_energy') ?? {}
    expect(amount?.low).toBeLessThanOrEqual(amount?.value ?? 0)
    expect(amount?.high).toBeGreaterThanOrEqual(amount?.value ?? 0)
  })

  it('an hour without a price is null, and named', () => {
    for (const rows of [
      [
        [H(1), H(2), 10],
        [H(2), H(3), null],
      ],
      [[H(1), H(2), 10]],
    ] as const) {
      const ledger = costOf([[H(1), H(3), 2]], spot(rows))
      expect(of(ledger, 'electricity_energy')).toMatchObject({ amount: null, reason: 'series_gap' })
      expect(of(ledger, 'electricity_energy')?.assumptions[0]).toContain(H(2))
    }
  })
})

describe('charges of the month', () => {
  const tariff = (more: object) => ({ ...plain, tz: 'UTC', ...more })
  const days = (from: string, to: string, kwh: number) => [[from, to, kwh] as const]

  it('5 kW at 9 a month, 48 of 720 h: 3.00', () => {
    const ledger = costOf(
      days('2026-11-10T00:00:00Z', '2026-11-12T00:00:00Z', 240),
      tariff({ demand: { rate_per_kw_month: 9, allocate: 'time_share' } }),
    )
    expect(value(ledger, 'electricity_demand')).toBeCloseTo(3, 9)
  })

  it('the peak is the mean over a window of the meter, of its whole length', () => {
    // 1 kWh in 6 minutes is 10 kW, and 4 kW over the quarter of an hour.
    const ledger = costOf(
      days('2026-11-10T00:00:00Z', '2026-11-10T00:06:00Z', 1),
      tariff({ demand: { rate_per_kw_month: 720, allocate: 'time_share' } }),
    )
    expect(value(ledger, 'electricity_demand')).toBeCloseTo(4 * 0.1, 9)
  })

  it('by increment: 20 kW beside 90 kW on a site that peaks at 100 kW pay for 10', () => {
    const demand = {
      rate_per_kw_month: 9,
      allocate: 'incremental',
      site_peak_kw: 100,
      site_load_kw: 90,
    }
    const ledger = costOf(
      days('2026-11-10T00:00:00Z', '2026-11-10T01:00:00Z', 20),
      tariff({ demand }),
    )
    expect(value(ledger, 'electricity_demand')).toBeCloseTo(90, 9)
    const below = { ...demand, site_load_kw: 10 }
    const none = costOf(
      days('2026-11-10T00:00:00Z', '2026-11-10T01:00:00Z', 20),
      tariff({ demand: below }),
    )
    expect(value(none, 'electricity_demand')).toBe(0)
  })

  it('fixed charge by hours, tax on all', () => {
    const ledger = costOf(
      days('2026-11-10T00:00:00Z', '2026-11-11T00:00:00Z', 100),
      tariff({ default_rate: 0.2, fixed_per_month: 30, tax_level: 'ex_tax', tax_frac: 0.1 }),
    )
    expect(value(ledger, 'electricity_energy')).toBe(20)
    expect(value(ledger, 'electricity_fixed')).toBe(1)
    expect(value(ledger, 'tax')).toBe(2.1)
    expect(ledger.totals['money']?.amount?.value).toBe(23.1)
  })

  it('months have the hours that their zone gives them', () => {
    const clock = zoneClock('Europe/Berlin')
    const at = (text: string) => localMonths(clock, instantMs(text), instantMs(text) + 3_600_000)[0]
    expect(at('2026-10-10T00:00:00Z')?.month_hours).toBe(745)
    expect(at('2026-03-10T00:00:00Z')?.month_hours).toBe(743)
    expect(at('2028-02-10T00:00:00Z')?.month_hours).toBe(696)
    // The last hour of October in UTC is November in Berlin.
    expect(at('2026-10-31T23:00:00Z')?.month).toBe(11)
  })
})

describe('another currency', () => {
  it('is exchanged at the rate that is given, and said', () => {
    const ledger = costOf(
      [['2026-07-14T12:00:00Z', '2026-07-14T13:00:00Z', 1]],
      { ...plain, tz: 'UTC' },
      {
        currency: 'USD',
        fx: [{ from: 'EUR', to: 'USD', rate: 1.1, date: '2026-07-14', source: 'ECB' }],
      },
    )
    expect(value(ledger, 'electricity_energy')).toBeCloseTo(0.297, 9)
    expect(of(ledger, 'electricity_energy')?.assumptions.join(' ')).toContain('1 EUR = 1.1 USD')
  })

  it('without a rate is null', () => {
    const ledger = costOf(
      [['2026-07-14T12:00:00Z', '2026-07-14T13:00:00Z', 1]],
      { ...plain, tz: 'UTC' },
      { currency: 'USD' },
    )
    expect(of(ledger, 'electricity_energy')).toMatchObject({ amount: null, reason: 'fx_missing' })
  })
})

describe('a tariff that can not be read is refused in words', () => {
  const words = (change: object): string => {
    const parsed = tariffSchema.safeParse({ ...plain, tz: 'UTC', ...change })
    return parsed.success
      ? 'accepted'
      : parsed.error.issues.map((i) => `${i.path.join('.')} ${i.message}`).join('; ')
  }
  it.each([
    [{ tz: undefined }, /^tz is missing: .*Europe\/Berlin/],
    [{ tz: 'Mars/Olympus' }, /^tz must be a time zone of IANA/],
    [{ tz: '+01:00' }, /^tz must be a time zone of IANA/],
    [{ currency: 'XYZ' }, /^currency must be a currency of ISO 4217/],
    [{ currency: 'eur' }, /^currency must be a currency/],
    [
      { periods: [{ from: '25:00', to: '06:00', rate: 1 }] },
      /^periods.0.from must be a time of day/,
    ],
    [
      {
        periods: [
          { from: '22:00', to: '06:00', rate: 1 },
          { from: '05:00', to: '08:00', rate: 2 },
        ],
      },
      /^periods.1 overlaps period 0 \(22:00 to 06:00\) in month 1 on day/,
    ],
    [
      {
        periods: [
          { days: [7], from: '22:00', to: '06:00', rate: 1 },
          { days: [1], from: '00:00', to: '01:00', rate: 2 },
        ],
      },
      /^periods.1 overlaps period 0/,
    ],
    [{ tax_frac: 0.19 }, /^tax_frac must be 0 where tax_level is all_in/],
    [
      { demand: { rate_per_kw_month: 9, allocate: 'incremental' } },
      /needs site_peak_kw and site_load_kw/,
    ],
    [
      { spot: { series: [{ from: '2026-07-14T01:00', to: '2026-07-14T02:00', per_mwh: 1 }] } },
      /offset from UTC/,
    ],
    [
      {
        spot: {
          series: [
            { from: '2026-07-14T01:00Z', to: '2026-07-14T03:00Z', per_mwh: 1 },
            { from: '2026-07-14T02:00Z', to: '2026-07-14T03:00Z', per_mwh: 1 },
          ],
        },
      },
      /^spot.series.1 begins at 2026-07-14T02:00Z, before the row above ends at 2026-07-14T03:00Z/,
    ],
  ])('%j', (change, expected) => {
    expect(words(change)).toMatch(expected)
  })
})

describe('calendar', () => {
  it('agrees with the platform on every day from 1900 to 2200', () => {
    for (let days = -25_567; days < 84_006; days++) {
      const date = new Date(days * 86_400_000)
      const civil = civilOf(days * 86_400_000)
      if (
        civil.year !== date.getUTCFullYear() ||
        civil.month !== date.getUTCMonth() + 1 ||
        civil.day !== date.getUTCDate() ||
        civil.weekday % 7 !== date.getUTCDay() ||
        daysFromCivil(civil.year, civil.month, civil.day) !== days
      )
        throw new Error(`${date.toISOString()} ${JSON.stringify(civil)}`)
    }
  })

  it('reads and writes instants as the platform does', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1901-01-01'), max: new Date('2199-01-01'), noInvalidDate: true }),
        (date) => {
          expect(instantMs(date.toISOString())).toBe(date.getTime())
          expect(instantText(date.getTime())).toBe(date.toISOString().replace('.000Z', 'Z'))
        },
      ),
    )
    for (const bad of [
      '2026-02-30T00:00:00Z',
      '2026-07-14T24:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-07-14T09:00',
    ])
      expect(instantSchema.safeParse(bad).success).toBe(false)
    expect(instantSchema.safeParse('2028-02-29T23:59Z').success).toBe(true)
    expect(instantMs('2026-07-14T12:00:00+05:30')).toBe(Date.parse('2026-07-14T06:30:00Z'))
  })

  it('cuts spans where clocks are set, and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          'Europe/Berlin',
          'America/New_York',
          'Australia/Lord_Howe',
          'Asia/Kolkata',
          'Africa/Casablanca',
        ),
        fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2027-01-01') }),
        fc.integer({ min: 1, max: 40 * 24 * 60 }),
        (zone, from, minutes) => {
          const clock = zoneClock(zone)
          const to = from + minutes * 60_000
          const spans = localSpans(clock, from, to)
          expect(spans[0]?.from_ms).toBe(from)
          expect(spans.at(-1)?.to_ms).toBe(to)
          for (const [i, span] of spans.entries()) {
            expect(clock(span.from_ms)).toBe(span.offset_ms)
            expect(clock(span.to_ms - 1)).toBe(span.offset_ms)
            if (i > 0) expect(span.from_ms).toBe(spans[i - 1]?.to_ms)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
