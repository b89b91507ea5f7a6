import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { curveBuilder, integrate, SEGMENT } from '../../../analysis/estimators/power-curve.ts'
import { decodeRun } from '../../../analysis/readings/decode-run.ts'
import type { RunData } from '../../../analysis/readings/run-data.ts'
import { summarise } from '../../../analysis/summary.ts'
import {
  chunksOf,
  type Fixture,
  GPU,
  power,
  readings,
  ring,
  runFile,
  runOf,
  s,
} from '../../support/run-fixture.ts'

const RING = ring(GPU, { sensor_id: 'ring' })
const POLL = ring(GPU, { sensor_id: 'poll', source: 'nvml_power_instant', period_ms: 100 })
const COUNTER = {
  sensor_id: 'count',
  device_id: GPU,
  metric: 'gpu_energy_mj',
  source: 'nvml_energy',
  scope: 'gpu',
  period_ms: 100,
}
const SENSORS = [RING, POLL, COUNTER]

const ringed = (from: number, to: number, watts: number) =>
  power({ sensor_id: 'ring', from, to, every: 0.02, watts: () => watts })
const polled = (from: number, to: number, watts: number) =>
  power({ sensor_id: 'poll', from, to, every: 0.1, watts: () => watts })
const energy = (fixture: Fixture, from = 0, to = 60) =>
  deviceEnergy(runOf({ sensors: SENSORS, ...fixture }), GPU, {
    start_ns: s(from),
    end_ns: s(to),
    rule: 'phase',
  })

/** The ring at 400 W to 30 s, then polls at 380 W from 31 s on. */
const FAILED = [...ringed(-1, 30, 400), ...polled(31, 61, 380)]

describe('a ring that fails in the middle of a window', () => {
  test('gives its part, and the next source by rank the rest', () => {
    const found = energy({ samples: FAILED })
    // 400 W x 30 s, a line from 400 to 380 W over 1 s, 380 W x 29 s
    expect(found.energy_j).toBeCloseTo(12_000 + 390 + 11_020, 6)
    expect(found).toMatchObject({
      source: 'nvml_power_ring+nvml_power_instant',
      method: 'splice',
      measured: true,
      reason: null,
      covered_s: expect.closeTo(59, 9),
      bridged_s: expect.closeTo(1, 9),
      // 50 a second for 30 s, ten a second from 31 to 60 s
      samples: 1500 + 290,
    })
  })

  test('has the uncertainty of each source over its own part, and of the time between them', () => {
    const { components } = energy({ samples: FAILED })
    const part = (name: string) => components.find((c) => c.name === name)?.value
    // One sensor family errs alike: 5 % of 400 W x 30 s and of 380 W x 29 s, both / sqrt 3
    expect(part('u_sensor_j')).toBeCloseTo((0.05 * (12_000 + 11_020)) / Math.sqrt(3), 6)
    // A step of 20 W x 1 s
    expect(part('u_bridge_j')).toBeCloseTo(20, 6)
  })

  test('is a finding that names both, and leaves the result valid', () => {
    const found = summarise(
      runOf({ sensors: SENSORS, samples: FAILED, phases: { measure: [0, 60] } }),
    )
    const changed = found.findings.filter((f) => f.code === 'source_changed')
    expect(changed).toMatchObject([
      {
        severity: 'info',
        evidence: {
          source: 'nvml_power_ring',
          reason: 'window_not_bracketed',
          parts: [
            { source: 'nvml_power_ring', seconds: 30, energy_j: expect.closeTo(12_000, 6) },
            { source: null, seconds: 1, energy_j: expect.closeTo(390, 6) },
            { source: 'nvml_power_instant', seconds: 29, energy_j: expect.closeTo(11_020, 6) },
          ],
        },
      },
    ])
    expect(changed[0]?.message).toMatch(/was read for 30.0 of the window.s 60.0 s/)
    expect(found.valid).toBe(true)
    expect(found.metrics['energy_gpu_j']).toMatchObject({
      value: expect.closeTo(23_410, 6),
      provenance: 'nvml_power_ring+nvml_power_instant',
    })
    // The ledger's span runs over both sources: 31 s of ring and its first period, the bridge, 30 s of polls
    expect(found.metrics['energy_recorded_j']?.value).toBeCloseTo(400 * 31.02 + 390 + 11_400, 6)
  })

  test('and returns takes the window back from then on', () => {
    const samples = [...ringed(-1, 20, 400), ...polled(19, 61, 380), ...ringed(30, 61, 400)]
    // Polls stand from 20 s to the first period after the hole, which begins at 29.98 s
    expect(energy({ samples }).energy_j).toBeCloseTo(400 * 50.02 + 380 * 9.98, 6)
  })

  test('leaves no energy where the next source begins more than 3 s later', () => {
    const samples = [...ringed(-1, 30, 400), ...polled(33.2, 61, 380)]
    expect(energy({ samples })).toMatchObject({ energy_j: null, reason: 'window_not_bracketed' })
    const late = [...ringed(-1, 30, 400), ...polled(33, 61, 380)]
    expect(energy({ samples: late }).energy_j).toBeCloseTo(12_000 + 3 * 390 + 27 * 380, 6)
  })

  test('gives way to a counter whose readings bracket the whole window', () => {
    const counted = readings('gpu_energy_mj', GPU, [
      [0, 0],
      [60, 23.5e6],
    ])
    const found = energy({ samples: [...ringed(-1, 30, 400), ...counted] })
    expect(found).toMatchObject({ source: 'nvml_energy', energy_j: 23_500 })
    expect(found.findings.map((f) => [f.code, f.severity])).toEqual([['source_changed', 'info']])
    // Read half a second outside of the window: the polls go from its reading to the end
    const around = readings('gpu_energy_mj', GPU, [
      [-0.5, 0],
      [60.5, 23.89e6],
    ])
    expect(energy({ samples: [...FAILED, ...around] })).toMatchObject({
      source: 'nvml_energy',
      energy_j: expect.closeTo(23_890 - 200 - 190, 6),
    })
  })

  test('is never filled by an estimate, nor by a source of another scope', () => {
    const module = { ...POLL, scope: 'module' }
    expect(energy({ sensors: [RING, module], samples: FAILED })).toMatchObject({
      energy_j: null,
      scope: 'gpu',
    })
  })
})

