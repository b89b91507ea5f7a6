import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { energyStars } from '../../../analysis/comparing/energy-stars.ts'
import { reconcileCodecarbon } from '../../../analysis/cost/codecarbon-reconcile.ts'
import { codecarbonRow } from '../../../analysis/importers/codecarbon-row.ts'
import { prometheus } from '../../../analysis/importers/prometheus.ts'
import { requestMetrics, type ToldRequest } from '../../../analysis/importers/request-metrics.ts'
import { importText, onlyResult } from '../../support/importing.ts'

const ms = fc.double({ min: 0, max: 1000, noNaN: true })
const request: fc.Arbitrary<ToldRequest> = fc
  .tuple(ms, ms, fc.array(ms, { maxLength: 5 }), fc.boolean())
  .map(([sent_ms, wait, gaps, failed]) => {
    let t = sent_ms + wait
    const chunk_ms = [t, ...gaps.map((g) => (t += g))]
    const none = { first_ms: null, first_answer_ms: null, last_ms: null, chunk_ms: null }
    const times = { first_ms: sent_ms + wait, first_answer_ms: null, last_ms: t, chunk_ms }
    return {
      ...{ failed, sent_ms, scheduled_ms: null, closed_ms: t },
      ...(failed ? none : times),
      output_tokens: failed ? null : chunk_ms.length,
      input_tokens: 7,
    }
  })
const shortest: ToldRequest = {
  ...{ failed: false, sent_ms: 0, scheduled_ms: null, closed_ms: 0, first_ms: 0 },
  ...{ first_answer_ms: null, last_ms: 5e-324, chunk_ms: [0, 5e-324] },
  ...{ output_tokens: 2, input_tokens: 7 },
}
const IDS = ['ttft_ms', 'tpot_ms', 'e2e_ms'] as const

describe('metrics of single requests', () => {
  test('don’t depend on the order of the file', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 12 }), (requests) => {
        const a = requestMetrics(requests, IDS, 'x')
        const b = requestMetrics([...requests].reverse(), IDS, 'x')
        for (const [id, m] of Object.entries(a))
          if (m.value === null) expect(b[id]?.value).toBeNull()
          else {
            expect(Number.isFinite(m.value), id).toBe(true)
            const off = Math.abs((b[id]?.value as number) - m.value)
            expect(off, id).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(m.value)))
          }
      }),
      // A run shorter than any clock tells has no rates.
      { numRuns: 50, examples: [[[shortest]]] },
    )
  })

  test('a failure more never makes a percentile with failures better, nor moves those without', () => {
    const failure: ToldRequest = {
      ...{ failed: true, sent_ms: 0, scheduled_ms: null, closed_ms: 1, first_ms: null },
      ...{ first_answer_ms: null, last_ms: null, chunk_ms: null },
      ...{ output_tokens: null, input_tokens: null },
    }
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 12 }), (requests) => {
        const a = requestMetrics(requests, IDS, 'x')
        const b = requestMetrics([...requests, failure], IDS, 'x')
        const worse = (v: number | null | undefined) => v ?? Number.POSITIVE_INFINITY
        expect(b['ttft_ms_p50']?.value).toBe(a['ttft_ms_p50']?.value)
        if (a['ttft_ms_with_failures_p50']?.reason === null)
          expect(worse(b['ttft_ms_with_failures_p50']?.value)).toBeGreaterThanOrEqual(
            worse(a['ttft_ms_with_failures_p50'].value),
          )
        expect(b['requests_failed']?.value).toBe((a['requests_failed']?.value ?? 0) + 1)
      }),
      { numRuns: 50 },
    )
  })
})

describe('reconciliation', () => {
  const joules = fc.double({ min: 0, max: 1e7, noNaN: true })
  const maybe = fc.option(joules, { nil: null })
  const header =
    'timestamp,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,pue'.split(',')

  test('its lines add up to the difference, whatever is told', () => {
    fc.assert(
      fc.property(
        fc.tuple(joules, joules, joules, joules),
        fc.tuple(maybe, maybe, maybe),
        fc.tuple(
          fc.double({ min: 1, max: 2, noNaN: true }),
          fc.double({ min: 1, max: 2, noNaN: true }),
        ),
        fc.option(fc.double({ min: 1, max: 900, noNaN: true }), { nil: null }),
        ([cpu_kwh, gpu_kwh, ram_kwh, all], [gpu, cpu, ram], [pue_a, pue_b], g_per_kwh) => {
          const cells = [0, 10, all / 5, cpu_kwh, gpu_kwh, ram_kwh, all, pue_a].map((v) =>
            v.toFixed(9),
          )
          const row = codecarbonRow(header, cells)
          if (row === null) throw new Error('no row')
          const told = reconcileCodecarbon(row, {
            energy_j: { gpu, cpu, ram },
            pue: pue_b,
            g_per_kwh,
          })
          if (told === null) throw new Error('nothing told')
          const kwh = told.lines.reduce((a, l) => a + l.delta_kwh, told.ours_kwh)
          const size = Math.max(1, cpu_kwh + gpu_kwh + ram_kwh + all)
          expect(Math.abs(kwh - told.theirs_kwh) / size).toBeLessThan(1e-9)
          if (told.ours_g === null || told.theirs_g === null) return
          const g = told.lines.reduce((a, l) => a + (l.delta_g ?? 0), told.ours_g)
          expect(Math.abs(g - told.theirs_g) / (size * 1000)).toBeLessThan(1e-9)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('stars', () => {
  test('more energy never gets more of them, and the order of the board is nothing', () => {
    const energy = fc.double({ min: 0.001, max: 100, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(energy, { minLength: 5, maxLength: 40 }),
        energy,
        energy,
        (board, a, b) => {
          const [less, more] = [Math.min(a, b), Math.max(a, b)]
          expect(energyStars(board, less) ?? 0).toBeGreaterThanOrEqual(
            energyStars(board, more) ?? 0,
          )
          expect(energyStars([...board].reverse(), a)).toBe(energyStars(board, a))
        },
      ),
    )
  })
})

describe('Prometheus', () => {
  const answer = (t0: number, watts: readonly number[], step: number) => {
    const values = watts.map((w, i) => [t0 + step * i, String(w)])
    const metric = { __name__: 'DCGM_FI_DEV_POWER_USAGE', UUID: 'GPU-0' }
    const data = { resultType: 'matrix', result: [{ metric, values }] }
    return importText('p.json', JSON.stringify({ status: 'success', data }))
  }

  test('joules don’t depend on the day, and a constant power is exact at any step', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 50, max: 700 }), { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (watts, step) => {
          const joules = (t0: number, w: readonly number[]) =>
            onlyResult(prometheus, answer(t0, w, step)).metrics['energy_gpu_j']?.value
          expect(joules(1_790_000_000, watts)).toBeCloseTo(joules(1000, watts) as number, 6)
          const constant = watts.map(() => 300)
          expect(joules(1000, constant)).toBeCloseTo(300 * step * (watts.length - 1), 6)
        },
      ),
      { numRuns: 40 },
    )
  })
})
