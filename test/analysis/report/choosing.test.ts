import { describe, expect, it } from 'vitest'
import { frontierOf } from '../../../analysis/choosing/frontier.ts'
import type { Direction } from '../../../analysis/choosing/objective.ts'
import { recommend } from '../../../analysis/choosing/recommend.ts'
import { drawnPoints, frontierRows, frontierSpec } from '../../../analysis/report/frontier.ts'
import { recommendationRows, recommendationSpec } from '../../../analysis/report/recommendation.ts'
import { PAGE } from '../../../analysis/report/theme.ts'
import { drawSvg } from '../../../server/web/svg.ts'
import { candidate } from '../choosing/candidate-of.ts'

const rows = [
  candidate('a', 2, 30, { half: 0.1 }),
  candidate('b', 1.5, 45, { half: 0.1 }),
  candidate('c', 1.55, 50, { half: 0.1 }),
  candidate('d', 2.5, 60, { half: 0.1 }),
]
const frontier = (candidates = rows, x: Direction = 'min') =>
  frontierOf(candidates, {
    objectives: [
      { metric: 'itl_ms_p50', direction: x },
      { metric: 'energy_per_output_token_j', direction: 'min' },
    ],
    bounds: [],
    group_by: [],
    rule: 'textbook',
    pricing: null,
    quality_dataset: null,
    resamples: 200,
    seed: 1,
  })
const bounds = [{ metric: 'itl_ms_p50', bound: 'max', limit: 50 } as const]
const recommendation = (limit = 50, candidates = rows) =>
  recommend(candidates, {
    minimize: 'energy_per_output_token_j',
    latency: 'itl_ms_p50',
    bounds: [{ metric: 'itl_ms_p50', bound: 'max', limit }],
    baseline: 'fastest_feasible',
    current: null,
    no_current: null,
    group_by: [],
    hardware: null,
    pricing: null,
    quality_dataset: null,
    resamples: 20,
    seed: 1,
  })

async function warningsOf(spec: Parameters<typeof drawSvg>[0]): Promise<string[]> {
  const warnings: string[] = []
  const svg = await drawSvg(spec, 'c', (w) => warnings.push(w))
  expect(svg).not.toContain('NaN')
  return warnings
}

describe('the chart of a frontier', () => {
  it('has a corner of its steps at each point of the frontier, and tells who is on it for certain', () => {
    const { points, steps } = frontierRows(frontier())
    expect(steps).toEqual([
      { x: 30, y: 2, group: 0 },
      { x: 45, y: 1.5, group: 0 },
    ])
    expect(points.map((p) => [p.id, p.certainty])).toEqual([
      ['a', 'on the frontier'],
      ['b', 'on the frontier'],
      ['c', 'perhaps on it'],
      ['d', 'not on it'],
    ])
  })

  it('steps towards the side where a limit holds', () => {
    const interpolate = (x: Direction) =>
      (frontierSpec(frontier(rows, x)) as unknown as { layer: { mark: { interpolate: string } }[] })
        .layer[0]?.mark.interpolate
    // A longer time allows what a shorter one did; a smaller minimum allows what a greater one did.
    expect([interpolate('min'), interpolate('max')]).toEqual(['step-after', 'step-before'])
  })

  it('draws all that may lie on it, and every k-th of the rest', () => {
    const many = [
      ...rows,
      ...Array.from({ length: 100 }, (_, i) => candidate(`z${i}`, 5, 100 + i, { half: 0.1 })),
    ]
    const drawn = drawnPoints(frontier(many).points, 23)
    expect(drawn).toHaveLength(23)
    expect(drawn.slice(0, 3).map((p) => p.id)).toEqual(['a', 'b', 'c'])
  })

  it('is drawn without a warning, on paper and on a page, of nothing too', async () => {
    expect(await warningsOf(frontierSpec(frontier()))).toEqual([])
    expect(await warningsOf(frontierSpec(frontier(), { width: 320, palette: PAGE }))).toEqual([])
    expect(await warningsOf(frontierSpec(frontier([])))).toEqual([])
  })
})

describe('the chart of a recommendation', () => {
  it('marks the recommended and the baseline, once where they are one, or the nearest', () => {
    expect(recommendationRows(recommendation(), bounds)).toEqual({
      choices: [
        { role: 'recommended', x: 45, y: 1.5 },
        { role: 'baseline', x: 30, y: 2 },
      ],
      limits_x: [{ limit: 50 }],
      limits_y: [],
    })
    expect(recommendationRows(recommendation(30), []).choices).toEqual([
      { role: 'recommended, and the baseline', x: 30, y: 2 },
    ])
    expect(recommendationRows(recommendation(10), []).choices).toEqual([
      { role: 'nearest', x: 30, y: 2 },
    ])
  })

  it('is drawn without a warning, of nothing too', async () => {
    const spec = recommendationSpec(frontier(), recommendation(), bounds)
    expect(await warningsOf(spec)).toEqual([])
    const none = recommendationSpec(frontier([]), recommendation(50, []), bounds)
    expect(await warningsOf(none)).toEqual([])
  })
})
