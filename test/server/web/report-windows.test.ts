import { describe, expect, it } from 'vitest'
import { readExperiment } from '../../../analysis/readings/run-data.ts'
import { summarise } from '../../../analysis/summary.ts'
import { reportHtml, reportSpecs } from '../../../server/web/report.ts'
import { shareableConfig } from '../../../server/web/shareable-config.ts'
import { simulatedRun } from '../../support/simulated-run.ts'

const S = 1e9

/** A measured program of 10 s on one GPU that marked three windows, one of which it did not end. */
function program() {
  const run = simulatedRun({ measure_s: 10, requests: 1 })
  const begins = run.phases.find((p) => p.phase === 'measure')?.start_ns ?? 0
  const mark = (id: number, name: string, from_s: number, to_s: number | null, tokens?: number) => [
    {
      t_ns: begins + from_s * S,
      code: 'window_begin',
      detail: JSON.stringify({ id, name }),
    },
    ...(to_s === null
      ? []
      : [
          {
            t_ns: begins + to_s * S,
            code: 'window_end',
            detail: JSON.stringify({ id, ...(tokens === undefined ? {} : { tokens }) }),
          },
        ]),
  ]
  return {
    ...run,
    requests: [],
    experiment: readExperiment({
      kind: 'measure',
      name: 'train.py',
      command: ['python3', 'train.py', '--api-key', 'hunter2', '--max-tokens', '128'],
      phases: { window: 'phase' },
    }),
    events: [
      ...mark(1, 'prefill <b>', 1, 2, 512),
      ...mark(2, 'prefill <b>', 3, 4, 512),
      ...mark(3, 'decode', 5, null),
    ],
  }
}

describe('the report of a measured program', () => {
  it('has the program’s joules for its headline, and no word of requests', async () => {
    const run = program()
    const html = await reportHtml(run, summarise(run))
    expect(html).toContain('Energy of the program')
    expect(html).not.toContain('Energy per output token')
    expect(html).toContain('train.py')
    expect(html).not.toContain('closed loop')
    expect(html).not.toContain('llem-agent run run.yaml')
    expect(html).not.toContain('hunter2')
  })

  it('has a table of its windows, and marks them in the chart of power', async () => {
    const run = program()
    const summary = summarise(run)
    const html = await reportHtml(run, summary)
    expect(html).toContain('Marked windows')
    expect(html).toContain('prefill &lt;b&gt;')
    expect(html).toContain('1 window was not ended')
    const { power } = reportSpecs(run, summary)
    const { marks = [] } = (power?.datasets ?? {}) as { marks?: { name: string }[] }
    expect(marks.map((m) => m.name)).toEqual(['prefill <b>', 'prefill <b>', 'decode'])
  })

  it('has no section of windows where none was marked', async () => {
    const run = simulatedRun({ measure_s: 5, requests: 5 })
    const html = await reportHtml(run, summarise(run))
    expect(html).not.toContain('Marked windows')
    expect(html).not.toContain('#windows')
  })
})

describe('a command that is shown', () => {
  it('keeps secrets of its options to itself, and counts not', () => {
    const command = ['x', '--api-key', 'a', '--token=b', '-password', 'c', '--max-tokens', '128']
    expect(shareableConfig({ command })).toEqual({
      command: [
        ...['x', '--api-key', '(hidden)', '--token=(hidden)', '-password', '(hidden)'],
        ...['--max-tokens', '128'],
      ],
    })
    const plain = ['--tokenizer', 'llama', '--auth', '--verbose', 'http://u:p@host/']
    expect(shareableConfig(plain)).toEqual([...plain.slice(0, 4), 'http://(hidden)@host/'])
  })
})