describe('a hole at an edge of a window', () => {
  const around = (from: number, to: number) =>
    energy({ samples: [...ringed(-20, from, 400), ...ringed(to, 80, 400)] })

  test('that begins before it is a hole of the window', () => {
    // From -2 to 5 s, less the period before the first sample after it: 4.98 s of it within
    expect(around(-2, 5)).toMatchObject({
      energy_j: null,
      reason: 'gap',
      covered_s: expect.closeTo(55.02, 9),
    })
    expect(around(-2, 5).estimates[0]?.partial_j).toBeCloseTo(400 * 55.02, 6)
  })
  test('that ends after it is a hole of the window', () => {
    expect(around(58, 65)).toMatchObject({
      energy_j: null,
      reason: 'gap',
      covered_s: expect.closeTo(58, 9),
    })
  })
  test('counts from the edge on', () => {
    const builder = curveBuilder(0, 3)
    builder.add(s(4), 0, 0, SEGMENT.gap)
    builder.add(s(10), 100, 100, SEGMENT.measured)
    builder.add(s(14), 0, 0, SEGMENT.gap)
    const curve = builder.done()
    // From 1 to 4 s a hole, 100 W x 6 s, from 10 to 12 s a hole
    const found = { energy_j: 600, covered_s: 6, bridged_s: 0, gap_s: 5, bracketed: true }
    expect(integrate(curve, s(1), s(12))).toEqual(found)
    expect(integrate(curve, s(5), s(9))).toMatchObject({ energy_j: 400, covered_s: 4, gap_s: 0 })
  })
  test('that ends where the window begins, or begins where it ends, is none', () => {
    expect(around(-7, 0).energy_j).toBeCloseTo(24_000, 6)
    expect(around(60, 67).energy_j).toBeCloseTo(24_000, 6)
  })
})

