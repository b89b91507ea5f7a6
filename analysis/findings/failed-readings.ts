import { missingSensors } from '../energy/missing-reason.ts'
import { meaningOf } from '../estimators/energy-metric.ts'
import { firstAbove, firstAtLeast } from '../estimators/power-curve.ts'
import type { RunData } from '../readings/run-data.ts'
import { type Series, seriesOf } from '../readings/sample-table.ts'
import type { Finding } from '../schema/finding.ts'
import { METER_SOURCES } from '../schema/meter.ts'
import { ownValue } from '../schema/own.ts'
import { REASONS } from '../schema/reason.ts'
import type { Window } from '../window.ts'

/**
 * Sources that are here and were refused when the run began, or read what can't be (a counter at zero or at its maximum), and
 * meters that were named and gave no reading: each with its remedy. Source: docs/metrics.md, "Validity", readings_failed.
 */
export function refusedSources(run: RunData): Finding[] {
  return missingSensors(run)
    .filter(
      ({ source, reason }) =>
        reason === 'permission_denied' ||
        reason === 'implausible' ||
        (METERS.includes(source) && reason !== 'no_device'),
    )
    .map(({ source, reason, fix }) => ({
      code: 'readings_failed',
      severity: 'info',
      message: fix,
      evidence: { source, reason },
    }))
}
const METERS: readonly string[] = METER_SOURCES

interface Failed {
  readonly metric: string
  readonly reason: string
  readonly failed: number
  readonly of: number
}

/**
 * Readings that failed within the window, of sources that answer at other times: of each device one finding. Where a device
 * was lost for a while, what it drew meanwhile is bridged and in no range.
 * Source: docs/metrics.md, "Validity", readings_failed.
 */
export function failedReadings(
  run: RunData,
  device_ids: readonly string[],
  window: Window,
): Finding[] {
  return device_ids.flatMap((device_id): Finding[] => {
    const failed = seriesOf(run.samples)
      .filter((s) => s.device_id === device_id)
      .flatMap((s) => failedWithin(s, window))
    if (failed.length === 0) return []
    const unknown = failed.some((f) => f.reason === 'lost' && meaningOf(f.metric) !== undefined)
    return [
      {
        code: 'readings_failed',
        severity: unknown ? 'caution' : 'info',
        message: `Readings of ${device_id} failed within the window: ${inWords(failed).join('; ')}.${unknown ? ' What it drew meanwhile is not known: the hole is bridged by a straight line.' : ''}`,
        evidence: { device_id, failed },
      },
    ]
  })
}

function failedWithin({ metric, t_ns, value, failure }: Series, window: Window): Failed[] {
  // A counter is read at the edges of phases, so its readings of a window may lie around it.
  const around = meaningOf(metric)?.method === 'counter' ? 1 : 0
  const within = value.subarray(
    Math.max(firstAtLeast(t_ns, window.start_ns) - around, 0),
    firstAbove(t_ns, window.end_ns) + around,
  )
  const failed = within.reduce((n, v) => n + (Number.isNaN(v) ? 1 : 0), 0)
  // What never answers was told when the run began, and is no fault of the window.
  if (failed === 0 || !value.some(Number.isFinite)) return []
  return [{ metric, reason: failure ?? 'not_recorded', failed, of: within.length }]
}

/** A line a reason: the first metric by name, the others counted, and how often the one that failed most. */
function inWords(failed: readonly Failed[]): string[] {
  const reasons = [...new Set(failed.map((f) => f.reason))]
  return reasons.map((reason) => {
    const own = failed.filter((f) => f.reason === reason)
    const most = own.reduce((a, b) => (b.failed > a.failed ? b : a))
    const others = own.length - 1
    const more = others === 0 ? '' : ` and of ${others} other metric${others === 1 ? '' : 's'}`
    return `${most.failed} of ${most.of} of ${most.metric}${more} (${ownValue(REASONS, reason) ?? reason})`
  })
}
