import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { requestEnergiesOf } from '../../../analysis/attribution/request-energy.ts'
import { answersOf } from '../../../analysis/requests/answer.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { seededRandom } from '../../../analysis/stats/random.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, GPU2, power, request, ring, runOf } from '../../support/run-fixture.ts'

const PERIOD = 0.02
const GPU3 = 'GPU-third'
const ringOf = (from: number, to: number, watts: (n: number) => number, device_id = GPU) =>
  power({
    device_id,
    sensor_id: ring(device_id).sensor_id,
    from: from * PERIOD,
    to: to * PERIOD,
    every: PERIOD,
    watts: (t) => watts(Math.round(t / PERIOD)),
  })

/** Joules of each request, or why it has none. */
function each(fixture: Fixture): Record<string, number | string> {
  const run = runOf(fixture)
  const found = requestEnergiesOf(run)
  if (found.value === null) return { all: found.reason }
  const { of } = found.value
  return Object.fromEntries(
    answersOf(run).map((a) => {
      const { value, reason } = of(a)
      return [a.row.request_id, value?.energy_j ?? (reason as string)]
    }),
  )
}
const values = (fixture: Fixture) => {
  const { metrics } = summarise(runOf(fixture))
  return (id: string) => metrics[id]?.value ?? null
}
const expectWhole = (fixture: Fixture) => {
  const of = values(fixture)
  const parts = ['energy_requests_j', 'energy_window_static_j', 'energy_window_unattributed_j']
  const sum = parts.reduce((total, id) => total + (of(id) ?? 0), 0)
  expect(sum).toBeCloseTo(of('energy_compute_j') as number, 6)
  return of
}

/** Every 3 s a request: 0.5 s of prefill at 400 W, 1.5 s of decode at 200 W, 1 s of nothing at 100 W. */
const square = (n: number) => {
  const at = (((n - 1) % 150) + 150) % 150
  return at < 25 ? 400 : at < 100 ? 200 : 100
}
const single: Fixture = {
  phases: { measure: [0, 30] },
  sensors: [ring(GPU)],
  samples: ringOf(-50, 1550, (n) => (n < 1 || n > 1500 ? 100 : square(n))),
  requests: Array.from({ length: 10 }, (_, i) =>
    request(`r${i}`, 3 * i, 3 * i + 0.5, 3 * i + 2, 16),
  ),
}

describe('requests one at a time', () => {
  test('have the joules of their own time', () => {
    // 0.5 x 400 + 1.5 x 200
    for (const joules of Object.values(each(single))) expect(joules).toBeCloseTo(500, 6)
    const of = expectWhole(single)
    expect(of('request_energy_j_p50')).toBeCloseTo(500, 6)
    expect(of('energy_requests_j')).toBeCloseTo(5000, 6)
    // 10 x 1 s x 100 W
    expect(of('energy_window_unattributed_j')).toBeCloseTo(1000, 6)
    const { metrics } = summarise(runOf(single))
    expect(metrics['energy_window_static_j']).toMatchObject({
      value: null,
      reason: 'not_identifiable',
    })
    expect(metrics['request_energy_j_p50']).toMatchObject({
      n: 10,
      provenance: 'exclusive',
      scope: 'measured',
    })
  })
  test('have a mean as doubtful as their sum is', () => {
    const mean = summarise(runOf(single)).metrics['request_energy_j_mean']
    expect(mean?.value).toBeCloseTo(500, 6)
    // 5 % of 250 W / root 3 x 20 s, over ten requests
    expect(mean?.components?.[0]).toEqual({
      name: 'u_sensor_j',
      value: expect.closeTo(((12.5 / Math.sqrt(3)) * 20) / 10, 6),
      shared: true,
      source: 'nvml_power_ring',
    })
    expect(mean?.low).toBeLessThan(mean?.repeat_low as number)
  })
  test('have none where the window cuts them, and it is nobody’s loss', () => {
    const cut = { ...single, phases: { measure: [0.24, 29] as const } }
    expect(each(cut)['r0']).toBe('outside_window')
    expect(each(cut)['r1']).toBeCloseTo(500, 6)
    const of = expectWhole(cut)
    // All but 0.24 s x 400 W
    expect(of('energy_requests_j')).toBeCloseTo(5000 - 96, 6)
    expect(summarise(runOf(cut)).metrics['request_energy_j_mean']?.n).toBe(9)
  })
  test('are too short where all of them are under 20 periods', () => {
    const short = { ...single, requests: [request('a', 0, 0.1, 0.38, 4)] }
    expect(each(short)).toEqual({ all: 'too_short' })
    expect(summarise(runOf(short)).metrics['request_energy_j_p50']).toMatchObject({
      value: null,
      reason: 'too_short',
    })
  })
})

