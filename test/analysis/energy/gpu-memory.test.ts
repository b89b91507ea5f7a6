import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviceMemoryPeak, gpuMemoryPeak } from '../../../analysis/energy/gpu-memory.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, GPU2, readings, runOf, s } from '../../support/run-fixture.ts'

const WINDOW = { start_ns: s(10), end_ns: s(20), rule: 'phase' } as const
const MIB = 1_048_576
const METRIC = 'gpu_memory_used_bytes'
/** `[seconds, MiB]` each. */
const memory = (device_id: string, values: readonly (readonly [number, number])[]) =>
  readings(
    METRIC,
    device_id,
    values.map(([t, mib]) => [t, mib * MIB] as const),
  )
const two = (samples: readonly SampleRow[], used: readonly string[] = [GPU, GPU2]) =>
  runOf({
    devices: [
      { device_id: GPU, kind: 'gpu' },
      { device_id: GPU2, kind: 'gpu' },
    ],
    processes: [{ process_id: 'p1', device_ids: [...used] }],
    samples,
  })

const FIRST = memory(GPU, [
  [5, 70_000],
  [10, 65_000],
  [12, 40_000],
  [15, 60_000.5],
  [17.5, 55_000],
  [20, 50_000],
  [21, 80_000],
])
const SECOND = memory(GPU2, [
  [11, 30_000],
  [13.5, 30_000],
  [16, 30_500],
  [19, 31_000],
])

