import type { ScopedEnergy } from '../energy/scoped-energy.ts'
import type { RunData, RunProcess } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import { NS_PER_MS } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'

/**
 * Whether the processes of a run mean the same instant by the same time: wall less run clock must agree between their
 * anchors, as far as these are sure. Apart by over one refresh of the energy's source, their tokens and joules can't
 * be joined: invalid where both recorded requests or readings, else told.
 * Source: docs/metrics.md, "Late aggregation".
 */
export function clockOffsetFindings(run: RunData, compute: ScopedEnergy): Finding[] {
  const periods = compute.parts
    .flatMap((p) => p.chosen?.origin.period_ns ?? [])
    .filter((n) => n > 0)
  const known = run.processes.filter((p) => p.clock.length > 0)
  if (periods.length === 0 || known.length < 2) return []
  const limit_ns = THRESHOLDS.clock_offset_refreshes * Math.min(...periods)
  const pairs = known.flatMap((a, i) =>
    known.slice(i + 1).map((b) => ({ a, b, offset_ns: leastOffset(a, b) })),
  )
  const apart = pairs.filter((p) => p.offset_ns > limit_ns)
  const joined = apart.filter(({ a, b }) => records(run, a) && records(run, b))
  const [worst] = (joined.length > 0 ? joined : apart).sort((x, y) => y.offset_ns - x.offset_ns)
  if (worst === undefined) return []
  const [offset_ms, limit_ms] = [worst.offset_ns / NS_PER_MS, limit_ns / NS_PER_MS]
  return [
    {
      code: 'clock_offset_large',
      severity: joined.length > 0 ? 'invalid' : 'info',
      message: `The clocks of processes ${worst.a.process_id} and ${worst.b.process_id} are ${offset_ms.toPrecision(3)} ms apart or more, over one refresh of the energy's source (${limit_ms.toPrecision(3)} ms), so what they recorded does not join. Record their times on one clock, or put them on one before the import.`,
      evidence: {
        processes: [worst.a.process_id, worst.b.process_id],
        offset_ms,
        limit_ms,
      },
    },
  ]
}

/** Wall less run clock of two processes: the least difference of any two of their anchors, less what these err by. */
function leastOffset(a: RunProcess, b: RunProcess): number {
  const each = a.clock.flatMap((x) =>
    b.clock.map((y) => {
      const wall_ns = Number(x.wall_unix_ns - y.wall_unix_ns)
      return Math.abs(wall_ns - (x.t_ns - y.t_ns)) - (x.error_ns ?? 0) - (y.error_ns ?? 0)
    }),
  )
  return Math.max(0, Math.min(...each))
}

const records = (run: RunData, { process_id }: RunProcess): boolean =>
  (['sample', 'request'] as const).some((s) => run.recorders?.[s]?.includes(process_id))