/** Requests at random over 120 s of 100 W; 0.5 J a prompt token, 2 J an output token. */
function mixture(seed: number, noise_w = 0): Fixture {
  const random = seededRandom(seed)
  const periods = 6000
  const joules = new Float64Array(periods + 1).fill(100 * PERIOD)
  const charge = (t: number, j: number) => {
    const n = Math.ceil(t / PERIOD)
    joules[n] = (joules[n] as number) + j
  }
  const requests = Array.from({ length: 150 }, (_, i) => {
    const sent = 0.01 + Math.floor(random() * 5700) * PERIOD
    const tokens = 20 + Math.floor(random() * 100)
    const prompt = 50 + Math.floor(random() * 400)
    const first = sent + 0.1
    charge(first, 0.5 * prompt)
    for (let k = 0; k < tokens; k++) charge(first + k * PERIOD, 2)
    return request(`r${i}`, sent, first, first + (tokens - 1) * PERIOD, tokens, {
      input_tokens: prompt,
      outcome: i % 10 === 0 ? 'error' : 'ok',
    })
  })
  return {
    phases: { measure: [0, 120] },
    sensors: [ring(GPU)],
    samples: ringOf(-50, periods + 50, (n) =>
      n < 1 || n > periods ? 100 : (joules[n] as number) / PERIOD + noise_w * (random() - 0.5),
    ),
    requests,
  }
}

describe('many requests at a time', () => {
  const truth = (r: RequestRow) =>
    0.5 * (r.input_tokens as number) + 2 * (r.output_tokens as number)

  test('have the price of their tokens, failed ones too', () => {
    const fixture = mixture(7)
    const found = each(fixture)
    for (const r of fixture.requests ?? []) expect(found[r.request_id]).toBeCloseTo(truth(r), 4)
    const of = expectWhole(fixture)
    expect(of('energy_window_static_j')).toBeCloseTo(12_000, 3)
    const good = (fixture.requests ?? []).filter((r) => r.outcome === 'ok').map(truth)
    expect(of('request_energy_j_mean')).toBeCloseTo(
      good.reduce((a, b) => a + b, 0) / good.length,
      4,
    )
    expect(of('request_energy_j_max')).toBeCloseTo(Math.max(...good), 4)
    expect(summarise(runOf(fixture)).metrics['request_energy_j_p90']).toMatchObject({
      provenance: 'regression',
      scope: 'allocated',
      n: 135,
    })
  })
  test('begun before the window, have the same price for what lies before it', () => {
    const fixture = { ...mixture(7), phases: { measure: [20, 119] as const } }
    const found = each(fixture)
    for (const r of fixture.requests ?? []) {
      const last = (r.chunk_t_ns?.at(-1) ?? 0) / 1e9
      const joules = found[r.request_id]
      if (last <= 20) expect(joules).toBe('outside_window')
      else expect(joules).toBeCloseTo(truth(r), 2)
    }
    expectWhole(fixture)
  })
  test('have none where one of the phases has no price', () => {
    const even: Fixture = {
      phases: { measure: [0, 30] },
      sensors: [ring(GPU)],
      samples: ringOf(-50, 1550, () => 300),
      requests: ['a', 'b'].map((id) => request(id, -1, -0.5, 31, 3151)),
    }
    expect(each(even)).toEqual({ all: 'not_identifiable' })
  })
})

