import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  amdDeviceId,
  isDualDie,
  isModule,
  sharedDies,
} from '../../../agent/sensors/amd-identity.ts'
import { ID_PATTERN } from '../../../analysis/schema/id.ts'

const PCI = '0000:c1:00.0'

describe('the id of an AMD GPU', () => {
  it.each([
    ['1f2e3d4c5b6a7988', 'GPU-1f2e3d4c5b6a7988'],
    ['0x1F2E3D4C5B6A7988', 'GPU-1f2e3d4c5b6a7988'],
    ['a1b2c3d4', 'GPU-00000000a1b2c3d4'],
  ])('of the number %s is %s', (number, id) => {
    expect(amdDeviceId(number, 'uuid', PCI)).toBe(id)
  })

  it.each([null, '', '0', '0000000000000000', 'none'])(
    'of no number (%s) is the UUID',
    (number) => {
      expect(amdDeviceId(number, '00ff740f-0000-1000-80ea-e05c945bb3b2', PCI)).toBe(
        '00ff740f-0000-1000-80ea-e05c945bb3b2',
      )
      expect(amdDeviceId(number, null, PCI)).toBe('AMD-0000:c1:00.0')
    },
  )

  it('is one that a record takes, whatever the kernel and the library say', () => {
    fc.assert(
      fc.property(fc.option(fc.string()), fc.option(fc.string()), (number, uuid) => {
        expect(amdDeviceId(number, uuid, PCI)).toMatch(ID_PATTERN)
      }),
    )
  })
})

describe('cards', () => {
  it('of two dies are the MI250 and the MI250X', () => {
    expect(
      ['AMD Instinct MI250X', 'AMD Instinct MI250', 'AMD Instinct MI210', null].map((m) =>
        isDualDie(m),
      ),
    ).toEqual([true, true, false, false])
    expect(['0x7408', '0x740c', '0x740f'].map((id) => isDualDie(null, id))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('of GPU, CPU and memory are the MI300A', () => {
    expect(['AMD Instinct MI300A', 'AMD Instinct MI300X'].map((m) => isModule(m))).toEqual([
      true,
      false,
    ])
    expect(isModule(null, '0x74a0')).toBe(true)
  })
})

describe('dies that share a sensor', () => {
  const dies = fc
    .array(fc.boolean(), { maxLength: 16 })
    .map((reads) => reads.map((reads_power, i) => ({ id: `d${i}`, reads_power })))

  it('never read power, and are counted by a neighbour that does and that none counts', () => {
    fc.assert(
      fc.property(dies, (all) => {
        const shared = sharedDies(all)
        for (const [id, by] of shared) {
          const [die, carrier] = [id, by].map((x) => all.findIndex((d) => d.id === x))
          expect(Math.floor((die ?? -1) / 2)).toBe(Math.floor((carrier ?? -2) / 2))
          expect(all[die ?? -1]?.reads_power).toBe(false)
          expect(all[carrier ?? -1]?.reads_power).toBe(true)
          expect(shared.has(by)).toBe(false)
        }
      }),
    )
  })

  it('are all those whose neighbour reads power alone', () => {
    const reads = (...all: boolean[]) => [
      ...sharedDies(all.map((reads_power, i) => ({ id: `${i}`, reads_power }))),
    ]
    expect(reads(true, false, false, true)).toEqual([
      ['1', '0'],
      ['2', '3'],
    ])
    expect(reads(true, true, false, false, true)).toEqual([])
  })
})
