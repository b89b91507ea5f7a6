import { describe, expect, test } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { type Fixture, GPU, power, request, ring, runOf, s } from '../../support/run-fixture.ts'

const window = (from: number, to: number) => ({ start_ns: s(from), end_ns: s(to), rule: 'phase' })
const energy = (fixture: Fixture, from: number, to: number) =>
  deviceEnergy(runOf(fixture), GPU, window(from, to))

describe('the burst form', () => {
  // 60 W idle, 700 W from 10 to 10.2 s; the ring shows the last 20 J only after the end.
  const burst = (t: number) =>
    t > 10.0001 && t <= 10.2001 ? 600 : t > 10.2001 && t <= 10.2401 ? 560 : 60
  const fixture: Fixture = {
    phases: { idle: [1, 9], measure: [10, 10.2] },
    sensors: [ring(GPU)],
    samples: power({ sensor_id: ring(GPU).sensor_id, from: 0, to: 20, every: 0.02, watts: burst }),
    requests: [request('a', 10, 10.1, 10.2, 5)],
  }

  test('collects what lags, less idle power over the added time', () => {
    const found = energy(fixture, 10, 10.2)
    // 600 x 0.2 + 560 x 0.04 + 60 x (0.55 - 0.24) - 60 x 0.35 = 120 + 22.4 + 18.6 - 21
    expect(found).toMatchObject({ method: 'burst', energy_j: expect.closeTo(140, 6) })
    // The plain ring loses 20 J: 600 x 0.2
    expect(found.estimates.find((e) => e.method === 'ring')?.energy_j).toBeCloseTo(120, 6)
  })
  test('may be wrong at its edges by the step from idle power × 4 ms', () => {
    // 140 J in 0.2 s are 700 W, a step of 640 W from 60 W: 640 x 0.004
    const edge = energy(fixture, 10, 10.2).components.find((c) => c.name === 'u_edge_j')
    expect(edge).toEqual({ name: 'u_edge_j', value: expect.closeTo(2.56, 9), shared: false })
  })
  test('draws the ring straight between readings that the driver stamped unevenly', () => {
    // 600 W from 10 to 10.1 s. Each reading is the mean of the 20 ms before its stamp, whatever the distance of the stamps:
    // at 10.008 s (8 x 600 + 12 x 60) / 20 = 276 W, at 10.108 s 384 W.
    const sensor_id = ring(GPU).sensor_id
    const uneven = [
      ...[[10.008, 276] as const, [10.052, 600] as const, [10.06, 600] as const],
      ...[[10.08, 600] as const, [10.1, 600] as const, [10.108, 384] as const],
    ]
    const samples = [
      ...power({ sensor_id, from: 0, to: 9.98, every: 0.02, watts: () => 60 }),
      ...uneven.flatMap(([t, watts]) =>
        power({ sensor_id, from: t, to: t, every: 1, watts: () => watts }),
      ),
      ...power({ sensor_id, from: 10.128, to: 20, every: 0.02, watts: () => 60 }),
    ]
    const found = energy({ ...fixture, samples, requests: [] }, 10, 10.1)
    // From 9.98 to 10.128 s: 168 x 28 + 438 x 44 + 600 x 48 + 492 x 8 + 222 x 20 mJ = 61.152 J, less 48 x 60 mJ of idle.
    // Held over their distances they would be 64.32 J, of 60.
    expect(found).toMatchObject({ method: 'burst', energy_j: expect.closeTo(58.272, 6) })
  })
  test('is not taken where a request is in flight around', () => {
    const requests = [...(fixture.requests ?? []), request('b', 9.5, 9.6, 10.5, 5)]
    expect(energy({ ...fixture, requests }, 10, 10.2).method).toBe('ring')
  })
  test('is not taken where the power shows no idle', () => {
    const samples = power({
      sensor_id: ring(GPU).sensor_id,
      from: 0,
      to: 20,
      every: 0.02,
      watts: (t) => (t > 9.5 ? 500 : 60),
    })
    expect(energy({ ...fixture, samples }, 10, 10.2).method).toBe('ring')
  })
  test('is not taken where the work draws no more than idle does', () => {
    const samples = power({
      sensor_id: ring(GPU).sensor_id,
      from: 0,
      to: 20,
      every: 0.02,
      watts: (t) => (t > 9.5 ? 50 : 60),
    })
    // 50 x 0.2: within 10 W of idle all the time, there is nothing that lags.
    expect(energy({ ...fixture, samples }, 10, 10.2)).toMatchObject({
      method: 'ring',
      energy_j: expect.closeTo(10, 6),
    })
  })
  test('takes what surrounds it as idle power where that is quiet, each side for itself', () => {
    // 60 W before and 63 W after, no phase of idle: 120 + 22.4 + 60 x 0.1 + 63 x 0.21 - 60 x 0.1 - 63 x 0.25
    const samples = power({
      sensor_id: ring(GPU).sensor_id,
      from: 0,
      to: 20,
      every: 0.02,
      watts: (t) => (t > 10.2401 ? 63 : burst(t)),
    })
    const found = energy({ ...fixture, samples, phases: { measure: [10, 10.2] } }, 10, 10.2)
    expect(found).toMatchObject({ method: 'burst', energy_j: expect.closeTo(139.88, 6) })
  })
  test('says how sure the power around it is', () => {
    // Readings of 58 and 62 W by turns around 60 W: sd 2 x root(11/10), 11 of them each side
    const samples = power({
      sensor_id: ring(GPU).sensor_id,
      from: 0,
      to: 20,
      every: 0.02,
      watts: (t) => (burst(t) === 60 ? 60 + (Math.round(t / 0.02) % 2 === 0 ? 2 : -2) : burst(t)),
    })
    const { components } = energy({ ...fixture, samples }, 10, 10.2)
    const idle = components.find((c) => c.name === 'u_idle_j')
    // Standard error of about 2 / root 10 = 0.63 W, over 0.1 and 0.25 s
    expect(idle).toMatchObject({ shared: false })
    expect(idle?.value).toBeCloseTo(0.63 * Math.hypot(0.1, 0.25), 1)
  })
  test('is not taken where it is not quiet around and no phase tells idle power', () => {
    const samples = power({
      sensor_id: ring(GPU).sensor_id,
      from: 0,
      to: 20,
      every: 0.02,
      watts: (t) => (burst(t) === 60 ? 60 + 30 * Math.sin(40 * t) : burst(t)),
    })
    const phases = { measure: [10, 10.2] as [number, number] }
    expect(energy({ ...fixture, samples, phases }, 10, 10.2).method).toBe('ring')
  })
})
