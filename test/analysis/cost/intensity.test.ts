import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cost } from '../../../analysis/cost/cost.ts'
import { type IntensityTables, intensityOf } from '../../../analysis/cost/intensity.ts'
import { ISO3_OF } from '../../../analysis/factors/iso3.ts'
import { type IntensityChoice, intensitySchema } from '../../../analysis/schema/scenario.ts'
import { CO2_TABLES_VERSION, intensityTables } from '../../../server/intensity-tables.ts'
import { ROOT } from '../../support/root.ts'
import { scenarioOf, timelineOf } from './cost-support.ts'

const SMALL: IntensityTables = {
  version: 'small',
  electricity_maps: {
    2024: { DE: 380, 'NO-NO2': 35, US: 414, ZZ: 0, FR: '44', XX: 'none' },
    2025: { DE: 330, 'NO-NO2': 29, US: 409, FR: 0, 'AA-1': Number.NaN },
  },
  ember: { DEU: 332.3, CAF: 0, WORLD: 473, CHE: 36.72 },
}
const choice = (it: object): IntensityChoice => intensitySchema.parse(it)
const found = (it: object, year: number | null = 2026, tables = SMALL) => {
  const intensity = intensityOf(choice(it), year, tables)
  if (intensity.kind === 'none')
    return { code: intensity.code, said: intensity.assumptions.join(' ') }
  if (intensity.kind === 'series') return { series: true }
  const { factor, year: of, codes, u } = intensity.found
  return { value: factor.value, zone: factor.zone, basis: factor.basis, year: of, codes, u }
}

describe('the factor of a zone', () => {
  it("is that of the run's year", () => {
    expect(found({ zone: 'DE' }, 2024)).toEqual({
      value: 380,
      zone: 'DE',
      basis: 'consumption',
      year: 2024,
      codes: [],
      u: 0.15,
    })
    expect(found({ zone: 'DE', year: 2025 }, 2024)).toMatchObject({ value: 330, codes: [] })
  })

  it('of a year without a table is the newest, and says so', () => {
    expect(found({ zone: 'DE' }, 2026)).toMatchObject({
      value: 330,
      year: 2025,
      codes: ['year_substituted'],
    })
    expect(found({ zone: 'DE' }, 2029)).toMatchObject({
      codes: ['year_substituted', 'stale_factor'],
    })
    expect(found({ zone: 'DE' }, null)).toMatchObject({ year: 2025, codes: ['year_substituted'] })
  })

  it('skips what is not a number above zero, and reads a number in quotes', () => {
    expect(found({ zone: 'FR' }, 2025)).toMatchObject({
      value: 44,
      year: 2024,
      codes: ['year_substituted'],
    })
    expect(found({ zone: 'ZZ' })).toMatchObject({ code: 'zero_is_missing' })
    expect(found({ zone: 'XX' })).toMatchObject({ code: 'zero_is_missing' })
  })

  it('of a part without a row is the country, at 30 %, and says so', () => {
    expect(found({ zone: 'US-MARS' }, 2025)).toMatchObject({
      value: 409,
      zone: 'US',
      codes: ['country_for_zone'],
      u: 0.3,
    })
  })

  it("is Ember's where Electricity Maps have no such country, on another basis", () => {
    expect(found({ zone: 'CH' })).toMatchObject({
      value: 36.72,
      zone: 'CHE',
      basis: 'generation',
      year: null,
    })
    expect(found({ zone: 'CAF' })).toMatchObject({ code: 'zero_is_missing' })
  })

  it('is never that of the world unasked', () => {
    expect(found({ zone: 'QQ' })).toMatchObject({ code: 'no_zone' })
    expect(found({ zone: 'WORLD' })).toMatchObject({ value: 473, zone: 'WORLD' })
  })

  it('is never a property that every object has', () => {
    for (const zone of ['constructor', '__proto__', 'toString'])
      expect(found({ zone })).toMatchObject({ code: 'no_zone' })
  })

  it('helps with a name that is spelt otherwise', () => {
    expect(found({ zone: 'de' })).toMatchObject({
      code: 'no_zone',
      said: expect.stringContaining('DE'),
    })
  })

  it('of a cloud region is that of its zone; a region that is not in the table has none', () => {
    expect(found({ cloud_region: 'aws:eu-central-1' }, 2025)).toMatchObject({
      value: 330,
      zone: 'DE',
    })
    expect(found({ cloud_region: 'aws:xx-1' })).toMatchObject({ code: 'no_zone' })
    expect(intensitySchema.safeParse({ cloud_region: 'eu-central-1' }).success).toBe(false)
  })

  it('of the user comes first; zero is missing; one of long ago is stale', () => {
    expect(found({ factor: { value: 77, source: 'meter' } })).toMatchObject({ value: 77 })
    expect(found({ factor: { value: 0, source: 'meter' } })).toMatchObject({
      code: 'zero_is_missing',
    })
    const period = { from: '2020-01-01T00:00:00Z', to: '2021-01-01T00:00:00Z' }
    expect(found({ factor: { value: 77, source: 'meter', period } })).toMatchObject({
      codes: ['stale_factor'],
    })
  })
})

