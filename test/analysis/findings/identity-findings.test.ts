import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { identityBroken } from '../../../analysis/findings/identity-findings.ts'
import { summarise } from '../../../analysis/summary.ts'
import { power, request, runOf } from '../../support/run-fixture.ts'
import { metric } from '../summary-of.ts'

const of = (values: Record<string, number>, tokens: number | null = null) =>
  identityBroken(
    Object.fromEntries(Object.entries(values).map(([id, v]) => [id, metric(v)])),
    tokens,
  )

describe('numbers without their rows', () => {
  test('have percentiles that rise', () => {
    expect(of({ itl_ms_p50: 20, itl_ms_p95: 20, itl_ms_max: 21 })).toEqual([])
    expect(of({ itl_ms_p50: 20, itl_ms_p95: 19, itl_ms_p99: 30, ttft_ms_p50: 90 })).toMatchObject([
      {
        code: 'identity_broken',
        severity: 'invalid',
        evidence: { itl_ms_p50: 20, itl_ms_p95: 19 },
      },
    ])
  })
  test('have the energy of a request in its tokens', () => {
    // 0.5 x 200 = 100, within 1 %
    const given = { energy_per_request_j: 100.9, energy_per_output_token_j: 0.5 }
    expect(of(given, 200)).toEqual([])
    expect(of({ ...given, energy_per_request_j: 101.1 }, 200)).toHaveLength(1)
    expect(of(given)).toEqual([])
  })
  test('have their power in throughput and energy per token', () => {
    // 1000 token/s x 0.5 J/token
    const given = { output_throughput_tok_s: 1000, energy_per_output_token_j: 0.5 }
    expect(of({ ...given, power_mean_w: 500 })).toEqual([])
    expect(of({ ...given, power_mean_w: 480 })).toMatchObject([
      { evidence: { given: 480, product: 500 } },
    ])
    expect(of({ power_mean_w: 480 })).toEqual([])
  })
  test('that were counted from rows never contradict one another', () => {
    const one = fc.record({
      sent: fc.integer({ min: 0, max: 40_000 }),
      wait: fc.integer({ min: 1, max: 5000 }),
      decode: fc.integer({ min: 1, max: 9000 }),
      tokens: fc.integer({ min: 2, max: 60 }),
    })
    const rule = fc.constantFrom('run', 'phase', 'auto')
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 30 }), rule, (list, window) => {
        const requests = list.map(({ sent, wait, decode, tokens }, i) =>
          request(
            `r${i}`,
            sent / 1000,
            (sent + wait) / 1000,
            (sent + wait + decode) / 1000,
            tokens,
          ),
        )
        const { metrics } = summarise(
          runOf({
            experiment: { model: 'm', phases: { window }, load: { shape: 'closed' } },
            samples: power({ from: -1, to: 61, every: 0.5, watts: (t) => 200 + t }),
            requests,
          }),
        )
        const mean = list.reduce((sum, r) => sum + r.tokens, 0) / list.length
        // Over a run, a request has its whole energy; over a part of it, that of the mean length
        const tokens = metrics['output_tokens']?.value === mean * list.length ? mean : null
        expect(identityBroken(metrics, tokens)).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})
