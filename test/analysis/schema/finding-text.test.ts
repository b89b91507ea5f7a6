import { describe, expect, it } from 'vitest'
import { deviceName, findingText } from '../../../analysis/schema/finding-text.ts'

const A = 'GPU-8f3c1d2e-0000-4000-8000-000000000001'
const B = 'GPU-8f3c1d2e-9000-4000-8000-000000000002'
const gpu = (device_id: string, model: string | null = 'NVIDIA H100') => ({ device_id, model })
const code = 'sw_power_cap' as const

describe('findingText', () => {
  it('names the only device of a model by it, with the code in brackets', () => {
    const message = `${A} ran at its power limit for 80 % of the window.`
    expect(findingText({ code, message }, [gpu(A), gpu('cpu_package:0', 'Xeon')])).toBe(
      'NVIDIA H100 ran at its power limit for 80 % of the window. (sw_power_cap)',
    )
  })

  it('tells devices of one model apart by the beginning of their ids', () => {
    const message = `${A} slowed down, and ${B} did.`
    expect(findingText({ code, message }, [gpu(A), gpu(B)])).toBe(
      'NVIDIA H100 GPU-8f3c1d2e-0 slowed down, and NVIDIA H100 GPU-8f3c1d2e-9 did. (sw_power_cap)',
    )
  })

  it('shortens ids of processes, and leaves short ids as they are', () => {
    const [p, q] = [
      '019ab3c4-11aa-7000-8000-000000000000',
      '019ab3c4-11ab-7000-8000-000000000000',
    ] as const
    const message = `Processes ${p} and ${q} differ on cpu_package:0.`
    expect(findingText({ code, message }, [gpu('cpu_package:0', 'Xeon')])).toBe(
      'Processes 019ab3c4-11aa and 019ab3c4-11ab differ on cpu_package:0. (sw_power_cap)',
    )
  })

  it('names a part of a GPU by its own id', () => {
    const part = `MIG-${A}/1/0`
    const message = `The energy of ${part} is that of ${A}.`
    expect(findingText({ code, message }, [gpu(A), gpu(part, null)])).toBe(
      `The energy of MIG-GPU-8f3c1d2e is that of NVIDIA H100. (sw_power_cap)`,
    )
  })
})

describe('deviceName', () => {
  it('is the id where there is no model', () => {
    expect(deviceName(gpu('dram:0', null), [])).toBe('dram:0')
    expect(deviceName(gpu(A, null), [gpu(A, null)])).toBe('GPU-8f3c1d2e')
  })
})