describe('a series with a hole', () => {
  const H = ['2025-07-14T09:00:00Z', '2025-07-14T10:00:00Z', '2025-07-14T11:00:00Z'] as const
  const timeline = timelineOf([
    [H[0], H[1], 1],
    [H[1], H[2], 3],
  ])
  const series = {
    source: 'grid',
    basis: 'generation',
    rows: [{ from: H[0], to: H[1], g_per_kwh: 100 }],
  }
  const line = (intensity: object) =>
    cost(timeline, scenarioOf({ pue: 1, intensity: intensity as never }), SMALL).lines.find(
      (l) => l.id === 'co2_location',
    )

  it('is null, and says which hour and how much', () => {
    const it = line({ series })
    expect(it).toMatchObject({ amount: null, reason: 'series_gap' })
    expect(it?.assumptions[0]).toContain('75.0 %')
    expect(it?.assumptions[0]).toContain(H[1])
  })

  it('or takes the factor of the year for these hours, and says both', () => {
    const it = line({ series, gap: 'annual', zone: 'DE' })
    expect(it?.amount?.value).toBe(100 + 3 * 330)
    expect(it).toMatchObject({ reason: null, codes: ['series_gap', 'basis_mixed'] })
    expect(it?.assumptions[0]).toContain('75.0 %')
    const ledger = cost(
      timeline,
      scenarioOf({ pue: 1, intensity: { series, gap: 'annual', zone: 'DE' } as never }),
      SMALL,
    )
    expect(ledger.warnings).toEqual(expect.arrayContaining(['series_gap', 'basis_mixed']))
    expect(ledger.attribution).toEqual(['Electricity Maps (ODbL), small'])
  })

  it('a zero in it is a hole', () => {
    const zero = { ...series, rows: [...series.rows, { from: H[1], to: H[2], g_per_kwh: 0 }] }
    expect(line({ series: zero })).toMatchObject({ amount: null, reason: 'series_gap' })
  })

  it('overlapping rows are refused with their place', () => {
    const rows = [...series.rows, { from: '2025-07-14T09:30:00Z', to: H[2], g_per_kwh: 5 }]
    const parsed = intensitySchema.safeParse({ series: { ...series, rows } })
    expect(JSON.stringify(parsed.error?.issues)).toContain(
      'before the row above ends at 2025-07-14T10:00:00Z',
    )
  })
})

describe('the published tables', () => {
  it('are those of the version that package.json pins', async () => {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
    expect(CO2_TABLES_VERSION).toBe(`@tgwf/co2 ${dependencies['@tgwf/co2']}`)
  })

  it('hold what Electricity Maps and Ember published', async () => {
    const tables = await intensityTables()
    const at = (zone: string) => Object.values(tables.electricity_maps).map((t) => t[zone])
    expect(Object.keys(tables.electricity_maps)).toEqual(['2021', '2022', '2023', '2024', '2025'])
    expect(at('NO-NO2')).toEqual([36, expect.any(Number), 38, 35, 29])
    expect(at('US')).toEqual([444, expect.any(Number), 420, 409, 414])
    expect(Object.keys(tables.electricity_maps[2025] ?? {})).toHaveLength(352)
    expect(tables.ember['NOR']).toBe(30.75)
  })

  it('every country of Ember has its two letters, but for its 13 groups', async () => {
    const { ember } = await intensityTables()
    const three = new Set(Object.values(ISO3_OF))
    expect(Object.keys(ember).filter((k) => !three.has(k))).toHaveLength(13)
  })

  it('every zone of the cloud regions is in the newest table', async () => {
    const tables = await intensityTables()
    const text = await readFile(join(ROOT, 'analysis/factors/cloud-regions.ts'), 'utf8')
    const regions = [...text.matchAll(/(?:aws|azure|gcp):[a-z0-9-]+/g)].map((m) => m[0])
    expect(regions.length).toBeGreaterThan(60)
    expect(new Set(regions).size).toBe(regions.length)
    for (const cloud_region of regions)
      expect(found({ cloud_region }, 2025, tables), cloud_region).toMatchObject({
        year: 2025,
        codes: [],
      })
  })

  it('1.5 kWh in southern Norway in 2025 are 50.0 g at PUE 1.15', async () => {
    const ledger = cost(
      timelineOf([['2025-07-14T09:00:00Z', '2025-07-14T10:00:00Z', 1.5]]),
      scenarioOf({ pue: 1.15, intensity: { zone: 'NO-NO2' } }),
      await intensityTables(),
    )
    const line = ledger.lines.find((l) => l.id === 'co2_location')
    expect(line?.amount?.value).toBeCloseTo(50.0, 1)
    expect(line).toMatchObject({
      provenance: 'published',
      year: 2025,
      licence: 'ODbL-1.0',
      source: 'Electricity Maps (ODbL), @tgwf/co2 0.19.0',
    })
    expect(ledger.attribution).toEqual(['Electricity Maps (ODbL), @tgwf/co2 0.19.0'])
  })
})
