import { describe, expect, it } from 'vitest'
import { compareBoards } from '../../../analysis/comparing/compare-boards.ts'
import { resultMetric } from '../../../analysis/importers/result-metric.ts'
import { boardSpec } from '../../../analysis/report/board.ts'
import { type BoardRow, boardComparisonSchema } from '../../../analysis/schema/leaderboard.ts'
import { drawSvg } from '../../../server/web/svg.ts'

const row = (
  gpu_model: string,
  joules: number | null,
  change: Partial<BoardRow> = {},
  window = 'steady',
): BoardRow => ({
  id: `${gpu_model}-${joules}`,
  source: 'mlenergy',
  kind: 'board',
  name: null,
  task: 'gpqa',
  model: 'm',
  engine: null,
  gpu_model,
  num_gpus: 1,
  precision: 'bfloat16',
  batch_limit: 8,
  tensor_parallel: 1,
  expert_parallel: 1,
  data_parallel: 1,
  architecture: null,
  total_params_billions: 8,
  activated_params_billions: 8,
  setup: {},
  revision: null,
  valid: true,
  cautions: 0,
  findings: [],
  metrics: {
    energy_per_output_token_j: resultMetric('energy_per_output_token_j', joules, { window }),
    itl_ms_p50: resultMetric('itl_ms_p50', 20, { window: 'run' }),
  },
  placement: null,
  ...change,
})
const E = 'energy_per_output_token_j'
const compare = (a: BoardRow[], b: BoardRow[]) =>
  compareBoards({ label: 'A', rows: a }, { label: 'B', rows: b }, new Set(['gpu_model']))

describe('comparing two boards', () => {
  it('pairs rows that agree in all else, and counts the others', () => {
    const found = compare(
      [row('H100', 2), row('H100', 4, { batch_limit: 16 }), row('H100', 1, { model: 'only-a' })],
      [row('B200', 1), row('B200', 4, { batch_limit: 16 })],
    )
    boardComparisonSchema.parse(found)
    expect(found).toMatchObject({
      pairs: 2,
      a: { rows: 3, configurations: 3, unmatched: 1 },
      b: { rows: 2, configurations: 2, unmatched: 0 },
    })
    expect(found.matched_on).not.toContain('gpu_model')
    // Ratios 0.5 and 1: geometric mean √0.5.
    expect(found.metrics[E]).toMatchObject({ pairs: 2, a_better: 0, b_better: 1, within_noise: 0 })
    expect(found.metrics[E]?.ratio.geometric_mean).toBeCloseTo(Math.SQRT1_2, 12)
    expect(found.metrics[E]?.ratio).toMatchObject({ min: 0.5, p50: 0.75, max: 1 })
  })

  it('takes replicates by their mean, and as noise where they overlap', () => {
    const found = compare([row('H100', 1), row('H100', 3)], [row('B200', 2.5)])
    expect(found.metrics[E]?.rows).toMatchObject([
      { a: 2, b: 2.5, n_a: 2, n_b: 1, within_noise: true },
    ])
    expect(found.metrics[E]).toMatchObject({ a_better: 0, b_better: 0, within_noise: 1 })
    const apart = compare([row('H100', 1), row('H100', 2)], [row('B200', 2.5)])
    expect(apart.metrics[E]).toMatchObject({ a_better: 1, within_noise: 0 })
  })

  it('leaves out what is not valid, not there, or counted over another window', () => {
    expect(compare([row('H100', 1, { valid: false })], [row('B200', 1)])).toMatchObject({
      pairs: 0,
      a: { invalid: 1 },
      metrics: {},
    })
    expect(Object.keys(compare([row('H100', null)], [row('B200', 1)]).metrics)).toEqual([
      'itl_ms_p50',
    ])
    const other = compare([row('H100', 1, {}, 'run')], [row('B200', 1)])
    expect(other.metrics[E]).toBeUndefined()
  })

  it('is its own mirror', () => {
    const a = [row('H100', 2), row('H100', 3, { batch_limit: 16 })]
    const b = [row('B200', 1), row('B200', 6, { batch_limit: 16 })]
    const [one, two] = [compare(a, b).metrics[E], compare(b, a).metrics[E]]
    expect([one?.a_better, one?.b_better]).toEqual([two?.b_better, two?.a_better])
    expect((one?.ratio.geometric_mean ?? 0) * (two?.ratio.geometric_mean ?? 0)).toBeCloseTo(1, 12)
  })
})

it('the chart of a board is drawn without a warning', async () => {
  const rows = [
    row('H100', 2),
    row('B200', 1, { source: 'local' }),
    row('B200', null),
    row('B200', 3, { valid: false }),
  ]
  const spec = boardSpec(rows, 'itl_ms_p50', E)
  const warnings: string[] = []
  const svg = await drawSvg(spec, 'board', (w) => warnings.push(w))
  expect(warnings).toEqual([])
  expect(svg).toContain('energy per output token, J/token')
  expect((spec as unknown as { datasets: { board: unknown[] } }).datasets.board).toHaveLength(3)
})
