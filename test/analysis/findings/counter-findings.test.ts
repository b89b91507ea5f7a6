import { describe, expect, test } from 'vitest'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, power, readings, request, ring, runOf, s } from '../../support/run-fixture.ts'

type Values = readonly (readonly [number, number])[]

const powered = (to: number) => power({ from: -1, to, every: 0.02, watts: () => 400 })
/** A run of 60 s with a ring up to `ring_s` (null: none) and a counter of these values, mJ. */
const found = (values: Values, ring_s: number | null = 61) =>
  summarise(
    runOf({
      sensors: [ring(GPU)],
      samples: [
        ...(ring_s === null ? [] : powered(ring_s)),
        ...readings('gpu_energy_mj', GPU, values),
      ],
    }),
  )
const counters = (summary: ReturnType<typeof found>) =>
  summary.findings
    .filter((f) => f.code.startsWith('counter_'))
    .map((f) => [f.code, f.severity, f.evidence['fault'] ?? null])

const FULL_32 = 2 ** 32 - 1
const FULL_64 = 2 ** 64

describe('a counter', () => {
  const cases: [string, Values, string, string][] = [
    [
      'at zero',
      [
        [-0.1, 0],
        [60.1, 0],
      ],
      'counter_stalled',
      'zero',
    ],
    [
      'at the maximum of 32 bits',
      [
        [-0.1, FULL_32],
        [60.1, FULL_32],
      ],
      'counter_stalled',
      'full',
    ],
    [
      'that leaps to the maximum of 64 bits',
      [
        [-0.1, 5e6],
        [60.1, FULL_64],
      ],
      'counter_stalled',
      'full',
    ],
    [
      'that stands still',
      [
        [-0.1, 5e6],
        [60.1, 5e6],
      ],
      'counter_stalled',
      'still',
    ],
    [
      'that runs backwards',
      [
        [-0.1, 5e6],
        [60.1, 4e6],
      ],
      'counter_reset',
      'fell',
    ],
  ]
  test.each(cases)('%s is a finding beside a source that stands', (_, values, code, fault) => {
    const summary = found(values)
    expect(counters(summary)).toEqual([[code, 'info', fault]])
    expect(summary.metrics['energy_gpu_j']?.value).toBeCloseTo(24_000, 6)
    expect(summary.valid).toBe(true)
  })

  test.each(cases)('%s is a finding where no source stands', (_, values, code, fault) => {
    // The ring ends at 30 s, and the counter can't stand in.
    const summary = found(values, 30)
    expect(counters(summary)).toEqual([[code, 'info', fault]])
    expect(summary.metrics['energy_gpu_j']).toMatchObject({ value: null })
    expect(summary.findings.find((f) => f.code === code)?.message).toMatch(/can’t stand in either/)
  })

  test.each(cases)('%s, alone, leaves no energy, and says what it did', (_, values, code) => {
    const summary = found(values, null)
    expect(summary.metrics['energy_gpu_j']?.value).toBe(null)
    expect(summary.findings.find((f) => f.code === code)?.severity).toBe('invalid')
  })

  test('is judged by what it was read, also where no reading of it follows the window', () => {
    expect(
      counters(
        found([
          [-0.1, 5e6],
          [30, 4e6],
        ]),
      ),
    ).toEqual([['counter_reset', 'info', 'fell']])
    expect(
      counters(
        found([
          [-0.1, 5e6],
          [30, 17e6],
        ]),
      ),
    ).toEqual([])
  })

  test('of a declared range is full at its end, and wraps before it', () => {
    const CPU = 'cpu_package:0'
    const joules = (last: number) =>
      summarise(
        runOf({
          devices: [{ device_id: CPU, kind: 'cpu_package' }],
          sensors: [
            { sensor_id: 'r', device_id: CPU, metric: 'cpu_energy_uj', source: 'rapl', range: 1e9 },
          ],
          samples: readings('cpu_energy_uj', CPU, [
            [0, 900e6],
            [60, last],
          ]).map((r) => ({
            ...r,
            sensor_id: 'r',
          })),
        }),
      ).metrics['energy_compute_j']
    // 1 000 - 900 + 500 = 600 J
    expect(joules(500e6)?.value).toBeCloseTo(600, 6)
    expect(joules(1e9)).toMatchObject({ value: null, reason: 'stale' })
  })

  test('that fails at the edges of a window within is among the readings that failed', () => {
    const failed = [
      { t_ns: s(-0.5), device_id: GPU, metric: 'gpu_energy_mj', value: 5e6 },
      {
        t_ns: s(60.5),
        device_id: GPU,
        metric: 'gpu_energy_mj',
        value: null,
        reason: 'implausible',
      },
    ]
    const summary = summarise(
      runOf({ samples: [...powered(61), ...failed], requests: [request('r', 1, 2, 59, 9)] }),
    )
    expect(summary.findings.find((f) => f.code === 'readings_failed')?.evidence).toMatchObject({
      failed: [{ metric: 'gpu_energy_mj', reason: 'implausible', failed: 1 }],
    })
    const gpu = summary.devices.find((d) => d.device_id === GPU)
    expect(gpu?.estimates.find((e) => e.method === 'counter')?.reason).toBe('implausible')
  })

  test('that read what can’t be when the run began is a finding with its remedy', () => {
    const fix = 'nvml_energy of GPU-1: the reading is outside what the device can do.'
    const environment = {
      missing_sensors: [{ source: 'nvml_energy', reason: 'implausible', device_id: GPU, fix }],
    }
    const { findings } = summarise(runOf({ samples: powered(61), environment }))
    expect(findings.find((f) => f.code === 'readings_failed')?.message).toBe(fix)
  })
})
