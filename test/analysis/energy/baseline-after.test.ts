import { describe, expect, test } from 'vitest'
import { decodeRun } from '../../../analysis/readings/decode-run.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { chunksOf, type Fixture, GPU, power, ring, runFile, s } from '../../support/run-fixture.ts'

const RING = ring(GPU)

/** 40 s idle, 60 s at 400 W, and 40 s idle again: the watts before and after it. */
function run(before_w: number, after_w: number, more: Fixture = {}, extra: SampleRow[] = []) {
  const fixture: Fixture = {
    sensors: [RING],
    samples: [
      ...power({
        sensor_id: RING.sensor_id,
        from: -1,
        to: 145,
        every: 0.02,
        watts: (t) => (t <= 40 ? before_w : t <= 100 ? 400 : after_w),
      }),
      ...extra,
    ],
    ...more,
  }
  const file = runFile(fixture)
  const phase = (name: 'idle' | 'measure', from: number, to: number) => ({
    phase: name,
    start_t_ns: BigInt(s(from)),
    end_t_ns: BigInt(s(to)),
  })
  file.run.phases = [phase('idle', 0, 40), phase('measure', 40, 100), phase('idle', 104, 144)]
  return summarise(decodeRun(file, chunksOf(fixture)))
}
const gauge = (metric: string, value: (t: number) => number): SampleRow[] =>
  power({ metric, from: -1, to: 144, every: 0.5, watts: (t) => value(t) / 1000 })
const stale = (found: ReturnType<typeof run>) =>
  found.findings.find((f) => f.code === 'baseline_stale')

describe('idle power before and after the load', () => {
  test('is the middle of both, and what changed is in the range', () => {
    const found = run(100, 104)
    expect(found.metrics['idle_resident_w']?.value).toBeCloseTo(102, 6)
    // 400 x 60 - 102 x 60; the burst form takes off what came after at 104 W
    const net = found.metrics['energy_above_idle_j']
    expect(net?.value).toBeCloseTo(17_880, 4)
    // 4 W of change, evenly spread: 60 x 4 / root 12
    const part = net?.components?.find((c) => c.name === 'u_baseline_j')
    expect(part?.value).toBeCloseTo((60 * 4) / Math.sqrt(12), 4)
    expect(stale(found)).toBeUndefined()
    // Gross is what it was.
    expect(found.metrics['energy_compute_j']?.value).toBeCloseTo(24_000, 4)
  })
  test('over 5 % apart voids what is above idle', () => {
    const found = run(100, 106)
    expect(found.metrics['energy_above_idle_j']).toMatchObject({ value: null, reason: 'stale' })
    expect(stale(found)).toMatchObject({ severity: 'caution' })
    expect(stale(found)?.message).toContain('6.0 % more after')
    expect(stale(found)?.evidence).toMatchObject({ before_w: expect.closeTo(100, 6) })
    expect(run(106, 100).metrics['energy_above_idle_j']?.reason).toBe('stale')
  })
  test('both are lines of the ledger’s idle energy', () => {
    // 40 s at 100 W and 40 s at 104 W
    expect(run(100, 104).metrics['energy_idle_j']?.value).toBeCloseTo(8160, 4)
  })
  test('taken under another power limit is stale', () => {
    const limit = (t: number) => (t < 40 ? 300e3 : 700e3)
    const found = run(100, 100, {}, gauge('gpu_power_limit_mw', limit))
    expect(stale(found)?.evidence['limit_changed']).toEqual([GPU])
    expect(
      stale(
        run(
          100,
          100,
          {},
          gauge('gpu_power_limit_mw', () => 700e3),
        ),
      ),
    ).toBeUndefined()
  })
  test('of a device that was slowed down is unstable', () => {
    const hot = gauge('gpu_throttle_reasons', (t) => (t > 10 && t < 12 ? 0x40 : 0))
    const found = run(100, 100, {}, hot).findings.find((f) => f.code === 'baseline_unstable')
    expect(found?.evidence['throttled']).toEqual([GPU])
  })
  test('with another process on the device is unstable', () => {
    const listed = (t: number, pids: readonly number[]) => ({
      t_ns: s(t),
      code: 'gpu_processes',
      detail: JSON.stringify({ mappable: true, devices: { [GPU]: pids.map((pid) => ({ pid })) } }),
    })
    const found = run(100, 100, {
      processes: [{ process_id: 'p1', role: 'worker', pid: 60, device_ids: [GPU] }],
      events: [listed(-1, [60, 4242]), listed(39, [60])],
    }).findings
    expect(found.find((f) => f.code === 'baseline_unstable')?.evidence['foreign']).toHaveLength(1)
    expect(found.find((f) => f.code === 'foreign_process')).toBeUndefined()
  })
  test('taken only after the load stands for it', () => {
    const fixture: Fixture = {
      sensors: [RING],
      samples: power({
        sensor_id: RING.sensor_id,
        from: -1,
        to: 145,
        every: 0.02,
        watts: (t) => (t <= 100 ? 400 : 90),
      }),
      phases: { measure: [40, 100], idle: [104, 144] },
    }
    const found = summarise(decodeRun(runFile(fixture), chunksOf(fixture)))
    expect(found.metrics['idle_resident_w']?.value).toBeCloseTo(90, 6)
    // (400 - 90) x 60
    expect(found.metrics['energy_above_idle_j']?.value).toBeCloseTo(18_600, 4)
  })
})
