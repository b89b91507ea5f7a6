import koffi from 'koffi'
import { describe, expect, it } from 'vitest'
import { reasonOfCode } from '../../../agent/ffi/nvml-codes.ts'
import {
  FIELD_VALUE,
  MEMORY,
  MEMORY_V2,
  MEMORY_V2_VERSION,
  PCI_INFO,
  PROCESS_INFO,
  SAMPLE,
  TEMPERATURE,
  TEMPERATURE_V1_VERSION,
  text,
  UTILISATION,
  u32,
  u64,
  unionValue,
} from '../../../agent/ffi/nvml-layout.ts'

const structs = {
  field: koffi.struct({
    fieldId: 'uint32_t',
    scopeId: 'uint32_t',
    timestamp: 'int64_t',
    latencyUsec: 'int64_t',
    valueType: 'int',
    nvmlReturn: 'int',
    value: 'uint64_t',
  }),
  sample: koffi.struct({ timeStamp: 'uint64_t', value: 'uint64_t' }),
  memory: koffi.struct({ total: 'uint64_t', free: 'uint64_t', used: 'uint64_t' }),
  memory2: koffi.struct({
    version: 'uint32_t',
    total: 'uint64_t',
    reserved: 'uint64_t',
    free: 'uint64_t',
    used: 'uint64_t',
  }),
  process: koffi.struct({
    pid: 'uint32_t',
    usedGpuMemory: 'uint64_t',
    gpuInstanceId: 'uint32_t',
    computeInstanceId: 'uint32_t',
  }),
  utilisation: koffi.struct({ gpu: 'uint32_t', memory: 'uint32_t' }),
  temperature: koffi.struct({ version: 'uint32_t', sensor: 'int', temperature: 'int' }),
  pci: koffi.struct({
    busIdLegacy: koffi.array('char', 16),
    domain: 'uint32_t',
    bus: 'uint32_t',
    device: 'uint32_t',
    pciDeviceId: 'uint32_t',
    pciSubSystemId: 'uint32_t',
    busId: koffi.array('char', 32),
  }),
}

describe('the layout of what NVML fills', () => {
  it.each([
    ['nvmlFieldValue_t', structs.field, FIELD_VALUE.size, 40],
    ['nvmlSample_t', structs.sample, SAMPLE.size, 16],
    ['nvmlMemory_t', structs.memory, MEMORY.size, 24],
    ['nvmlMemory_v2_t', structs.memory2, MEMORY_V2.size, 40],
    ['nvmlProcessInfo_t', structs.process, PROCESS_INFO.size, 24],
    ['nvmlUtilization_t', structs.utilisation, UTILISATION.size, 8],
    ['nvmlTemperature_v1_t', structs.temperature, TEMPERATURE.size, 12],
    ['nvmlPciInfo_t', structs.pci, PCI_INFO.size, 68],
  ])('%s has the size that the C rules give', (_name, type, ours, published) => {
    expect(ours).toBe(published)
    expect(koffi.sizeof(type)).toBe(published)
  })

  it('puts each field where the C rules put it', () => {
    const at = koffi.offsetof
    expect([FIELD_VALUE.field, FIELD_VALUE.scope]).toEqual([0, at(structs.field, 'scopeId')])
    expect([FIELD_VALUE.type, FIELD_VALUE.code, FIELD_VALUE.value]).toEqual([
      at(structs.field, 'valueType'),
      at(structs.field, 'nvmlReturn'),
      at(structs.field, 'value'),
    ])
    expect(MEMORY.used).toBe(at(structs.memory, 'used'))
    expect([MEMORY_V2.total, MEMORY_V2.used]).toEqual([
      at(structs.memory2, 'total'),
      at(structs.memory2, 'used'),
    ])
    expect(TEMPERATURE.value).toBe(at(structs.temperature, 'temperature'))
    expect(PCI_INFO.bus_id).toBe(at(structs.pci, 'busId'))
  })

  it('writes version words as size and number', () => {
    expect(MEMORY_V2_VERSION).toBe(MEMORY_V2.size + 2 * 2 ** 24)
    expect(TEMPERATURE_V1_VERSION).toBe(TEMPERATURE.size + 1 * 2 ** 24)
  })
})

describe('values that NVML writes', () => {
  const bytes = (write: (b: Buffer) => void) => {
    const buffer = Buffer.alloc(8)
    write(buffer)
    return buffer
  }

  it('are read by the type that the driver names', () => {
    expect(
      unionValue(
        bytes((b) => b.writeDoubleLE(412.5)),
        0,
        0,
      ),
    ).toBe(412.5)
    expect(
      unionValue(
        bytes((b) => b.writeUInt32LE(412_500)),
        0,
        1,
      ),
    ).toBe(412_500)
    expect(
      unionValue(
        bytes((b) => b.writeBigUInt64LE(2n ** 40n)),
        0,
        3,
      ),
    ).toBe(2 ** 40)
    expect(
      unionValue(
        bytes((b) => b.writeBigInt64LE(-7n)),
        0,
        4,
      ),
    ).toBe(-7)
    expect(
      unionValue(
        bytes((b) => b.writeInt32LE(-7)),
        0,
        5,
      ),
    ).toBe(-7)
    expect(
      unionValue(
        bytes((b) => b.writeUInt16LE(65_535)),
        0,
        6,
      ),
    ).toBe(65_535)
  })

  it('are null where they are all ones, no number, too great to be exact, or of an unknown type', () => {
    const ones = Buffer.alloc(8, 0xff)
    expect(u32(ones, 0)).toBeNull()
    expect(u64(ones, 0)).toBeNull()
    expect(unionValue(ones, 0, 0)).toBeNull()
    expect(unionValue(ones, 0, 99)).toBeNull()
    expect(
      u64(
        bytes((b) => b.writeBigUInt64LE(2n ** 53n)),
        0,
      ),
    ).toBeNull()
    expect(
      u64(
        bytes((b) => b.writeBigUInt64LE(2n ** 53n - 1n)),
        0,
      ),
    ).toBe(2 ** 53 - 1)
  })

  it('are texts up to the first zero byte, or the whole field', () => {
    expect(text(Buffer.from('GPU-1\0rest'))).toBe('GPU-1')
    expect(text(Buffer.from('whole'))).toBe('whole')
    expect(text(Buffer.from('..0000:01\0'), 2, 7)).toBe('0000:01')
  })

  it('carry a reason for each return code', () => {
    expect([3, 13, 25].map(reasonOfCode)).toEqual(['unsupported', 'unsupported', 'unsupported'])
    expect([9, 12, 18].map(reasonOfCode)).toEqual(['no_driver', 'no_driver', 'no_driver'])
    expect([15, 16, 28].map(reasonOfCode)).toEqual(['lost', 'lost', 'lost'])
    expect(reasonOfCode(4)).toBe('permission_denied')
    expect(reasonOfCode(12_345)).toBe('not_recorded')
  })
})
