import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { seededRandom } from '../../../analysis/stats/random.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, GPU2, power, request, ring, runOf } from '../../support/run-fixture.ts'

const RING = ring(GPU)
const PERIOD = 0.02
/** A ring whose reading n is the mean watts of its period, n - 1 to n. */
const ringOf = (from: number, to: number, watts: (n: number) => number, device_id = GPU) =>
  power({
    device_id,
    sensor_id: ring(device_id).sensor_id,
    from: from * PERIOD,
    to: to * PERIOD,
    every: PERIOD,
    watts: (t) => watts(Math.round(t / PERIOD)),
  })
const metric = (fixture: Fixture, id: string) => summarise(runOf(fixture)).metrics[id]
const IDS = [
  'energy_prefill_j',
  'energy_decode_j',
  'energy_per_prompt_j',
  'energy_per_uncached_input_token_j',
  'energy_per_decoded_token_j',
  'energy_per_cached_input_token_j',
  'energy_reasoning_j',
  'energy_rejected_draft_j',
]

/** Every 3 s a request: 0.5 s of prefill at 400 W, 1.5 s of decode at 200 W, 1 s of nothing at 100 W. */
const square = (n: number) => {
  const at = (((n - 1) % 150) + 150) % 150
  return at < 25 ? 400 : at < 100 ? 200 : 100
}
const single = (more: Partial<RequestRow> = {}): Fixture => ({
  phases: { measure: [0, 30] },
  sensors: [RING],
  samples: ringOf(-50, 1550, (n) => (n < 1 || n > 1500 ? 100 : square(n))),
  requests: Array.from({ length: 10 }, (_, i) =>
    request(`r${i}`, 3 * i, 3 * i + 0.5, 3 * i + 2, 16, more),
  ),
})

describe('one request at a time', () => {
  test('is divided by the spans of its phases', () => {
    const { metrics } = summarise(runOf(single()))
    const known = (id: string, value: number) =>
      expect(metrics[id]).toMatchObject({
        value: expect.closeTo(value, 6),
        provenance: 'exclusive',
        scope: 'measured',
      })
    // 10 x 0.5 s x 400 W; 10 x 1.5 s x 200 W; 1000 J in between
    known('energy_prefill_j', 2000)
    known('energy_decode_j', 3000)
    expect(metrics['energy_compute_j']?.value).toBeCloseTo(6000, 6)
    known('energy_per_prompt_j', 200)
    // Ten prompt tokens each
    known('energy_per_uncached_input_token_j', 20)
    // 15 tokens behind each first one
    known('energy_per_decoded_token_j', 20)
  })
  test('has the doubt of the sensor and of every edge', () => {
    const parts = metric(single(), 'energy_prefill_j')?.components ?? []
    // 5 % of 400 W / root 3 x 5 s
    expect(parts).toContainEqual({
      name: 'u_sensor_j',
      value: expect.closeTo((20 / Math.sqrt(3)) * 5, 6),
      shared: true,
      source: 'nvml_power_ring',
    })
    // Steps of 300 W at each start and 200 W at each first token, x 20 ms / 2 / root 3
    const edges = (Math.sqrt(10 * (300 ** 2 + 200 ** 2)) * 0.01) / Math.sqrt(3)
    expect(parts).toContainEqual({
      name: 'u_edge_j',
      value: expect.closeTo(edges, 6),
      shared: false,
    })
  })
  test('counts what the window holds of a cut prefill', () => {
    const fixture = { ...single(), phases: { measure: [0.24, 30] as const } }
    expect(metric(fixture, 'energy_prefill_j')?.value).toBeCloseTo(2000 - 0.24 * 400, 6)
    const each = metric(fixture, 'energy_per_prompt_j')
    expect(each?.value).toBeCloseTo(190.4, 6)
    // One prompt cut: 190.4 / 10 prompts x 1 / root 12
    expect(each?.components).toContainEqual({
      name: 'u_tokens',
      value: expect.closeTo(19.04 / Math.sqrt(12), 6),
      shared: false,
    })
  })
  test('adds over GPUs', () => {
    const one = single()
    const two: Fixture = {
      ...one,
      devices: [
        { device_id: GPU, kind: 'gpu' },
        { device_id: GPU2, kind: 'gpu' },
      ],
      processes: [{ process_id: 'p1', device_ids: [GPU, GPU2] }],
      sensors: [RING, ring(GPU2)],
      samples: [...(one.samples ?? []), ...ringOf(-50, 1550, () => 100, GPU2)],
    }
    // 5 s and 15 s of 100 W more
    expect(metric(two, 'energy_prefill_j')?.value).toBeCloseTo(2500, 6)
    expect(metric(two, 'energy_decode_j')?.value).toBeCloseTo(4500, 6)
  })
  test('is too short under 20 periods of a phase', () => {
    // 0.3 s of prefill are 15 periods, the 1.7 s of decode 85
    const fixture = { ...single(), requests: [request('a', 0, 0.3, 2, 16)] }
    expect(metric(fixture, 'energy_prefill_j')).toMatchObject({ value: null, reason: 'too_short' })
    expect(metric(fixture, 'energy_per_prompt_j')).toMatchObject({ reason: 'too_short' })
    expect(metric(fixture, 'energy_decode_j')?.value).toBeCloseTo(0.2 * 400 + 1.5 * 200, 6)
  })
  test('prefill, decode and the rest are the window’s energy', () => {
    const step = fc.record({
      gap: fc.integer({ min: 0, max: 15 }),
      prefill: fc.integer({ min: 20, max: 30 }),
      decode: fc.integer({ min: 20, max: 40 }),
    })
    const watts = fc.integer({ min: 50, max: 700 })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 2, maxLength: 6 }),
        fc.array(watts, { minLength: 7, maxLength: 13 }),
        (steps, levels) => {
          let n = 0
          const idle: [number, number][] = []
          const requests = steps.map(({ gap, prefill, decode }, i) => {
            const sent = n + (i === 0 ? 0 : gap)
            if (sent > n) idle.push([n, sent])
            n = sent + prefill + decode
            const at = [sent, sent + prefill, n].map((k) => k * PERIOD) as [number, number, number]
            return request(`r${i}`, ...at, 5)
          })
          const level = (k: number) => levels[((k % levels.length) + levels.length) % levels.length]
          // Cut within the first prefill and the last decode, so that no idle lies around the window
          const fixture: Fixture = {
            phases: { measure: [5 * PERIOD, (n - 5) * PERIOD] },
            sensors: [RING],
            samples: ringOf(-20, n + 20, (k) => level(k) as number),
            requests,
          }
          let rest = 0
          for (const [from, to] of idle)
            for (let k = from + 1; k <= to; k++) rest += (level(k) as number) * PERIOD
          const { metrics } = summarise(runOf(fixture))
          const value = (id: string) => metrics[id]?.value as number
          expect(value('energy_prefill_j') + value('energy_decode_j') + rest).toBeCloseTo(
            value('energy_compute_j'),
            6,
          )
        },
      ),
      { numRuns: 30 },
    )
  })
})