describe('laws of a window whose source fails', () => {
  const watts = fc.integer({ min: 0, max: 800 })
  /** Ring to a time and polls from a time, each with watts of its own at every reading; the ring may come back. */
  const failing = fc.record({
    ring: fc.array(watts, { minLength: 100, maxLength: 150 }),
    poll: fc.array(watts, { minLength: 60, maxLength: 60 }),
    back: fc.array(watts, { maxLength: 50 }),
    wait: fc.integer({ min: 0, max: 29 }),
  })
  type Failing = typeof failing extends fc.Arbitrary<infer T> ? T : never
  const row = (sensor_id: string, t: number, w: number) => ({
    ...{ t_ns: s(t), device_id: GPU, sensor_id, metric: 'gpu_power_mw', value: w * 1000 },
  })
  const fixtureOf = ({ ring: before, poll, back, wait }: Failing): Fixture => ({
    sensors: [RING, POLL],
    samples: [
      ...before.map((w, i) => row('ring', 0.02 * (i + 1), w)),
      ...poll.map((w, i) => row('poll', 2 + 0.1 * (wait + i), w)),
      ...back.map((w, i) => row('ring', 9 + 0.02 * i, w)),
    ],
  })
  const joules = (run: RunData, start_ns: number, end_ns: number) =>
    deviceEnergy(run, GPU, { start_ns, end_ns, rule: 'phase' })
  const instant = fc.integer({ min: s(0.1), max: s(7.9) })

  test('the pieces of a window by different sources add up to the window', () => {
    let spliced = 0
    fc.assert(
      fc.property(failing, fc.array(instant, { minLength: 3, maxLength: 6 }), (how, cuts) => {
        const run = runOf(fixtureOf(how))
        const edges = [...new Set(cuts)].sort((a, b) => a - b)
        const whole = joules(run, edges[0] as number, edges.at(-1) as number)
        if (whole.energy_j === null || edges.length < 2) return
        const parts = edges.slice(1).map((to, i) => joules(run, edges[i] as number, to))
        const sum = parts.reduce((n, p) => n + (p.energy_j ?? Number.NaN), 0)
        expect(sum).toBeCloseTo(whole.energy_j, 6)
        if (whole.chosen?.parts === undefined) return
        spliced++
        const own = whole.chosen.parts.reduce((n, p) => n + p.energy_j, 0)
        expect(own).toBeCloseTo(whole.energy_j, 6)
      }),
      { numRuns: 100 },
    )
    expect(spliced).toBeGreaterThan(10)
  })

  test('a longer window never has less energy', () => {
    fc.assert(
      fc.property(failing, instant, instant, instant, instant, (how, ...four) => {
        const run = runOf(fixtureOf(how))
        const [a, b, c, d] = four.sort((x, y) => x - y) as [number, number, number, number]
        if (b === c) return
        const inner = joules(run, b, c).energy_j
        const outer = joules(run, a, d).energy_j
        if (inner === null || outer === null) return
        expect(outer).toBeGreaterThanOrEqual(inner - 1e-9)
      }),
      { numRuns: 100 },
    )
  })

  test('order and cutting of chunks do not matter', () => {
    fc.assert(
      fc.property(failing, fc.integer({ min: 1, max: 70 }), fc.integer(), (how, cut, seed) => {
        const fixture = fixtureOf(how)
        const mixed = chunksOf(fixture, cut)
          .map((c, i) => ({ c, k: Math.imul(i + 1, seed | 1) }))
          .sort((a, b) => a.k - b.k)
          .map(({ c }) => c)
        const [from, to] = [s(0.5), s(7.5)]
        const whole = joules(runOf(fixture), from, to)
        const other = joules(decodeRun(runFile(fixture), mixed), from, to)
        expect(other.energy_j).toBe(whole.energy_j)
        expect(other.components).toEqual(whole.components)
      }),
      { numRuns: 30 },
    )
  })

  test('where the ring does not fail, no other source of power moves a bit', () => {
    fc.assert(
      fc.property(
        fc.array(watts, { minLength: 60, maxLength: 100 }),
        fc.array(watts, { minLength: 1, maxLength: 60 }),
        (own, others) => {
          const samples = own.map((w, i) => row('ring', 0.02 * (i + 1), w))
          const beside = others.map((w, i) => row('poll', 0.1 * i, w))
          const [from, to] = [s(0.2), s(1.1)]
          const alone = joules(runOf({ sensors: [RING], samples }), from, to)
          const found = joules(
            runOf({ sensors: [RING, POLL], samples: [...samples, ...beside] }),
            from,
            to,
          )
          expect(found.energy_j).toBe(alone.energy_j)
          expect(found.components).toEqual(alone.components)
          expect(found.estimates.map((e) => e.method)).not.toContain('splice')
        },
      ),
      { numRuns: 50 },
    )
  })
})
