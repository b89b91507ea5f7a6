import type { RunData, RunProcess } from '../readings/run-data.ts'
import { usedDeviceIds } from '../readings/used-devices.ts'
import type { Finding } from '../schema/finding.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { phaseWindow, windowSeconds } from '../window.ts'

/**
 * Whether the processes of a run may be summed: ranks complete and unique, running at the same time
 * (the common span at least half the shortest one, by the processes' clock anchors), and not each claiming the
 * energy of the same devices.
 * Source: docs/metrics.md, "Late aggregation".
 */
export function processFindings(run: RunData): Finding[] {
  return [...ranks(run.processes), ...overlap(run.processes), ...doubleCount(run)]
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

/**
 * Joules that processes claim, each for itself: alike where they may mean one device, or more than all the devices can
 * draw, they are one energy told several times.
 */
function doubleCount(run: RunData): Finding[] {
  const claims = run.processes.flatMap((p) =>
    p.claimed_energy_j === null ? [] : [{ ...p, energy_j: p.claimed_energy_j }],
  )
  const alike = claims.flatMap((a, i) =>
    claims.slice(i + 1).filter((b) => mayShare(a, b) && nearly(a.energy_j, b.energy_j)),
  )
  const sum_j = claims.reduce((sum, c) => sum + c.energy_j, 0)
  const most_j = ratedJoules(run, claims)
  const excess = most_j !== null && sum_j > THRESHOLDS.double_count_tdp * most_j
  if (claims.length < 2 || (alike.length === 0 && !excess)) return []
  const why = excess
    ? `together ${sum_j.toPrecision(4)} J, more than their devices can draw (${most_j.toPrecision(4)} J at rated power)`
    : `the same within ${THRESHOLDS.double_count_share * 100} % for devices that may be the same`
  return [
    {
      code: 'double_count_suspected',
      severity: 'invalid',
      message: `${claims.length} processes claim joules each for itself, ${why}; a sum over them would count one energy several times. Import what each device drew instead.`,
      evidence: {
        claims: Object.fromEntries(claims.map((c) => [c.process_id, c.energy_j])),
        sum_j,
        rated_j: most_j,
      },
    },
  ]
}

/** Devices that a process does not name may be anyone's. */
const mayShare = (a: RunProcess, b: RunProcess): boolean =>
  a.device_ids.length === 0 ||
  b.device_ids.length === 0 ||
  a.device_ids.some((id) => b.device_ids.includes(id))

const nearly = (a: number, b: number): boolean =>
  Math.abs(a - b) <= THRESHOLDS.double_count_share * Math.max(a, b) && Math.max(a, b) > 0

/** What all the devices can draw in phase measure; null where one is not rated or the phase has no mark. */
function ratedJoules(run: RunData, claims: readonly RunProcess[]): number | null {
  const window = phaseWindow(run, 'measure')
  const named = new Set(claims.flatMap((c) => c.device_ids))
  const ids = named.size > 0 ? named : usedDeviceIds(run)
  const rated = [...ids].map((id) => run.devices.find((d) => d.device_id === id)?.tdp_w ?? null)
  if (window === null || rated.length === 0 || rated.includes(null)) return null
  return windowSeconds(window) * rated.reduce<number>((sum, w) => sum + (w ?? 0), 0)
}
