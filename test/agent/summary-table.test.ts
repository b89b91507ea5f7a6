import { describe, expect, it } from 'vitest'
import { summaryTable } from '../../agent/summary-table.ts'
import type { Finding } from '../../analysis/schema/finding.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { finding, metric, summaryOf } from '../analysis/summary-of.ts'

const WIDE = 160
const runs = (key: string, joules: readonly number[], findings: readonly Finding[] = []) =>
  joules.map((value, i) =>
    summaryOf(
      `${key}-${i}`,
      { energy_per_output_token_j: metric(value, 0.1, 0.05) },
      { key, findings },
    ),
  )
const configured = (all: readonly Summary[], load: (s: Summary) => object) =>
  new Map(all.map((s) => [s.run_id, { load: load(s), model: { id: 'm' } }]))

describe('the table at the end of a run', () => {
  it('has a column a configuration, named by what varies, with the cycles folded into a mean', () => {
    const all = [...runs('k1', [1, 2, 3]), ...runs('k4', [0.5])]
    const loads = configured(all, (s) => ({ concurrency: s.experiment_key === 'k1' ? 1 : 4 }))
    const table = summaryTable(all, loads, false, WIDE)
    const [, head = ''] = table.split('\n')
    expect(head.split('│').map((c) => c.trim())).toEqual([
      '',
      '',
      'concurrency 1 (3 runs)',
      'concurrency 4',
      '',
    ])
    // Mean 2, sample sd 1, t of two degrees of freedom 4.303: 2 ± 4.303 / √3 = 2 ± 2.48.
    expect(table).toContain('2.00 (-0.484 to 4.48)')
    expect(table).toContain('0.500 (0.400 to 0.600)')
  })

  it('folds only valid cycles where there are some', () => {
    const all = [...runs('k', [1, 1]), ...runs('k', [9], [finding('thermal_throttle', 'invalid')])]
    expect(summaryTable(all, new Map(), false, WIDE)).toContain('1.00 (1.00 to 1.00)')
  })

  it('puts configurations that do not fit beside one another one below another', () => {
    const all = Array.from({ length: 8 }, (_, i) => runs(`k${i}`, [i + 1])).flat()
    const loads = configured(all, (s) => ({ concurrency: Number(s.experiment_key.slice(1)) }))
    const table = summaryTable(all, loads, false, 100)
    expect(table.split('\n').filter((l) => /│ concurrency \d/.test(l))).toHaveLength(8)
    expect(Math.max(...table.split('\n').map((l) => l.length))).toBeLessThan(160)
  })

  it('names a finding once, with the configurations that it is of where it is not of all', () => {
    const all = [
      ...runs('k1', [1, 1], [finding('short_measurement', 'caution')]),
      ...runs('k4', [1]),
    ]
    const loads = configured(all, (s) => ({ concurrency: s.experiment_key === 'k1' ? 1 : 4 }))
    const lines = summaryTable(all, loads, false, WIDE)
      .split('\n')
      .filter((l) => l.includes('short_measurement'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/\[concurrency 1 \(2 runs\)\]$/)
  })
})
