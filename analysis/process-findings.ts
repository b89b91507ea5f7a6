import type { RunData, RunProcess } from './run-data.ts'
import type { Finding } from './schema/finding.ts'
import { NS_PER_S } from './schema/units.ts'

/**
 * Whether the processes of a run may be summed: ranks complete and unique, and running at the same time
 * (the common span at least half the shortest one, by the processes' clock anchors).
 * Source: docs/metrics.md, "Late aggregation".
 */
export function processFindings(run: RunData): Finding[] {
  return [...ranks(run.processes), ...overlap(run.processes)]
}

function ranks(processes: readonly RunProcess[]): Finding[] {
  const ranked = processes.filter((p) => p.rank !== null && p.world_size !== null)
  const world = Math.max(0, ...ranked.map((p) => p.world_size as number))
  const seen = ranked.map((p) => p.rank as number)
  const missing = Array.from({ length: world }, (_, i) => i).filter((r) => !seen.includes(r))
  const repeated = [...new Set(seen.filter((r, i) => seen.indexOf(r) !== i))]
  const unlike = new Set(ranked.map((p) => p.world_size)).size > 1
  if (missing.length === 0 && repeated.length === 0 && !unlike) return []
  const faults = [
    missing.length > 0 ? `ranks ${missing.join(', ')} of ${world} are missing` : '',
    repeated.length > 0 ? `ranks ${repeated.join(', ')} occur more than once` : '',
    unlike ? 'the processes disagree on the world size' : '',
  ].filter((f) => f !== '')
  return [
    {
      code: 'ranks_incomplete',
      severity: 'invalid',
      message: `The run's processes are not whole: ${faults.join('; ')}. Sums over them would be wrong; import every rank's record once.`,
      evidence: { world_size: world, missing, repeated },
    },
  ]
}

function overlap(processes: readonly RunProcess[]): Finding[] {
  const spans = processes
    .filter((p) => p.rank !== null && p.clock.length >= 2)
    .map((p) => {
      const times = p.clock.map((c) => c.t_ns)
      return { start: Math.min(...times), end: Math.max(...times) }
    })
  if (spans.length < 2) return []
  const common = Math.min(...spans.map((s) => s.end)) - Math.max(...spans.map((s) => s.start))
  const shortest = Math.min(...spans.map((s) => s.end - s.start))
  if (common >= shortest / 2) return []
  return [
    {
      code: 'no_temporal_overlap',
      severity: 'invalid',
      message: `The processes ran together for ${Math.max(0, common / NS_PER_S).toFixed(1)} s of the shortest one's ${(shortest / NS_PER_S).toFixed(1)} s, so their sums describe no moment. Check that they are of one run.`,
      evidence: { common_s: common / NS_PER_S, shortest_s: shortest / NS_PER_S },
    },
  ]
}