describe('parts of an answer', () => {
  test('are shares of decode by token counts, and say so', () => {
    const counted = single({
      cached_input_tokens: 6,
      reasoning_tokens: 4,
      draft_accepted_tokens: 9,
      draft_rejected_tokens: 3,
    })
    const { metrics } = summarise(runOf(counted))
    // 3000 J x 4 / 16 and x 3 / 12
    for (const id of ['energy_reasoning_j', 'energy_rejected_draft_j'])
      expect(metrics[id]).toMatchObject({ value: expect.closeTo(750, 6), scope: 'allocated' })
    // 2000 J / (10 requests x 4 tokens that came from no cache)
    expect(metrics['energy_per_uncached_input_token_j']?.value).toBeCloseTo(50, 6)
    expect(metrics['energy_per_cached_input_token_j']).toMatchObject({
      value: null,
      reason: 'not_identifiable',
    })
  })
  test('are not known without counts', () => {
    const { metrics } = summarise(runOf(single()))
    for (const id of [
      'energy_per_cached_input_token_j',
      'energy_reasoning_j',
      'energy_rejected_draft_j',
    ])
      expect(metrics[id]).toMatchObject({ value: null, reason: 'not_recorded' })
  })
})

/** Requests at random over 120 s, each token charged to the period that it ends in, each prefill to its last ones. */
function mixture(noise_w: number, prefill_periods = 1): Fixture {
  const random = seededRandom(7)
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
    // 0.5 J a prompt token, 2 J an output token
    for (let k = 0; k < prefill_periods; k++)
      charge(first - k * PERIOD, (0.5 * prompt) / prefill_periods)
    for (let k = 0; k < tokens; k++) charge(first + k * PERIOD, 2)
    return request(`r${i}`, sent, first, first + (tokens - 1) * PERIOD, tokens, {
      input_tokens: prompt,
    })
  })
  return {
    phases: { measure: [0, 120] },
    sensors: [RING],
    samples: ringOf(-50, periods + 50, (n) =>
      n < 1 || n > periods ? 100 : (joules[n] as number) / PERIOD + noise_w * (random() - 0.5),
    ),
    requests,
  }
}

