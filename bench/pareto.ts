/**
 * The frontier of a million points in two objectives, against a plain sort of the same points; and who lies on the
 * frontier of two thousand uncertain points, by a thousand resamples, against as many plain sorts.
 *
 * Run: npx tsx bench/pareto.ts
 */
import type { Candidate, CandidateMetric } from '../analysis/choosing/candidate.ts'
import { frontierMembership } from '../analysis/choosing/frontier-membership.ts'
import { onFrontier } from '../analysis/choosing/pareto.ts'
import type { Unit } from '../analysis/schema/units.ts'
import { seededNormal } from '../analysis/stats/normal-draw.ts'
import { seededRandom } from '../analysis/stats/random.ts'
import { median, printTable } from './table.ts'

const POINTS = 1_000_000
const CANDIDATES = 2_000
const RESAMPLES = 1_000
const ROUNDS = 5

/** Where points lie: anywhere, or all on the frontier, which is the worst for methods that throw away early. */
const CLOUDS: Record<string, (u: number, v: number) => [number, number]> = {
  'anywhere in a square': (u, v) => [u, v],
  'all on the frontier': (u) => [u, 1 - u],
  'a thousand distinct values an axis': (u, v) => [Math.floor(1000 * u), Math.floor(1000 * v)],
}

const rows: string[][] = []
for (const [name, place] of Object.entries(CLOUDS)) {
  const random = seededRandom(1)
  const points = Array.from({ length: POINTS }, () => place(random(), random()))
  const costs = [0, 1].map((k) => Float64Array.from(points, (p) => p[k] as number))
  const ours: number[] = []
  const sorts: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(seconds(() => onFrontier(costs)))
    const copy = [...points]
    sorts.push(seconds(() => copy.sort((a, b) => a[0] - b[0] || a[1] - b[1])))
  }
  rows.push([
    `frontier of ${POINTS / 1e6} M points, ${name}`,
    median(ours).toFixed(3),
    median(sorts).toFixed(3),
    (median(ours) / median(sorts)).toFixed(2),
  ])
}

const normal = seededNormal(1)
const metric = (value: number, unit: Unit): CandidateMetric => ({
  value,
  unit,
  low: 0.9 * value,
  high: 1.1 * value,
  repeat_low: 0.98 * value,
  repeat_high: 1.02 * value,
  reason: null,
  scope: null,
})
const candidates = Array.from({ length: CANDIDATES }, (_, i): Candidate => {
  const batch = i / CANDIDATES
  const fields = { name: null, experiment_key: null, task: null, model: null, engine: null }
  const more = { gpu_model: null, num_gpus: 1, precision: null, batch_limit: null }
  return {
    ...fields,
    ...more,
    tensor_parallel: null,
    id: String(i).padStart(5, '0'),
    kind: 'run',
    source: 'local',
    member_ids: [],
    work: '',
    devices: [`GPU-${i % 8}`],
    cautions: [],
    values: new Map(),
    metrics: {
      itl_ms_p50: metric((10 + 90 * batch) * (1 + 0.1 * Math.abs(normal())), 'ms'),
      energy_per_output_token_j: metric(
        (1 / (0.1 + batch)) * (1 + 0.1 * Math.abs(normal())),
        'J/token',
      ),
    },
  }
})
const objectives = ['itl_ms_p50', 'energy_per_output_token_j'].map((m) => ({
  metric: m,
  direction: 'min' as const,
}))
const pairs = candidates.map((c) => objectives.map((o) => c.metrics[o.metric]?.value as number))
const ours: number[] = []
const sorts: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  ours.push(
    seconds(() =>
      frontierMembership(candidates, objectives, 'textbook', { resamples: RESAMPLES, seed: 1 }),
    ),
  )
  sorts.push(
    seconds(() => {
      for (let r = 0; r < RESAMPLES; r++)
        [...pairs].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d)
    }),
  )
}
rows.push([
  `membership of ${CANDIDATES} points, ${RESAMPLES} resamples, with area and knee`,
  median(ours).toFixed(3),
  median(sorts).toFixed(3),
  (median(ours) / median(sorts)).toFixed(2),
])
console.log(`median of ${ROUNDS}\n`)
printTable(['what', 'seconds', 'plain sort of the points, s', 'ratio'], rows)

function seconds(work: () => void): number {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}