describe('workers of one phase each', () => {
  const workers = (...phases: (readonly [string, 'prefill' | 'decode' | null])[]) =>
    phases.map(([id, phase], i) => ({
      process_id: `w${i}`,
      role: 'worker',
      device_ids: [id],
      phase,
    }))
  const apart: Fixture = {
    phases: { measure: [0, 10] },
    devices: [GPU, GPU2, GPU3].map((device_id) => ({ device_id, kind: 'gpu' })),
    processes: workers([GPU, 'prefill'], [GPU2, 'decode']),
    sensors: [ring(GPU), ring(GPU2), ring(GPU3)],
    samples: [
      ...ringOf(-50, 550, () => 300),
      ...ringOf(-50, 550, () => 100, GPU2),
      ...ringOf(-50, 550, () => 50, GPU3),
    ],
    requests: [
      request('a', 1, 2, 8, 11, { input_tokens: 10 }),
      request('b', 1, 3, 9, 31, { input_tokens: 30 }),
    ],
  }

  test('have the energy of their devices', () => {
    const { metrics } = summarise(runOf(apart))
    const known = (id: string, value: number) =>
      expect(metrics[id]).toMatchObject({
        value: expect.closeTo(value, 6),
        provenance: 'disaggregated',
        scope: 'measured',
      })
    known('energy_prefill_j', 3000)
    known('energy_decode_j', 1000)
    known('energy_per_prompt_j', 1500)
    known('energy_per_uncached_input_token_j', 75)
    // 10 and 30 tokens behind the first ones
    known('energy_per_decoded_token_j', 25)
    // 5 W, or 5 %, / root 3 x 10 s
    expect(metrics['energy_prefill_j']?.components?.[0]?.value).toBeCloseTo(150 / Math.sqrt(3), 6)
  })
  test('share it among requests by their tokens', () => {
    // 3000 x 1/4 + 1000 x 1/4
    expect(each(apart)).toEqual({ a: expect.closeTo(1000, 6), b: expect.closeTo(3000, 6) })
    const of = expectWhole(apart)
    expect(of('energy_requests_j')).toBeCloseTo(4000, 6)
    expect(of('energy_window_unattributed_j')).toBeCloseTo(0, 6)
  })
  test('leave the devices of other workers to nobody', () => {
    const routed = {
      ...apart,
      processes: workers([GPU, 'prefill'], [GPU2, 'decode'], [GPU3, null]),
    }
    const of = expectWhole(routed)
    expect(of('energy_compute_j')).toBeCloseTo(4500, 6)
    expect(of('energy_prefill_j')).toBeCloseTo(3000, 6)
    expect(of('energy_window_unattributed_j')).toBeCloseTo(500, 6)
  })
  test('need no times of single tokens', () => {
    const piece = (id: string, more: Partial<RequestRow>) =>
      request(id, 1, 2, 8, 11, { mode: 'per_request_batch', ...more })
    const fixture = { ...apart, requests: [piece('a', {}), piece('b', {})] }
    const of = values(fixture)
    expect(of('energy_prefill_j')).toBeCloseTo(3000, 6)
    expect(of('energy_per_prompt_j')).toBeCloseTo(1500, 6)
  })
  test('on one device are not told apart by it', () => {
    const shared = { ...apart, processes: workers([GPU, 'prefill'], [GPU, 'decode']) }
    expect(summarise(runOf(shared)).metrics['energy_prefill_j']?.provenance).not.toBe(
      'disaggregated',
    )
    const only = { ...apart, processes: workers([GPU, 'prefill'], [GPU2, null]) }
    expect(summarise(runOf(only)).metrics['energy_prefill_j']?.provenance).not.toBe('disaggregated')
  })
})

describe('laws', () => {
  test('requests, static and unattributed are the energy of the window', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 40 }), (seed, from) => {
        const of = expectWhole({
          ...mixture(seed, 200),
          phases: { measure: [from, from + 60] as const },
        })
        // Of a regression nothing is left over
        expect(of('energy_window_unattributed_j')).toBeCloseTo(0, 6)
      }),
      { numRuns: 8 },
    )
  })
  test('requests wholly in the window add up to what all of them took', () => {
    const step = fc.record({
      gap: fc.integer({ min: 0, max: 15 }),
      prefill: fc.integer({ min: 5, max: 30 }),
      decode: fc.integer({ min: 5, max: 40 }),
    })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 3, maxLength: 8 }),
        fc.array(fc.integer({ min: 50, max: 700 }), { minLength: 7, maxLength: 13 }),
        (steps, levels) => {
          let n = 0
          const requests = steps.map(({ gap, prefill, decode }, i) => {
            const sent = n + gap
            n = sent + prefill + decode
            const at = [sent, sent + prefill, n].map((k) => k * PERIOD) as [number, number, number]
            return request(`r${i}`, ...at, 5)
          })
          const fixture: Fixture = {
            phases: { measure: [0, n * PERIOD] },
            sensors: [ring(GPU)],
            samples: ringOf(
              -20,
              n + 20,
              (k) => levels[((k % levels.length) + levels.length) % levels.length] as number,
            ),
            requests,
          }
          const of = expectWhole(fixture)
          const sum = Object.values(each(fixture)).reduce<number>((a, b) => a + (b as number), 0)
          expect(sum).toBeCloseTo(of('energy_requests_j') as number, 6)
        },
      ),
      { numRuns: 30 },
    )
  })
})
