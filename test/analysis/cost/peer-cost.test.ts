import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { J_PER_KWH } from '../../../analysis/schema/units.ts'
import { ourLedger, ourMoney, peerCostSchema } from '../../support/peer-cost.ts'
import { ROOT } from '../../support/root.ts'

/** Recorded by bench/peer-cost/compare.ts --record. */
const text = await readFile(join(ROOT, 'test/fixtures/peer-cost.json'), 'utf8')
const { task, peers } = peerCostSchema.parse(JSON.parse(text))
const { pue, wue_l_per_kwh } = task
const SPANS = ['stored_run', 'four_days'] as const
const kwhOf = (span: (typeof SPANS)[number]) =>
  task.readings[span].reduce((sum, r) => sum + r.joules, 0) / J_PER_KWH
const off = (ours: number, theirs: number) => Math.abs(ours / theirs - 1)
/** A line is whole in thousand millionths of its unit. */
const ROUNDED = 0.5e-9

describe(`CodeCarbon ${peers.versions.codecarbon}, of the same joules`, () => {
  it.each(Object.entries(peers.codecarbon))('%s: by its factor the same carbon', async (_, its) => {
    const scenario = {
      pue,
      intensity: { factor: { value: its.g_per_kwh, source: 'CodeCarbon' } },
      wue: { site_l_per_it_kwh: wue_l_per_kwh },
    }
    const ours = await ourLedger(task, 'stored_run', scenario)
    // Its joule is 2.77778e-7 kWh, 8e-7 more than 1 / 3.6e6; all that is left is our last digit.
    const long = 2.77778e-7 * J_PER_KWH
    for (const [id, theirs] of [
      ['energy', its.energy_kwh],
      ['co2_location', its.emissions_g],
      // It takes water by energy after PUE.
      ['water_site', its.water_l / pue],
    ] as const)
      expect(Math.abs(ours(id) - theirs / long), id).toBeLessThan(2 * ROUNDED)
    expect(long - 1).toBeCloseTo(8e-7, 9)
  })

  it.each([
    ['germany', 2023, 0.995],
    ['france', 2023, 0.874],
    ['poland', 2023, 1.097],
    ['california', 2023, 1.469],
    ['germany', 2025, 0.898],
    ['france', 2025, 0.553],
    ['poland', 2025, 0.854],
    ['california', 2025, 1.162],
  ])(
    '%s in %i: what the table of zones makes of it, %f of theirs, is the factor alone',
    async (name, year, ratio) => {
      const { zone = '' } = task.places[name] ?? {}
      const its = peers.codecarbon[name]
      const ours = (await ourLedger(task, 'stored_run', { pue, intensity: { zone, year } }))(
        'co2_location',
      )
      expect(ours / (its?.emissions_g ?? Number.NaN)).toBeCloseTo(ratio, 3)
      const factor = ours / (kwhOf('stored_run') * pue)
      expect(off(factor, Math.round(factor))).toBeLessThan(1e-8) // whole grams, as published
    },
  )
})

describe(`Zeus ${peers.versions.zeus}, of the same joules`, () => {
  it.each(SPANS)('%s: the same money in hours of UTC, without adj', async (span) => {
    const ours = await ourMoney(task, span, { tz: 'UTC', adj: false })
    expect(Math.abs(ours - peers.zeus[span].cost)).toBeLessThan(2 * ROUNDED)
  })

  it.each(SPANS)('%s: the same money in local hours where its clock shows them', async (span) => {
    const ours = await ourMoney(task, span, { tz: task.tz, adj: false })
    expect(Math.abs(ours - peers.zeus[span].cost_local)).toBeLessThan(2 * ROUNDED)
    expect(off(ours, peers.zeus[span].cost)).toBeGreaterThan(0.05)
  })

  it.each(SPANS)('%s: what adj adds is adj by all energy', async (span) => {
    const ours = await ourMoney(task, span, { tz: task.tz, adj: true })
    const adj = task.rate.energyratestructure[0]?.[0]?.adj ?? Number.NaN
    const theirs = peers.zeus[span].cost_local + adj * kwhOf(span)
    expect(Math.abs(ours - theirs)).toBeLessThan(2 * ROUNDED)
  })

  it.each(SPANS)('%s: the same carbon by the same series', async (span) => {
    const intensity = { series: { source: 'made up', rows: task.series } }
    const ours = (await ourLedger(task, span, { pue: 1, intensity }))('co2_location')
    expect(Math.abs(ours - peers.zeus[span].emissions_g)).toBeLessThan(2 * ROUNDED)
  })
})
