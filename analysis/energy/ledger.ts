import { scaled, withRange } from '../estimators/uncertainty.ts'
import { metricOf, noMetric } from '../metric-value.ts'
import type { RunData } from '../readings/run-data.ts'
import type { TokenCounts } from '../requests/tokens.ts'
import type { Reason } from '../schema/reason.ts'
import type { PhaseName } from '../schema/run.ts'
import type { MetricValue } from '../schema/summary.ts'
import type { DeviceEnergy } from './device-energy.ts'
import { type Amount, recordedEnergy, recordedOf, type Span } from './recorded-energy.ts'

/** Lines of the ledger that are a phase's whole energy. */
const PHASE_LINES: readonly (readonly [string, PhaseName])[] = [
  ['energy_baseline_j', 'baseline'],
  ['energy_load_j', 'load'],
  ['energy_idle_j', 'idle'],
  ['energy_warmup_j', 'warmup'],
  ['energy_drain_j', 'drain'],
  ['energy_cooldown_j', 'cooldown'],
]
const MEASURE_LINES = ['energy_static_j', 'energy_succeeded_j', 'energy_failed_j'] as const

/**
 * Where the compute energy of the whole recorded span went, by phase; phase measure by static power and by tokens of
 * succeeded and failed requests. What no line claims is `energy_unattributed_j`, so the lines always add up to
 * `energy_recorded_j`.
 * @param parts the devices that the engine computes on  @param idle_w their idle power with the model loaded
 * @param tokens of phase measure
 * Source: docs/metrics.md, "Energy", ledger.
 */
export function ledger(
  run: RunData,
  parts: readonly DeviceEnergy[],
  missing: Reason | null,
  idle: { readonly watts: number | null; readonly reason: Reason | null },
  tokens: TokenCounts,
): Record<string, MetricValue> {
  const all = recordedOf(run, parts)
  const amount = (spans: readonly Span[]): Amount => recordedEnergy(all, spans)
  const provenance = [...new Set(all.recordings.map((r) => r.source.source))].join('+')
  const value = (a: Amount): MetricValue =>
    a.joules === null
      ? noMetric('J', a.reason)
      : withRange({ value: a.joules, unit: 'J', parts: a.parts, provenance })
  const recorded: Amount =
    all.span === null
      ? { joules: null, reason: missing ?? (parts.length === 0 ? 'no_device' : 'uncovered') }
      : amount([all.span])
  const phase = (name: PhaseName): Amount => {
    const spans = run.phases.filter((p) => p.phase === name)
    return spans.length === 0 ? { joules: null, reason: 'not_recorded' } : amount(spans)
  }
  const measure = phase('measure')
  const lines: [string, Amount][] = [
    ...PHASE_LINES.map(([id, name]): [string, Amount] => [id, phase(name)]),
    ...measureLines(measure, idle, tokens),
  ]
  const claimed = lines.reduce((sum, [, a]) => sum + (a.joules ?? 0), 0)
  const failed = lines.find(([id]) => id === 'energy_failed_j')?.[1]
  return {
    energy_recorded_j: value(recorded),
    ...Object.fromEntries(lines.map(([id, a]) => [id, value(a)])),
    energy_unattributed_j:
      recorded.joules === null
        ? noMetric('J', recorded.reason)
        : metricOf('J', recorded.joules - claimed),
    energy_wasted_pct: wasted(failed, measure),
  }
}

/** Static power first; the rest by output tokens of requests that succeeded and of those that failed. */
function measureLines(
  measure: Amount,
  idle: { readonly watts: number | null; readonly reason: Reason | null },
  tokens: TokenCounts,
): [string, Amount][] {
  const all = (reason: Reason): [string, Amount][] =>
    MEASURE_LINES.map((id) => [id, { joules: null, reason }])
  if (measure.joules === null) return all(measure.reason)
  if (idle.watts === null) return all(idle.reason ?? 'not_recorded')
  const { joules, seconds, parts } = measure
  const fixed = idle.watts * seconds
  const line = (part_j: number, share: number): Amount => ({
    joules: part_j,
    seconds,
    parts: scaled(parts, share),
    reason: null,
  })
  const useful = usefulShare(tokens)
  const rest = (share: number | null): Amount =>
    share === null
      ? { joules: null, reason: tokens.reason ?? 'no_output_tokens' }
      : line((joules - fixed) * share, share)
  return [
    ['energy_static_j', line(fixed, joules === 0 ? 0 : fixed / joules)],
    ['energy_succeeded_j', rest(useful)],
    ['energy_failed_j', rest(useful === null ? null : 1 - useful)],
  ]
}

/** Of output tokens; where no request succeeded, nothing was useful, tokens or not. */
function usefulShare({ output, useful_output, completed, failed }: TokenCounts): number | null {
  if (output !== null && output > 0 && useful_output !== null) return useful_output / output
  return completed === 0 && failed > 0 ? 0 : null
}

function wasted(failed: Amount | undefined, measure: Amount): MetricValue {
  if (failed === undefined || failed.joules === null)
    return noMetric('%', failed?.reason ?? 'not_recorded')
  if (measure.joules === null || measure.joules === 0) return noMetric('%', 'zero_denominator')
  return metricOf('%', (failed.joules / measure.joules) * 100)
}
