import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import koffi from 'koffi'
import { describe, expect, it } from 'vitest'
import { isPassing, reasonOfStatus } from '../../../agent/ffi/amdsmi-codes.ts'
import {
  ENUMERATION,
  flag,
  KFD_INFO,
  POWER,
  POWER_CAP,
  pciName,
  ROOM,
  u32,
  u64,
  VIOLATION,
} from '../../../agent/ffi/amdsmi-layout.ts'
import { amdsmiPaths } from '../../../agent/ffi/amdsmi-paths.ts'

const fields = (names: readonly string[], type: string) =>
  Object.fromEntries(names.map((name) => [name, type]))
const VOLTAGES = ['gfx_mv', 'soc_mv', 'mem_mv']
const power24 = koffi.struct({
  ...fields(['current', 'average', ...VOLTAGES, 'limit'], 'uint32_t'),
  reserved: koffi.array('uint32_t', 11),
})
const power25 = koffi.struct({
  socket: 'uint64_t',
  ...fields(['current', 'average', ...VOLTAGES, 'limit'], 'uint32_t'),
  reserved: koffi.array('uint32_t', 2),
})
const power26 = koffi.struct({
  socket: 'uint64_t',
  ...fields(['current', 'average'], 'uint32_t'),
  ...fields(VOLTAGES, 'uint64_t'),
  limit: 'uint32_t',
  reserved: koffi.array('uint64_t', 18),
})
const cap = koffi.struct({
  ...fields(['cap', 'default_cap', 'dpm', 'min', 'max'], 'uint64_t'),
  reserved: koffi.array('uint64_t', 3),
})
const kfd = koffi.struct({ kfd_id: 'uint64_t', node_id: 'uint32_t', partition: 'uint32_t' })
const enumeration = koffi.struct(fields(['render', 'card', 'hsa_id', 'hip_id'], 'uint32_t'))

describe('the structures of AMDSMI', () => {
  it.each([
    [24, power24, 68],
    [25, power25, 40],
    [26, power26, 192],
  ] as const)('power of %i', (generation, type, size) => {
    expect(koffi.sizeof(type)).toBe(size)
    expect(POWER[generation]).toEqual({
      current: koffi.offsetof(type, 'current'),
      average: koffi.offsetof(type, 'average'),
    })
  })

  it('have the offsets that a compiler gives them', () => {
    expect(koffi.sizeof(cap)).toBe(64)
    expect(POWER_CAP.default_cap).toBe(koffi.offsetof(cap, 'default_cap'))
    expect(KFD_INFO.node_id).toBe(koffi.offsetof(kfd, 'node_id'))
    expect(ENUMERATION.hip_id).toBe(koffi.offsetof(enumeration, 'hip_id'))
    expect(VIOLATION.active_processor_hot).toBe(15 * 8) // after two stamps, seven counters and six shares
    expect(ROOM).toBeGreaterThan(6016)
  })
})

describe('values', () => {
  it.each([
    [0xffff, null],
    [0xffff_ffff, null],
    [0xfffe, 0xfffe],
    [0, 0],
  ])('a 32-bit %i is %s', (raw, value) => {
    const out = Buffer.alloc(4)
    out.writeUInt32LE(raw)
    expect(u32(out, 0)).toBe(value)
  })

  it.each([
    [0xffff_ffff_ffff_ffffn, null],
    [2n ** 53n, null],
    [2n ** 53n - 1n, 2 ** 53 - 1],
  ])('a 64-bit %i is %s', (raw, value) => {
    const out = Buffer.alloc(8)
    out.writeBigUInt64LE(raw)
    expect(u64(out, 0)).toBe(value)
  })

  it('a flag is known where it is not all ones', () => {
    expect([0, 1, 0xff].map((v) => flag(Buffer.from([v]), 0))).toEqual([false, true, null])
  })

  it('names a place on the bus as the kernel does', () => {
    expect(pciName(0xc100n)).toBe('0000:c1:00.0')
    expect(pciName((0x1n << 16n) | (0x3fn << 8n) | (0x1fn << 3n) | 7n)).toBe('0001:3f:1f.7')
  })

  it('names every place apart', () => {
    const place = fc.record({
      domain: fc.bigInt({ min: 0n, max: 0xffffn }),
      rest: fc.bigInt({ min: 0n, max: 0xffffn }),
    })
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [x, y] = [a, b].map((p) => (p.domain << 16n) | p.rest) as [bigint, bigint]
        expect(pciName(x) === pciName(y)).toBe(x === y)
        expect(pciName(x)).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)
      }),
    )
  })
})

describe('statuses', () => {
  it.each([
    [2, 'unsupported'],
    [10, 'permission_denied'],
    [31, 'lost'],
    [34, 'no_driver'],
    [40, 'not_recorded'],
    [77, 'not_recorded'],
  ] as const)('%i is %s', (code, reason) => expect(reasonOfStatus(code)).toBe(reason))

  it('of a busy device passes', () => {
    expect([30, 9, 11, 0, 2, 31].map(isPassing)).toEqual([true, true, true, false, false, false])
  })
})

describe('where the library may be', () => {
  const newest = 'libamd_smi.so.26'

  it('is the override alone', () => expect(amdsmiPaths('/x/y.so', {})).toEqual(['/x/y.so']))

  it('is the stated folder alone, AMDSMI_LIB_DIR before ROCM_PATH', () => {
    const env = { AMDSMI_LIB_DIR: '/a', ROCM_PATH: '/b' }
    expect(amdsmiPaths(null, env)[0]).toBe(`/a/${newest}`)
    expect(amdsmiPaths(null, env).every((p) => p.startsWith('/a/'))).toBe(true)
    expect(amdsmiPaths(null, { ROCM_PATH: '/b' })[0]).toBe(`/b/lib/${newest}`)
  })

  it('is /opt/rocm, then the installation of the highest version, then where the loader looks', () => {
    const opt = mkdtempSync(join(tmpdir(), 'llem-opt-'))
    try {
      for (const name of ['rocm-6.9.2', 'rocm-6.10.0', 'rocm-6.2', 'rocm-old'])
        mkdirSync(join(opt, name))
      const paths = amdsmiPaths(null, {}, opt)
      expect(paths[0]).toBe(join(opt, 'rocm/lib', newest))
      expect(paths[4]).toBe(join(opt, 'rocm-6.10.0/lib', newest))
      expect(paths.slice(8)).toEqual([
        newest,
        'libamd_smi.so.25',
        'libamd_smi.so.24',
        'libamd_smi.so',
      ])
    } finally {
      rmSync(opt, { recursive: true })
    }
  })

  it('is where the loader looks alone on a host without /opt', () => {
    expect(amdsmiPaths(null, {}, '/nowhere')).toHaveLength(8)
  })
})
