import { expect, it } from 'vitest'
import { nvmlDuty } from '../../../agent/sensors/nvml-duty.ts'

it.each([
  ['NVIDIA A100-SXM4-80GB', 'nvml_power_instant', 0.25],
  ['NVIDIA H100 80GB HBM3', 'nvml_power_average', 0.25],
  ['NVIDIA H100 80GB HBM3', 'nvml_power_ring', 1],
  ['NVIDIA A100-SXM4-80GB', 'nvml_power_ring', null],
  ['NVIDIA H100 80GB HBM3', 'nvml_energy', null],
  ['NVIDIA A10', 'nvml_power_instant', null],
  ['NVIDIA GeForce RTX 4090', 'nvml_power_instant', null],
  [null, 'nvml_power_instant', null],
])('of %s by %s the share seen of each period is %s', (model, source, duty) => {
  expect(nvmlDuty(model, source)).toBe(duty)
})
