import { describe, expect, it } from 'vitest'
import { aggregateRuns } from '../../../analysis/comparing/aggregate.ts'
import { finding, metric, summaryOf } from '../summary-of.ts'

const ID = 'energy_per_output_token_j'
const cycles = (...values: (number | null)[]) =>
  values.map((v, i) => summaryOf(`r${i}`, { [ID]: metric(v) }))

describe('cycles of one experiment', () => {
  it('give mean ± t × sd / root count', () => {
    // 1, 2, 3: mean 2, sd 1, t(2) = 4.3027, half 2.4842
    const row = aggregateRuns(cycles(1, 2, 3)).metrics[ID]
    expect(row).toMatchObject({ mean: 2, n: 3, cv: 0.5, unit: 'J/token', reason: null })
    expect(row?.repeat_low).toBeCloseTo(2 - 2.4842, 3)
    expect(row?.high).toBeCloseTo(2 + 2.4842, 3)
  })

  it('add the part that all runs of a device share: root of (half² + (2 u)²)', () => {
    const runs = [1, 2, 3].map((v, i) =>
      summaryOf(`r${i}`, {
        [ID]: {
          ...metric(v, 0.5),
          components: [
            { name: 'u_sensor', value: 1.5, shared: true },
            { name: 'u_edge', value: 9, shared: false },
          ],
        },
      }),
    )
    const row = aggregateRuns(runs).metrics[ID]
    expect(row?.high).toBeCloseTo(2 + Math.hypot(2.4842, 3), 3)
    expect(row?.repeat_high).toBeCloseTo(2 + 2.4842, 3)
  })

  it('read the shared part from the ranges where there are no components', () => {
    // Whole ± 5, repeatable ± 3: shared ± 4
    const runs = [1, 2, 3].map((v, i) => summaryOf(`r${i}`, { [ID]: metric(v, 5, 3) }))
    expect(aggregateRuns(runs).metrics[ID]?.high).toBeCloseTo(2 + Math.hypot(2.4842, 4), 3)
  })

  it('have no interval with one, and an unreliable one with two', () => {
    const one = aggregateRuns(cycles(1))
    expect(one.metrics[ID]).toMatchObject({ mean: 1, low: null, repeat_high: null, cv: null, n: 1 })
    expect(one.findings.map((f) => f.code)).toContain('ci_unreliable')
    const two = aggregateRuns(cycles(1, 2))
    expect(two.findings.map((f) => f.code)).toContain('ci_unreliable')
    // sd 0.7071, t(1) = 12.706, half 6.353
    expect(two.metrics[ID]?.repeat_high).toBeCloseTo(1.5 + 6.353, 3)
    expect(aggregateRuns(cycles(1, 2, 3)).findings).toEqual([])
  })

  it('count only where the value is known, and pass the reason on where it never is', () => {
    expect(aggregateRuns(cycles(1, null, 3)).metrics[ID]).toMatchObject({ mean: 2, n: 2 })
    expect(aggregateRuns(cycles(null, null)).metrics[ID]).toMatchObject({
      mean: null,
      n: 0,
      reason: 'no_output_tokens',
    })
  })

  it('leave invalid runs out and name them, unless all are', () => {
    const bad = summaryOf(
      'bad',
      { [ID]: metric(99) },
      { findings: [finding('thermal_throttle', 'invalid')] },
    )
    const some = aggregateRuns([...cycles(1, 2, 3), bad])
    expect(some).toMatchObject({
      valid: true,
      cycles: 3,
      excluded: [{ run_id: 'bad', codes: ['thermal_throttle'] }],
    })
    expect(some.metrics[ID]?.mean).toBe(2)
    const all = aggregateRuns([bad])
    expect(all).toMatchObject({ valid: false, cycles: 1, excluded: [] })
    expect(all.findings[0]?.evidence).toEqual({ run_ids: ['bad'] })
  })

  it('are no one thing where what was counted differs', () => {
    const definition = {
      model: 'm',
      weights: null,
      engine: 'openai',
      precision: 'bfloat16',
      dataset: '{}',
      token_source: 'usage',
    }
    const runs = (...more: Partial<typeof definition>[]) =>
      more.map((m, i) => ({
        ...summaryOf(`r${i}`, { [ID]: metric(i + 1) }),
        definition: { ...definition, ...m },
      }))
    expect(aggregateRuns(runs({}, {}, {}))).toMatchObject({ valid: true, findings: [] })
    const mixed = aggregateRuns(runs({}, { precision: 'fp8' }, { token_source: 'chunks' }))
    expect(mixed.valid).toBe(false)
    expect(mixed.findings).toMatchObject([
      {
        code: 'mixed_definition',
        severity: 'invalid',
        evidence: { field: 'precision', run_ids: { bfloat16: ['r0', 'r2'], fp8: ['r1'] } },
      },
      { code: 'mixed_definition', evidence: { field: 'token_source' } },
    ])
    // What a run does not say contradicts nothing, nor does a summary that says nothing
    const silent = { ...definition, precision: null }
    const old = summaryOf('old', { [ID]: metric(4) })
    const some = [...runs({}, {}), { ...old, definition: silent }, { ...old, run_id: 'older' }]
    expect(aggregateRuns(some).valid).toBe(true)
  })

  it('refuse nothing and runs of different experiments, in words', () => {
    expect(() => aggregateRuns([])).toThrow('no run to aggregate')
    expect(() => aggregateRuns([summaryOf('a', {}), summaryOf('b', {}, { key: 'other' })])).toThrow(
      'other',
    )
  })
})