describe('peak GPU memory', () => {
  it('adds the largest reading of each device within the window, the start not included', () => {
    // 60 000.5 of the first (65 000 at the start and 80 000 afterwards are outside) and 31 000 of the second, at
    // another instant
    const peak = gpuMemoryPeak(two([...FIRST, ...SECOND]), WINDOW)
    expect(peak).toMatchObject({ value: 91_000.5, unit: 'MiB', reason: null, n: 8 })
    expect(peak.low).toBeNull()
  })

  it('takes the reading at the end of the window', () => {
    const before = [12.5, 15, 17.5].map((t) => [t, 1] as const)
    const peak = gpuMemoryPeak(two(memory(GPU, [...before, [20, 1_000]]), [GPU]), WINDOW)
    expect(peak.value).toBe(1_000)
  })

  it('is null where more than 3 s went unseen, since the peak may lie there', () => {
    const seen = (times: readonly number[]) =>
      gpuMemoryPeak(
        two(
          memory(
            GPU,
            times.map((t) => [t, 1]),
          ),
          [GPU],
        ),
        WINDOW,
      )
    expect(seen([10.5])).toMatchObject({ value: null, reason: 'uncovered' })
    expect(seen([11, 14, 17, 19]).value).toBe(1)
    expect(seen([11, 14.1, 17, 19]).reason).toBe('uncovered')
    expect(seen([13.1, 16, 19]).reason).toBe('uncovered')
  })

  it('counts a device once, however many ranks name it, and one that is not used not at all', () => {
    const run = runOf({
      devices: [
        { device_id: GPU, kind: 'gpu' },
        { device_id: GPU2, kind: 'gpu' },
      ],
      processes: [
        { process_id: 'p1', device_ids: [GPU] },
        { process_id: 'p2', device_ids: [GPU] },
      ],
      samples: [...FIRST, ...SECOND],
    })
    expect(gpuMemoryPeak(run, WINDOW).value).toBe(60_000.5)
    expect(deviceMemoryPeak(run, GPU2, WINDOW)).toBe(31_000)
  })

  it('does not depend on the order of the rows', () => {
    const rows = [...FIRST, ...SECOND]
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), (shuffled) => {
        expect(gpuMemoryPeak(two(shuffled), WINDOW).value).toBe(91_000.5)
      }),
      { numRuns: 30 },
    )
  })

  it('passes over readings that failed', () => {
    const lost = { t_ns: s(16), device_id: GPU, metric: METRIC, value: null, reason: 'lost' }
    expect(gpuMemoryPeak(two([...FIRST, lost], [GPU]), WINDOW).value).toBe(60_000.5)
  })

  it.each([
    ['a used GPU has no reading', two(FIRST), 'not_recorded'],
    ['none lies in the window', two(memory(GPU, [[5, 1]]), [GPU]), 'uncovered'],
    [
      'all failed: why they did',
      two([{ t_ns: s(12), device_id: GPU, metric: METRIC, value: null, reason: 'lost' }], [GPU]),
      'lost',
    ],
    [
      'the driver refused it: what the agent said',
      runOf({
        environment: {
          missing_sensors: [{ source: METRIC, device_id: GPU, reason: 'unsupported', fix: 'none' }],
        },
      }),
      'unsupported',
    ],
    [
      'the engine ran on the processor',
      runOf({ devices: [{ device_id: 'cpu_package:0', kind: 'cpu_package' }] }),
      'no_device',
    ],
    [
      'the engine ran elsewhere',
      runOf({ processes: [{ process_id: 'w', role: 'worker', device_ids: [] }] }),
      'remote_engine',
    ],
  ])('is null where %s', (_, run, reason) => {
    expect(gpuMemoryPeak(run, WINDOW)).toMatchObject({ value: null, reason, unit: 'MiB' })
  })

  it('takes the whole GPU for its instances, once', () => {
    const instance = (device_id: string) =>
      ({ device_id, kind: 'gpu_instance', parent_device_id: GPU }) as const
    const run = runOf({
      devices: [{ device_id: GPU, kind: 'gpu' }, instance('MIG-1'), instance('MIG-2')],
      processes: [{ process_id: 'p1', device_ids: ['MIG-1', 'MIG-2'] }],
      samples: FIRST,
    })
    expect(gpuMemoryPeak(run, WINDOW).value).toBe(60_000.5)
  })

  it('adds two dies of one board, and does not guess of two partitions of one GPU', () => {
    const board = (first: string, second: string) =>
      runOf({
        devices: [
          { device_id: GPU, kind: 'gpu', pci: first },
          { device_id: GPU2, kind: 'gpu_instance', parent_device_id: GPU, pci: second },
        ],
        processes: [{ process_id: 'p1', device_ids: [GPU, GPU2] }],
        samples: [...FIRST, ...SECOND],
      })
    expect(gpuMemoryPeak(board('0000:c1:00.0', '0000:c6:00.0'), WINDOW).value).toBe(91_000.5)
    expect(gpuMemoryPeak(board('0000:c1:00.0', '0000:c1:00.1'), WINDOW)).toMatchObject({
      value: null,
      reason: 'ambiguous_mapping',
    })
  })

  it('names its source where all sensors have one', () => {
    const row = (device_id: string, source: string) => ({
      sensor_id: `m-${device_id.slice(4, 6)}`,
      device_id,
      metric: METRIC,
      source,
    })
    const samples = FIRST.map((r) => ({ ...r, sensor_id: 'm-11' }))
    const run = runOf({ sensors: [row(GPU, 'nvml')], samples })
    expect(gpuMemoryPeak(run, WINDOW)).toMatchObject({ value: 60_000.5, provenance: 'nvml' })
  })
})

it('is in the summary, of the run and of each device', () => {
  const phases = { measure: [10, 20] } as const
  const run = runOf({ phases, samples: FIRST, experiment: { phases: { window: 'phase' } } })
  const summary = summarise(run)
  expect(summary.metrics['gpu_memory_peak_mib']).toMatchObject({ value: 60_000.5, unit: 'MiB' })
  expect(summary.devices.find((d) => d.device_id === GPU)?.memory_peak_mib).toBe(60_000.5)
})

it('is null without a window, for that reason', () => {
  const summary = summarise(runOf({ phases: { idle: [0, 5] }, samples: FIRST }))
  expect(summary.metrics['gpu_memory_peak_mib']).toMatchObject({ value: null, reason: 'no_window' })
})