describe('many requests at a time', () => {
  const total = (fixture: Fixture, of: (r: RequestRow) => number) =>
    (fixture.requests ?? []).reduce((sum, r) => sum + of(r), 0)

  test('are divided by what each token costs', () => {
    const fixture = mixture(0)
    const { metrics } = summarise(runOf(fixture))
    const price = (id: string) => metrics[id]
    expect(price('energy_per_uncached_input_token_j')?.value).toBeCloseTo(0.5, 6)
    expect(price('energy_per_decoded_token_j')?.value).toBeCloseTo(2, 6)
    expect(price('energy_prefill_j')).toMatchObject({
      value: expect.closeTo(0.5 * total(fixture, (r) => r.input_tokens ?? 0), 3),
      provenance: 'regression',
    })
    // The rest is 100 W x 120 s
    const rest = ['energy_prefill_j', 'energy_decode_j'].reduce(
      (left, id) => left - (metrics[id]?.value as number),
      metrics['energy_compute_j']?.value as number,
    )
    expect(rest).toBeCloseTo(12_000, 3)
  })
  test('hold the truth within their range where power is noisy', () => {
    const fixture = mixture(400)
    const { metrics } = summarise(runOf(fixture))
    for (const [id, truth] of [
      ['energy_per_uncached_input_token_j', 0.5],
      ['energy_per_decoded_token_j', 2],
    ] as const) {
      const found = metrics[id]
      expect(found?.repeat_low).toBeLessThan(truth)
      expect(found?.repeat_high).toBeGreaterThan(truth)
      expect((found?.repeat_high as number) - (found?.repeat_low as number)).toBeLessThan(truth / 2)
    }
  })
  test('claim no price of prompts where prefills reach into the slice before', () => {
    // A prefill as long as a slice lies in two of them: by the end of it alone prompts look nearly half as dear
    const { metrics } = summarise(runOf(mixture(0, 5)))
    expect(metrics['energy_per_uncached_input_token_j']).toMatchObject({
      value: null,
      reason: 'not_identifiable',
    })
    const decoded = metrics['energy_per_decoded_token_j']
    expect(decoded?.repeat_low).toBeLessThan(2)
    expect(decoded?.repeat_high).toBeGreaterThan(2)
  })
  test('are not told apart where tokens come as evenly as time', () => {
    const even: Fixture = {
      phases: { measure: [0, 30] },
      sensors: [RING],
      samples: ringOf(-50, 1550, () => 300),
      requests: ['a', 'b'].map((id) => request(id, -1, -0.5, 31, 3151)),
    }
    for (const id of IDS.slice(0, 5))
      expect(metric(even, id)).toMatchObject({ value: null, reason: 'not_identifiable' })
  })
  test('are sliced by the readings where the stated period is shorter than they can be', () => {
    const even = mixture(0)
    const wrong = { ...even, sensors: [ring(GPU, { source: 'other_ring', period_ms: 1e-6 })] }
    expect(() => summarise(runOf(wrong))).not.toThrow()
    const counted = {
      ...even,
      sensors: [ring(GPU, { metric: 'gpu_energy_mj', source: 'counter', period_ms: 1e-6 })],
      samples: (even.samples ?? []).map((row, i) => ({
        ...row,
        metric: 'gpu_energy_mj',
        value: i * 4000,
      })),
    }
    expect(() => summarise(runOf(counted))).not.toThrow()
  })
  test('need a hundred slices', () => {
    // 8 s are 80 slices of 0.1 s
    const short = { ...mixture(0), phases: { measure: [20, 28] as const } }
    expect(metric(short, 'energy_decode_j')).toMatchObject({ value: null, reason: 'too_short' })
  })
})

describe('a run that can’t be divided', () => {
  const reasons = (fixture: Fixture) => {
    const { metrics } = summarise(runOf(fixture))
    return new Set(
      IDS.map((id) => {
        expect(metrics[id]?.value).toBeNull()
        return metrics[id]?.reason
      }),
    )
  }
  test('has no reading of power', () => {
    expect(reasons({ ...single(), samples: [] })).toEqual(new Set(['not_recorded']))
  })
  test('has answers in one piece', () => {
    expect(reasons(single({ mode: 'per_request_batch' }))).toEqual(new Set(['not_streamed']))
  })
  test('has no requests', () => {
    expect(reasons({ ...single(), requests: [] })).toEqual(new Set(['no_requests']))
  })
  test('has an estimate only', () => {
    const cpu = 'cpu-0'
    const fixture: Fixture = {
      ...single(),
      devices: [{ device_id: cpu, kind: 'cpu_package' }],
      sensors: [],
      samples: power({
        device_id: cpu,
        metric: 'cpu_power_mw',
        from: -1,
        to: 31,
        every: 1,
        watts: () => 50,
      }),
    }
    expect(reasons(fixture)).toEqual(new Set(['estimate_only']))
  })
})
