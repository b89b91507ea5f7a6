import type { Choice, Pareto, Recommendation } from '../schema/choosing.ts'
import { frontierSpec } from './frontier.ts'
import type { Drawing, VegaLiteSpec } from './spec.ts'
import { WIDE } from './spec.ts'

/** What is marked in the chart of a recommendation, each once, and the limits on latency and on what is minimised. */
export function recommendationRows(
  { recommended, baseline, nearest, minimize, latency }: Recommendation,
  bounds: readonly { readonly metric: string; readonly limit: number }[],
) {
  const row = (role: string, c: Choice | null) =>
    c === null || c.latency === null ? [] : [{ role, x: c.latency, y: c.value }]
  return {
    choices: [
      ...row(
        recommended !== null && recommended.id === baseline?.id
          ? 'recommended, and the baseline'
          : 'recommended',
        recommended,
      ),
      ...(recommended?.id === baseline?.id ? [] : row('baseline', baseline)),
      ...row('nearest', nearest),
    ],
    limits_x: bounds.filter((b) => b.metric === latency).map(({ limit }) => ({ limit })),
    limits_y: bounds.filter((b) => b.metric === minimize).map(({ limit }) => ({ limit })),
  }
}

/**
 * A recommendation among all candidates: their frontier of latency and of what is minimised as steps, the limits as
 * lines, the recommended and the baseline named.
 * @param all the candidates, limits not applied: `x` is the latency, `y` what is minimised
 */
export function recommendationSpec(
  all: Pareto,
  recommendation: Recommendation,
  bounds: readonly { readonly metric: string; readonly limit: number }[],
  drawing: Drawing = WIDE,
): VegaLiteSpec {
  const base = frontierSpec(all, drawing) as VegaLiteSpec & { datasets: object; layer: object[] }
  const rows = recommendationRows(recommendation, bounds)
  const x = { field: 'x', type: 'quantitative' }
  const y = { field: 'y', type: 'quantitative' }
  return {
    ...base,
    datasets: { ...base.datasets, ...rows },
    layer: [
      ...base.layer,
      {
        data: { name: 'limits_x' },
        mark: { type: 'rule', style: 'boundary', clip: true },
        encoding: { x: { ...x, field: 'limit' } },
      },
      {
        data: { name: 'limits_y' },
        mark: { type: 'rule', style: 'boundary', clip: true },
        encoding: { y: { ...y, field: 'limit' } },
      },
      {
        data: { name: 'choices' },
        mark: { type: 'point', size: 160, strokeWidth: 1.6, filled: false, style: 'mark' },
        encoding: { x, y },
      },
      {
        data: { name: 'choices' },
        mark: { type: 'text', style: 'label', align: 'left', dx: 9, dy: -9 },
        encoding: { x, y, text: { field: 'role', type: 'nominal' } },
      },
    ],
  } as unknown as VegaLiteSpec
}
