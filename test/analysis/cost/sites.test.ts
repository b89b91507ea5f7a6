import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atSite, siteFinder } from '../../../analysis/cost/site-table.ts'
import { patternsMeet } from '../../../analysis/schema/host-pattern.ts'
import { type SiteTableInput, siteTableSchema } from '../../../analysis/schema/sites.ts'
import { factor, scenarioOf } from './cost-support.ts'

const table = (sites: SiteTableInput['sites']) => siteTableSchema.parse({ sites })
const at = (text: string) => Date.parse(text)

describe('patterns of hosts', () => {
  it.each([
    ['gpu-*', 'gpu-17', true],
    ['gpu-*', 'cpu-17', false],
    ['gpu-?', 'gpu-1', true],
    ['gpu-?', 'gpu-12', false],
    ['*', '', true],
    ['a*', '*b', true],
    ['a*c', 'ab*', true],
    ['a*c', 'b*', false],
    ['GPU-1', 'gpu-1', true],
    ['a?', '?b', true],
    ['a?c', 'a*b', false],
    ['', 'a', false],
  ])('%s and %s fit a common host: %s', (a, b, meet) => {
    expect(patternsMeet(a, b)).toBe(meet)
    expect(patternsMeet(b, a)).toBe(meet)
  })

  it('a host fits a pattern just as a regular expression says', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 6 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*', '?'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, text, (p, host) => {
        const expression = new RegExp(`^${p.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        expect(patternsMeet(p, host)).toBe(expression.test(host))
      }),
    )
  })

  it('two patterns meet as soon as some host fits both', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 5 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 5 })
    fc.assert(
      fc.property(pattern, pattern, text, (p, q, host) => {
        if (patternsMeet(p, host) && patternsMeet(q, host)) expect(patternsMeet(p, q)).toBe(true)
      }),
    )
  })
})

describe('a table of sites', () => {
  const two = table([
    { site: 'berlin', hosts: ['gpu-*'], from: '2026-01-01', to: '2026-07-01', pue: 1.4 },
    { site: 'oslo', hosts: ['gpu-*'], from: '2026-07-01', pue: 1.1 },
  ])

  it('gives a host the row of the day, the end not included', () => {
    const find = siteFinder(two)
    const site = (time: string) => find(null, 'gpu-1', at(time))?.site ?? null
    expect(site('2025-12-31T23:59:59.999Z')).toBe(null)
    expect(site('2026-01-01T00:00:00Z')).toBe('berlin')
    expect(site('2026-06-30T23:59:59.999Z')).toBe('berlin')
    expect(site('2026-07-01T00:00:00Z')).toBe('oslo')
    expect(site('2036-07-01T00:00:00Z')).toBe('oslo')
  })

  it('believes a run that tells its site, and never gives it the row of another', () => {
    const find = siteFinder(two)
    expect(find('oslo', 'elsewhere', at('2026-08-01T00:00:00Z'))?.site).toBe('oslo')
    expect(find('oslo', 'gpu-1', at('2026-02-01T00:00:00Z'))).toBe(null)
    expect(find('mars', 'gpu-1', at('2026-02-01T00:00:00Z'))).toBe(null)
    expect(find(null, null, at('2026-02-01T00:00:00Z'))).toBe(null)
  })

  it('takes from the row what it tells, and the rest from the scenario', () => {
    const scenario = scenarioOf({ intensity: factor(400), pue: 1.2, currency: 'EUR' })
    const [row] = table([{ site: 's', from: '2026-01-01', tariff: 0.3, currency: 'EUR' }]).sites
    if (row === undefined) throw new Error('no row')
    const put = atSite(scenario, row)
    expect(put.id).toBe('s@s')
    expect(put.pue).toEqual(scenario.pue)
    expect(put.intensity).toEqual(scenario.intensity)
    expect(put.tariff).toMatchObject({ default_rate: 0.3, currency: 'EUR', as_of: '2026-01-01' })
    const zoned = table([{ site: 's', from: '2026-01-01', zone: 'DE' }]).sites[0]
    expect(
      zoned && atSite(scenarioOf({ intensity: { zone: 'FR', year: 2024 } }), zoned),
    ).toMatchObject({
      intensity: { zone: 'DE', year: 2024 },
    })
  })

  it('refuses two rows for one host on one day, however its patterns are written', () => {
    const row = { from: '2026-01-01' }
    const refused = (sites: SiteTableInput['sites']) =>
      siteTableSchema.safeParse({ sites }).error?.issues[0]?.message ?? null
    expect(
      refused([
        { ...row, site: 'a', hosts: ['gpu-*'] },
        { ...row, site: 'b', hosts: ['*-1'] },
      ]),
    ).toMatch(/overlaps row 0 \(a, 2026-01-01 to now\): hosts \*-1 and gpu-\*/)
    expect(
      refused([
        { ...row, site: 'a', hosts: ['gpu-*'], to: '2026-03-01' },
        { ...row, site: 'b', hosts: ['gpu-1'], from: '2026-02-28' },
      ]),
    ).toMatch(/overlaps row 0/)
    expect(
      refused([
        { ...row, site: 'a', hosts: ['gpu-*'] },
        { ...row, site: 'b', hosts: ['cpu-*'] },
      ]),
    ).toBe(null)
  })
})
