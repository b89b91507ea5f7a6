import { describe, expect, test } from 'vitest'
import { requestEnergiesOf } from '../../../analysis/attribution/request-energy.ts'
import { answersOf } from '../../../analysis/requests/answer.ts'
import type { RequestRow, StepRow } from '../../../analysis/schema/stream.ts'
import { seededRandom } from '../../../analysis/stats/random.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, power, request, ring, runOf, s } from '../../support/run-fixture.ts'

const PERIOD = 0.02
const STATIC_W = 100
const STEP_J = 3
const PROMPT_J = 0.05
const CONTEXT_J = 0.004
const SECONDS = 120

interface Served {
  readonly prompt: number
  readonly wanted: number
  readonly due: number
  readonly token_s: number[]
  /** What its decoding cost. */
  decode_j: number
}

/**
 * An engine that does one step after the other, 0.02 s of prefill for each request that is due and 0.04 s of decode
 * for all that run, each charged to the reading in which it ends.
 */
function served(): { fixture: Fixture; requests: readonly Served[]; prefills: number } {
  const random = seededRandom(11)
  const joules = new Float64Array(SECONDS / PERIOD + 1).fill(STATIC_W * PERIOD)
  const charge = (t: number, j: number) => {
    const n = Math.ceil(t / PERIOD - 1e-6)
    joules[n] = (joules[n] as number) + j
  }
  const requests = Array.from({ length: 90 }, (): Served => {
    const due = random() * 100
    const prompt = 20 + Math.floor(random() * 800)
    return { prompt, wanted: 5 + Math.floor(random() * 60), due, token_s: [], decode_j: 0 }
  }).sort((a, b) => a.due - b.due)
  const steps: StepRow[] = []
  let t = 0
  let prefills = 0
  const waiting = [...requests]
  const running: Served[] = []
  while (t < SECONDS - 1 && (waiting.length > 0 || running.length > 0)) {
    const next = waiting[0]
    if (next !== undefined && next.due <= t) {
      waiting.shift()
      const end = t + PERIOD
      charge(end, STEP_J + PROMPT_J * next.prompt)
      steps.push(step('prefill', t, end, { prefill_tokens: next.prompt }))
      next.token_s.push(end)
      prefills++
      running.push(next)
      t = end
      continue
    }
    if (running.length === 0) {
      t = Math.ceil((next as Served).due / PERIOD) * PERIOD
      continue
    }
    const end = t + 2 * PERIOD
    const contexts = running.map((r) => r.prompt + r.token_s.length)
    const context_tokens = contexts.reduce((a, b) => a + b, 0)
    charge(end, STEP_J + CONTEXT_J * context_tokens)
    steps.push(step('decode', t, end, { decode_tokens: running.length, context_tokens }))
    for (const [i, r] of running.entries()) {
      r.decode_j += STEP_J / running.length + CONTEXT_J * (contexts[i] as number)
      r.token_s.push(end)
    }
    for (const done of running.filter((r) => r.token_s.length >= r.wanted))
      running.splice(running.indexOf(done), 1)
    t = end
  }
  const rows = requests.map((r, i): RequestRow => {
    const at = r.token_s.map(s)
    return {
      ...request(`r${i}`, r.due, 0, 1, r.token_s.length, { input_tokens: r.prompt }),
      chunk_t_ns: at,
      done_t_ns: at.at(-1) ?? 0,
      closed_t_ns: at.at(-1) ?? 0,
    }
  })
  const samples = power({
    sensor_id: ring(GPU).sensor_id,
    from: -1,
    to: SECONDS + 1,
    every: PERIOD,
    watts: (at) => {
      const n = Math.round(at / PERIOD)
      return n < 1 || n >= joules.length ? STATIC_W : (joules[n] as number) / PERIOD
    },
  })
  const phases = { measure: [0, SECONDS] as const }
  return {
    fixture: { phases, sensors: [ring(GPU)], samples, steps, requests: rows },
    requests,
    prefills,
  }
}

const step = (
  kind: string,
  from: number,
  to: number,
  more: { prefill_tokens?: number; decode_tokens?: number; context_tokens?: number },
): StepRow => ({
  start_t_ns: s(from),
  end_t_ns: s(to),
  kind,
  prefill_tokens: 0,
  decode_tokens: 0,
  context_tokens: 0,
  ...more,
})

describe('an engine that tells its steps', () => {
  const { fixture, requests, prefills } = served()
  const sum = (of: (r: Served) => number) => requests.reduce((total, r) => total + of(r), 0)
  const prefill_j = STEP_J * prefills + PROMPT_J * sum((r) => r.prompt)
  const decode_j = sum((r) => r.decode_j)

  test('is divided by prompt tokens, steps and context', () => {
    const { metrics } = summarise(runOf(fixture))
    expect(metrics['energy_prefill_j']).toMatchObject({
      value: expect.closeTo(prefill_j, 2),
      provenance: 'regression',
    })
    expect(metrics['energy_decode_j']?.value).toBeCloseTo(decode_j, 2)
    expect(metrics['energy_window_static_j']?.value).toBeCloseTo(STATIC_W * SECONDS, 2)
    // The first token of each is the prefill's
    const decoded = sum((r) => r.token_s.length - 1)
    expect(metrics['energy_per_decoded_token_j']?.value).toBeCloseTo(decode_j / decoded, 4)
  })
  test('gives each request its share of the steps that it was in, and its own context', () => {
    const run = runOf(fixture)
    const { value } = requestEnergiesOf(run)
    const perPrompt = prefill_j / sum((r) => r.prompt)
    for (const [i, a] of answersOf(run).entries()) {
      const r = requests[i] as Served
      expect(value?.of(a).value?.energy_j).toBeCloseTo(perPrompt * r.prompt + r.decode_j, 3)
    }
    expect(value?.unattributed_j).toBeCloseTo(0, 6)
  })
  test('is divided by tokens where the steps are those of other work, or tell too little', () => {
    const price = (steps: readonly StepRow[]) =>
      summarise(runOf({ ...fixture, steps })).metrics['energy_decode_j']?.value
    const byTokens = price([])
    const told = fixture.steps ?? []
    // Two ranks that tell the same; an engine without context
    expect(price([...told, ...told])).toBe(byTokens)
    expect(price(told.map((x) => ({ ...x, context_tokens: null })))).toBe(byTokens)
    expect(byTokens).not.toBeCloseTo(decode_j, 0)
  })
})
