import { describe, expect, test } from 'vitest'
import { ledgerLines } from '../../../analysis/report/ledger.ts'
import { summarise } from '../../../analysis/summary.ts'
import { ledgerData } from '../../../server/web/chart-data.ts'
import { ledgerWords } from '../../../server/web/chart-words.ts'
import { GPU, power, readings, runOf } from '../../support/run-fixture.ts'

/** A minute of a GPU at 300 W and a processor at 100 W, in a node that takes 500 W at the wall. */
const summaryOf = (metered: boolean) =>
  summarise(
    runOf({
      phases: { measure: [0, 60] },
      devices: [
        { device_id: GPU, kind: 'gpu' },
        { device_id: 'cpu_package:0', kind: 'cpu_package' },
        ...(metered ? [{ device_id: 'node:0', kind: 'node' }] : []),
      ],
      samples: [
        ...power({ from: -5, to: 66, every: 0.5, watts: () => 300 }),
        ...readings(
          'cpu_energy_uj',
          'cpu_package:0',
          Array.from({ length: 72 }, (_, i): [number, number] => [i - 5, 1 + i * 100e6]),
        ),
        ...(metered
          ? power({
              ...{ device_id: 'node:0', metric: 'node_power_mw', from: -5, to: 66, every: 1 },
              watts: () => 500,
            })
          : []),
      ],
    }),
  )

describe('the ledger of a run with a meter at the wall', () => {
  test('has a line of what no part tells', () => {
    const summary = summaryOf(true)
    const lines = ledgerLines(summary)
    // (500 - 300 - 100) W x 60 s
    expect(ledgerWords(lines, summary).message).toContain(
      'At the wall the node took 30\u202f000\u202fJ over the counted window, of which 6000\u202fJ are overhead',
    )
    expect(String(ledgerData(lines, summary))).toMatch(
      /overhead energy, over the counted window[\s\S]*6000[\s\S]*node energy, over the counted window[\s\S]*30\s000/,
    )
  })
  test('has none without one', () => {
    const summary = summaryOf(false)
    const lines = ledgerLines(summary)
    expect(ledgerWords(lines, summary).message).not.toContain('wall')
    expect(String(ledgerData(lines, summary))).not.toContain('overhead')
  })
})
