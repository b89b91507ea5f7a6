import koffi from 'koffi'
import { describe, expect, it } from 'vitest'
import { text } from '../../../agent/ffi/c-text.ts'
import { nameOfCode, reasonOfCode } from '../../../agent/ffi/nvml-codes.ts'
import {
  ATTRIBUTES,
  FIELD_VALUE,
  MEMORY,
  MEMORY_V2,
  MEMORY_V2_VERSION,
  PCI_INFO,
  PROCESS_INFO,
  PROFILES,
  PROFILES_V1_VERSION,
  SAMPLE,
  TEMPERATURE,
  TEMPERATURE_V1_VERSION,
  UTILISATION,
  u32,
  u64,
  unionValue,
  VIOLATION,
} from '../../../agent/ffi/nvml-layout.ts'

const mask = koffi.struct({ mask: koffi.array('uint32_t', 8) })
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
  violation: koffi.struct({ referenceTime: 'uint64_t', violationTime: 'uint64_t' }),
  attributes: koffi.struct({
    multiprocessorCount: 'uint32_t',
    sharedCopyEngineCount: 'uint32_t',
    sharedDecoderCount: 'uint32_t',
    sharedEncoderCount: 'uint32_t',
    sharedJpegCount: 'uint32_t',
    sharedOfaCount: 'uint32_t',
    gpuInstanceSliceCount: 'uint32_t',
    computeInstanceSliceCount: 'uint32_t',
    memorySizeMB: 'uint64_t',
  }),
  profiles: koffi.struct({
    version: 'uint32_t',
    perfProfilesMask: mask,
    requestedProfilesMask: mask,
    enforcedProfilesMask: mask,
  }),
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
    ['nvmlViolationTime_t', structs.violation, VIOLATION.size, 16],
    ['nvmlDeviceAttributes_t', structs.attributes, ATTRIBUTES.size, 40],
    ['nvmlMask255_t', mask, PROFILES.mask_size, 32],
    ['nvmlWorkloadPowerProfileCurrentProfiles_v1_t', structs.profiles, PROFILES.size, 100],
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
    expect([MEMORY_V2.reserved, MEMORY_V2.free, MEMORY.free]).toEqual([
      at(structs.memory2, 'reserved'),
      at(structs.memory2, 'free'),
      at(structs.memory, 'free'),
    ])
    expect([PROCESS_INFO.memory, PROCESS_INFO.gpu_instance, PROCESS_INFO.compute_instance]).toEqual(
      [
        at(structs.process, 'usedGpuMemory'),
        at(structs.process, 'gpuInstanceId'),
        at(structs.process, 'computeInstanceId'),
      ],
    )
    expect(VIOLATION.violation).toBe(at(structs.violation, 'violationTime'))
    expect([ATTRIBUTES.gpu_slices, ATTRIBUTES.compute_slices, ATTRIBUTES.memory_mib]).toEqual([
      at(structs.attributes, 'gpuInstanceSliceCount'),
      at(structs.attributes, 'computeInstanceSliceCount'),
      at(structs.attributes, 'memorySizeMB'),
    ])
    expect([PROFILES.supported, PROFILES.requested, PROFILES.enforced]).toEqual([
      at(structs.profiles, 'perfProfilesMask'),
      at(structs.profiles, 'requestedProfilesMask'),
      at(structs.profiles, 'enforcedProfilesMask'),
    ])
    expect(TEMPERATURE.value).toBe(at(structs.temperature, 'temperature'))
    expect(PCI_INFO.bus_id).toBe(at(structs.pci, 'busId'))
  })

  it('writes version words as size and number', () => {
    expect(MEMORY_V2_VERSION).toBe(MEMORY_V2.size + 2 * 2 ** 24)
    expect(PROFILES_V1_VERSION).toBe(PROFILES.size + 1 * 2 ** 24)
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
    const reasons = (codes: number[]) => new Set(codes.map(reasonOfCode))
    expect(reasons([2, 3, 13, 14, 22, 24, 25, 26, 30])).toEqual(new Set(['unsupported']))
    expect(reasons([1, 9, 12, 18])).toEqual(new Set(['no_driver']))
    expect(reasons([8, 11, 15, 16, 28])).toEqual(new Set(['lost']))
    expect(reasons([4])).toEqual(new Set(['permission_denied']))
    expect(reasons([17])).toEqual(new Set(['masked_in_container']))
    const passing = [5, 6, 7, 10, 19, 20, 21, 23, 27, 29, 999]
    expect(reasons([...passing, 12_345])).toEqual(new Set(['not_recorded']))
  })

  it('are named by their code in messages', () => {
    expect(nameOfCode(15)).toBe('GPU_IS_LOST (15)')
    expect(nameOfCode(12_345)).toBe('12345')
    for (let code = 1; code <= 30; code++) expect(nameOfCode(code)).toMatch(/^[A-Z_]+ \(\d+\)$/)
  })
})
