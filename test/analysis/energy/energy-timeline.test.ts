import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wallTime } from '../../../analysis/cost/wall-time.ts'
import { energyTimeline, inWholes } from '../../../analysis/energy/energy-timeline.ts'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, power, readings, request, runOf, s } from '../../support/run-fixture.ts'
import { simulatedRun } from '../../support/simulated-run.ts'

/** 2026-07-14T09:59:30Z at the start of the run's clock. */
const ANCHOR = { t_ns: 0, wall_unix_ns: '1784023170000000000', error_ns: 100 }
const worker = (clock: object[] = [ANCHOR]) => [
  { process_id: 'p1', role: 'worker', device_ids: [GPU], clock: clock as never },
]

/** 100 W for 30 s before the hour, 300 W for 30 s after it. */
const overTheHour = (more: object = {}) =>
  runOf({
    phases: { measure: [0, 60] },
    processes: worker(),
    samples: power({ from: -1, to: 61, every: 0.1, watts: (t) => (t <= 30 ? 100 : 300) }),
    requests: [request('r1', 1, 2, 50, 100)],
    ...more,
  })

describe('the energy of a run over time', () => {
  it('is cut at the hours of UTC, each with its own joules, the sum as in the summary', () => {
    const run = overTheHour()
    const timeline = energyTimeline(run)
    expect(timeline.intervals.map((i) => [i.from, i.to])).toEqual([
      ['2026-07-14T09:59:30Z', '2026-07-14T10:00:00Z'],
      ['2026-07-14T10:00:00Z', '2026-07-14T10:00:30Z'],
    ])
    const uj = timeline.intervals.map((i) => Number(i.energies.gpu?.energy_uj))
    expect(uj[0]).toBeCloseTo(3000e6, -8)
    expect(uj[1]).toBeCloseTo(9000e6, -8)
    const joules = summarise(run).metrics['energy_gpu_j']?.value ?? 0
    expect(uj.reduce((a, b) => a + b, 0)).toBe(Math.round(joules * 1e6))
    expect(timeline).toMatchObject({
      boundary: 'gpu',
      boundary_partial: true,
      gpus: 1,
      seconds: 60,
      requests: 1,
    })
    expect(timeline.gpu_hours_reserved).toBeCloseTo(60 / 3600, 12)
    expect(timeline.tokens).toEqual({ input: 10, output: 100, good: 100 })
    expect(timeline.u.gpu).toBeGreaterThan(0)
  })

  it('is cut finer for a meter of 15 minutes', () => {
    const late = { ...ANCHOR, wall_unix_ns: '1784022270000000000' }
    const run = overTheHour({ processes: worker([late]) })
    expect(energyTimeline(run).intervals).toHaveLength(1)
    expect(energyTimeline(run, { step_min: 15 }).intervals.map((i) => i.to)).toEqual([
      '2026-07-14T09:45:00Z',
      '2026-07-14T09:45:30Z',
    ])
  })

  it('takes the wall between two anchors, so that a clock that runs fast meets the hour where the wall does', () => {
    // The wall gains 6 s on the run's clock over its 60 s.
    const end = { t_ns: s(60), wall_unix_ns: '1784023236000000000' }
    const run = overTheHour({ processes: worker([ANCHOR, end]) })
    expect(wallTime(run)?.at(s(30))).toBe(1784023203000)
    const { intervals } = energyTimeline(run)
    expect(intervals[1]?.to).toBe('2026-07-14T10:00:36Z')
    // 30 s of wall are 27.27 s of the run.
    expect(Number(intervals[0]?.energies.gpu?.energy_uj)).toBeCloseTo(2727e6, -7.5)
  })

  it('has one interval without wall time where nothing tells it', () => {
    const run = overTheHour({ processes: [{ process_id: 'p1', device_ids: [GPU] }] })
    const timeline = energyTimeline(run)
    expect(timeline.intervals).toHaveLength(1)
    expect(timeline.intervals[0]).toMatchObject({ from: null, to: null })
    expect(timeline.intervals[0]?.energies.gpu?.energy_uj).toBeGreaterThan(0)
    expect(timeline.notes).toEqual(['The run does not tell its wall time.'])
  })

  it('takes GPU and host where RAPL was read, by component and method', () => {
    const counter = (metric: string, device: string, watts: number) =>
      readings(
        metric,
        device,
        Array.from({ length: 630 }, (_, i) => [-1 + i / 10, (1000 + (i / 10) * watts) * 1e6]),
      )
    const run = overTheHour({
      devices: [
        { device_id: GPU, kind: 'gpu' },
        { device_id: 'cpu_package:0', kind: 'cpu_package' },
        { device_id: 'dram:0', kind: 'dram', parent_device_id: 'cpu_package:0' },
      ],
      samples: [
        ...power({ from: -1, to: 61, every: 0.1, watts: () => 100 }),
        ...counter('cpu_energy_uj', 'cpu_package:0', 50),
        ...counter('dram_energy_uj', 'dram:0', 10),
      ],
    })
    const timeline = energyTimeline(run)
    expect(timeline.boundary).toBe('gpu+cpu')
    const first = timeline.intervals[0]?.energies
    expect(first?.gpu?.method).toBe('power_integral')
    expect(first?.cpu?.method).toBe('rapl')
    expect(Number(first?.cpu?.energy_uj)).toBeCloseTo(1500e6, -7.5)
    expect(Number(first?.dram?.energy_uj)).toBeCloseTo(300e6, -7)
    expect(energyTimeline(run, { boundary: 'gpu' }).intervals[0]?.energies.cpu).toBeUndefined()
    expect(energyTimeline(run, { boundary: 'node' }).intervals[0]?.energies.gpu).toMatchObject({
      energy_uj: null,
      reason: 'not_recorded',
    })
  })

  it('of all that was recorded holds more than its window', () => {
    const run = simulatedRun({ gpus: 2 })
    const [window, all] = [energyTimeline(run), energyTimeline(run, { span: 'recorded' })]
    const sum = (t: typeof window) =>
      t.intervals.reduce((n, i) => n + Number(i.energies.gpu?.energy_uj), 0)
    expect(sum(all)).toBeGreaterThan(sum(window))
    expect(all.seconds).toBeGreaterThan(80)
    expect(window.gpus).toBe(2)
    expect(window.intervals[0]?.from).toMatch(/^2026-07-14T09:31:\d\d\.\d+Z$/)
  })

  it('passes on why there is none', () => {
    const timeline = energyTimeline(overTheHour({ samples: [] }))
    expect(timeline.intervals[0]?.energies.gpu).toMatchObject({
      energy_uj: null,
      reason: 'not_recorded',
    })
    const none = energyTimeline(runOf({ phases: {}, processes: worker(), samples: [] }))
    expect(none.intervals[0]?.energies.gpu).toMatchObject({ energy_uj: null, reason: 'no_window' })
  })

  it('splits whole numbers without losing one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 53 - 1 }),
        fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (whole, raw) => {
          const sum = raw.reduce((a, b) => a + b, 0)
          const parts = inWholes(
            whole,
            raw.map((w) => w / sum),
          )
          expect(parts.reduce((a, b) => a + BigInt(b), 0n)).toBe(BigInt(whole))
        },
      ),
    )
  })
})
