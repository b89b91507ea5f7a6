import { describe, expect, it } from 'vitest'
import { requestFindings } from '../../../analysis/findings/request-findings.ts'
import { believedRequest } from '../../../analysis/readings/believed-counts.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { summarySchema } from '../../../analysis/schema/summary.ts'
import { summarise } from '../../../analysis/summary.ts'
import { runWindow } from '../../../analysis/window.ts'
import { simulatedRun } from '../../support/simulated-run.ts'
import { type RunParts, runOf, streamed } from '../run-of.ts'

const many = (n: number, more: (i: number) => Partial<RequestRow>): RequestRow[] =>
  Array.from({ length: n }, (_, i) => streamed(`r${i}`, 10 * i, [10 * i + 5, 10 * i + 9], more(i)))
function found(parts: RunParts) {
  const run = runOf(parts)
  return requestFindings(run, runWindow(run)).find((f) => f.code === 'unbelievable_count')
}

describe('counts that no response can have', () => {
  it('are a caution up to 5 % of the requests, and invalid above', () => {
    const share = (bad: number) =>
      found({ requests: many(100, (i) => (i < bad ? { output_tokens: -1_187_455_706 } : {})) })
    expect(share(0)).toBeUndefined()
    expect(share(5)).toMatchObject({
      severity: 'caution',
      evidence: { requests: 5, measured: 100, share: 0.05, columns: { output_tokens: 5 } },
    })
    expect(share(6)?.severity).toBe('invalid')
    expect(share(6)?.message).toContain(
      'in 6 of 100 requests (6.0 %), for one output_tokens -1187455706',
    )
  })

  it('of a warm-up request are none of the measured ones', () => {
    expect(
      found({ requests: many(4, (i) => (i === 0 ? { phase: 'warmup', input_tokens: -1 } : {})) }),
    ).toBeUndefined()
  })

  it('that the agent refused are found as it recorded them', () => {
    const row = { output_tokens: 2, unbelievable_counts: '{"output_tokens":"1e+300"}' }
    expect(found({ requests: many(2, (i) => (i === 0 ? row : {})) })).toMatchObject({
      severity: 'invalid',
      evidence: { example: { request_id: 'r0', column: 'output_tokens', reported: '1e+300' } },
    })
  })

  it('of engine steps are found too, and are null', () => {
    const run = runOf({
      requests: many(2, () => ({})),
      steps: [
        { start_t_ns: 0, end_t_ns: 1, batch_size: -3, decode_tokens: 4 },
        { start_t_ns: 1, end_t_ns: 2, batch_size: 3, decode_tokens: 4 },
      ],
    })
    expect(run.steps.map((s) => s.batch_size)).toEqual([null, 3])
    const [finding] = requestFindings(run, runWindow(run)).filter(
      (f) => f.code === 'unbelievable_count',
    )
    expect(finding).toMatchObject({ severity: 'caution', evidence: { steps: 1, requests: 0 } })
  })

  it('spoil no number of the summary: tokens come from the chunks, prompts are implausible', () => {
    const honest = simulatedRun({ requests: 60, measure_s: 20 })
    const lying = {
      ...honest,
      requests: honest.requests.map((row, i) =>
        believedRequest({
          ...row,
          output_tokens: [-1_187_455_706, 2 ** 40, 2.5, 1e300][i % 4] ?? null,
          input_tokens: -7,
        }),
      ),
    }
    const [good, bad] = [summarise(honest), summarise(lying)]
    expect(summarySchema.parse(bad).valid).toBe(false)
    expect(bad.findings.map((f) => f.code)).toContain('unbelievable_count')
    // The simulation's chunks hold as many tokens as its counts: the same tokens, so the same joules for each.
    for (const id of ['tokens_per_joule', 'energy_per_output_token_j', 'output_tokens'])
      expect(bad.metrics[id]?.value, id).toBeCloseTo(good.metrics[id]?.value ?? Number.NaN, 6)
    for (const id of ['input_tokens', 'input_throughput_tok_s', 'energy_per_total_token_j'])
      expect(bad.metrics[id], id).toMatchObject({ value: null, reason: 'implausible' })
  })
})
