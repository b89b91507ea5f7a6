import { expect, it } from 'vitest'
import { runEnergies } from '../../../analysis/energy/energy-scope.ts'
import { readings, runOf, s } from '../../support/run-fixture.ts'

/** An Apple chip over 20 s, as its sensors tell it: counters in µJ since the agent's start, once a second. */
const PARTS = [
  // device, kind, metric, scope, watts
  ['cpu_package:0', 'cpu_package', 'cpu_energy_uj', 'package', 10],
  ['cpu_package:0', 'cpu_package', 'cpu_core_energy_uj', 'performance_cores', 7],
  ['cpu_package:0', 'cpu_package', 'cpu_core_energy_uj', 'efficiency_cores', 2],
  ['apple_gpu:0', 'gpu', 'gpu_energy_uj', 'gpu', 30],
  ['apple_gpu:0', 'gpu', 'gpu_energy_uj', 'memory', 1],
  ['dram:0', 'dram', 'dram_energy_uj', 'dram', 4],
  ['apple_npu:0', 'npu', 'npu_energy_uj', 'npu', 0.5],
] as const
const WINDOW = { start_ns: s(4), end_ns: s(16), rule: 'phase' } as const

const sensorId = (device_id: string, scope: string) => `${device_id}:ioreport:${scope}`
const run = (used: readonly string[]) =>
  runOf({
    devices: [
      ...new Map(PARTS.map(([device_id, kind]) => [device_id, { device_id, kind }])).values(),
    ],
    sensors: PARTS.map(([device_id, , metric, scope]) => ({
      sensor_id: sensorId(device_id, scope),
      device_id,
      metric,
      source: 'ioreport',
      scope,
      period_ms: 100,
      accuracy: { gain_rel: 0.2, offset_w: 0, basis: 'assumed' as const },
    })),
    processes: [{ process_id: 'p1', device_ids: [...used] }],
    samples: PARTS.flatMap(([device_id, , metric, scope, watts]) =>
      readings(
        metric,
        device_id,
        Array.from({ length: 21 }, (_, t) => [t, t * watts * 1e6] as const),
      ).map((row) => ({ ...row, sensor_id: sensorId(device_id, scope) })),
    ).sort((a, b) => a.t_ns - b.t_ns),
  })

it('counts of an Apple chip graphics, processor and memory, each once', () => {
  const energies = runEnergies(run(['apple_gpu:0']), WINDOW)
  // 12 s × 30 W; 12 s × (10 + 4) W: cores are within the package, and SRAM and neural engine are not added.
  expect(energies.gpu).toMatchObject({ energy_j: 360, scope: 'gpu', source: 'ioreport' })
  expect(energies.host.energy_j).toBe(168)
  expect(energies.total.energy_j).toBe(528)
})

it('counts processor and memory for an engine that computes there', () => {
  expect(runEnergies(run(['cpu_package:0', 'dram:0']), WINDOW).compute.energy_j).toBe(168)
})

it('errs by a fifth, and not by the five watts of a card', () => {
  const { components } = runEnergies(run(['apple_gpu:0']), WINDOW).gpu
  // 20 % of 30 W over √3, for 12 s: 41.57 J
  expect(components.find((c) => c.name === 'u_sensor_j')?.value).toBeCloseTo(41.569, 2)
})
