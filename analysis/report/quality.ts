import type { Ratings } from '../schema/quality.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

const WORDS = ['on the frontier', 'perhaps on it', 'not on it'] as const
/** From this share of resamples on a point is on the frontier for certain; from the other on, perhaps. */
const CERTAIN = 0.95
const POSSIBLE = 0.05

/** Rows of the chart: entrants that have both a rating and joules. */
export function qualityRows({ entrants }: Ratings) {
  return entrants.flatMap(({ entrant, rating, energy_per_answer_j: energy, ...rest }) => {
    if (rating.value === null || energy.value === null) return []
    const share = rest.frontier_share ?? 0
    return [
      {
        entrant,
        energy_j: energy.value,
        energy_low_j: energy.low,
        energy_high_j: energy.high,
        rating: rating.value,
        rating_low: rating.low,
        rating_high: rating.high,
        win_pct: rest.win_pct,
        votes: rest.votes,
        frontier: rest.frontier,
        certainty: WORDS[share >= CERTAIN ? 0 : share >= POSSIBLE ? 1 : 2],
      },
    ]
  })
}

/** Rating against joules of an answer, both with their ranges; up and to the left is better. */
export function qualitySpec(ratings: Ratings, drawing: Drawing = WIDE): VegaLiteSpec {
  const entrants = qualityRows(ratings)
  const x = {
    field: 'energy_j',
    type: 'quantitative' as const,
    title: 'energy per answer, J',
    scale: { zero: false },
  }
  const y = {
    field: 'rating',
    type: 'quantitative' as const,
    title: 'rating, log odds against the average',
    scale: { zero: false },
  }
  const rule = { type: 'rule' as const, opacity: 0.4 }
  return {
    ...common(drawing, { entrants }),
    width: drawing.width,
    height: 320,
    layer: [
      {
        data: { name: 'entrants' },
        transform: [{ filter: 'datum.frontier' }],
        mark: { type: 'line', interpolate: 'step-after', style: 'frontier' },
        encoding: { x, y },
      },
      {
        data: { name: 'entrants' },
        mark: rule,
        encoding: { x, y: { ...y, field: 'rating_low' }, y2: { field: 'rating_high' } },
      },
      {
        data: { name: 'entrants' },
        transform: [{ filter: 'datum.energy_low_j !== null && datum.energy_high_j !== null' }],
        mark: rule,
        encoding: { x: { ...x, field: 'energy_low_j' }, x2: { field: 'energy_high_j' }, y },
      },
      {
        data: { name: 'entrants' },
        mark: {
          type: 'point',
          size: 60,
          filled: true,
          opacity: 0.95,
          tooltip: { content: 'data' },
        },
        encoding: {
          x,
          y,
          color: { field: 'certainty', type: 'nominal', scale: { domain: [...WORDS] } },
          shape: {
            field: 'certainty',
            type: 'nominal',
            scale: { domain: [...WORDS], range: ['circle', 'diamond', 'cross'] },
          },
        },
      },
      {
        data: { name: 'entrants' },
        mark: { type: 'text', style: 'label', align: 'left', dx: 8, dy: -8, limit: 220 },
        encoding: { x, y, text: { field: 'entrant', type: 'nominal' } },
      },
    ],
  }
}
