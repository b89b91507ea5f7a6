import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EnergyChannel } from '../../../agent/ffi/ioreport.ts'
import { energyOfParts } from '../../../agent/sensors/apple-channels.ts'

const channel = (name: string, unit: string, value: number): EnergyChannel => ({
  name,
  unit,
  value: BigInt(value),
})
const parts = (...channels: (readonly [string, string, number])[]) =>
  Object.fromEntries(
    [...energyOfParts(channels.map((c) => channel(...c)))].map(([part, e]) => [
      part,
      e.value ?? e.reason,
    ]),
  )

describe('the channels of the energy model', () => {
  it('of a chip of the first kind: clusters as ECPU and PCPU, single cores within them', () => {
    expect(
      parts(
        ['ECPU0', 'mJ', 10],
        ['ECPU1', 'mJ', 20],
        ['ECPU', 'mJ', 30],
        ['PCPU0', 'mJ', 500],
        ['PCPU', 'mJ', 900],
        ['CPU Energy', 'mJ', 930],
        ['GPU Energy', 'nJ', 4_000_000_123],
        ['GPU SRAM0', 'mJ', 7],
        ['ANE0', 'mJ', 3],
        ['DRAM0', 'mJ', 250],
        ['DISP0', 'mJ', 99],
        ['apciec0 Energy', 'uJ', 99],
      ),
    ).toEqual({
      efficiency_cores: 30_000,
      performance_cores: 900_000,
      cpu: 930_000,
      gpu: 4_000_000.123,
      gpu_sram: 7_000,
      npu: 3_000,
      dram: 250_000,
    })
  })

  it('of a larger chip: several performance clusters are added', () => {
    expect(
      parts(
        ['EACC_CPU0', 'mJ', 1],
        ['EACC_CPU', 'mJ', 5],
        ['EACC_CPM', 'mJ', 1],
        ['PACC0_CPU', 'mJ', 40],
        ['PACC0_CPU0_SRAM', 'mJ', 2],
        ['PACC1_CPU', 'mJ', 60],
      ),
    ).toEqual({ efficiency_cores: 5_000, performance_cores: 100_000 })
  })

  it('of two dies are added', () => {
    expect(
      parts(
        ['DIE_0_CPU Energy', 'mJ', 1000],
        ['DIE_1_CPU Energy', 'mJ', 500],
        ['DIE_0_EACC_CPU', 'mJ', 1],
        ['DIE_1_EACC_CPU', 'mJ', 2],
        ['ANE0_0', 'mJ', 7],
        ['ANE0_1', 'mJ', 8],
        ['DRAM0_0', 'mJ', 3],
        ['DRAM0_1', 'mJ', 4],
        ['GPU SRAM0_0', 'mJ', 5],
        ['GPU Energy', 'nJ', 6000],
      ),
    ).toEqual({
      cpu: 1_500_000,
      efficiency_cores: 3_000,
      npu: 15_000,
      dram: 7_000,
      gpu_sram: 5_000,
      gpu: 6,
    })
  })

  it.each([
    ['nJ', 0.001],
    ['uJ', 1],
    ['µJ', 1],
    ['mJ', 1000],
    ['J', 1e6],
  ])('in %s are worth %d µJ', (unit, uj) => {
    expect(parts(['DRAM', unit, 3])).toEqual({ dram: 3 * uj })
  })

  it('in an unknown unit, or in none, leave their part without energy', () => {
    expect(parts(['CPU Energy', 'kJ', 1])).toEqual({ cpu: 'unsupported' })
    expect(parts(['DIE_0_CPU Energy', 'mJ', 1], ['DIE_1_CPU Energy', '', 1])).toEqual({
      cpu: 'unsupported',
    })
  })

  it('below their first reading were set back', () => {
    expect(parts(['DRAM0', 'mJ', -5], ['ANE', 'mJ', 1])).toEqual({
      dram: 'counter_reset',
      npu: 1000,
    })
  })

  it('may be in any order, and in units that differ between dies', () => {
    const dies = fc.array(
      fc.record({
        unit: fc.constantFrom('nJ', 'uJ', 'mJ', 'J'),
        value: fc.nat(1_000_000),
        part: fc.constantFrom('CPU Energy', 'DRAM', 'ANE0', 'GPU Energy'),
      }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(dies, (rows) => {
        const all = rows.map((r, i) => channel(`DIE_${i}_${r.part}`, r.unit, r.value))
        expect(energyOfParts([...all].reverse())).toEqual(
          new Map([...energyOfParts(all)].reverse()),
        )
        // The parts' sum is that of all channels: each counts once.
        const uj = { nJ: 0.001, uJ: 1, mJ: 1e3, J: 1e6 } as Record<string, number>
        const total = rows.reduce((sum, r) => sum + r.value * (uj[r.unit] ?? 0), 0)
        const sum = [...energyOfParts(all).values()].reduce((s, e) => s + (e.value ?? 0), 0)
        expect(Math.abs(sum - total)).toBeLessThanOrEqual(1e-9 * (total + 1))
      }),
    )
  })
})
