import { curveOf } from '../estimators/energy-curve.ts'
import { type EnergyEstimate, estimate, resolves } from '../estimators/energy-estimate.ts'
import { type EnergySource, energySources } from '../estimators/energy-source.ts'
import type { PowerCurve } from '../estimators/power-curve.ts'
import { choiceRank, ownScopes } from '../estimators/source-choice.ts'
import { splicedSource } from '../estimators/spliced-source.ts'
import { clockError } from '../readings/clock-error.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import type { Reason } from '../schema/reason.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'
import { burstEstimate } from './energy-burst.ts'
import type { EnergyFacts } from './energy-facts.ts'
import { energyFindings } from './energy-findings.ts'

/** Energy of one device and scope over one window, with what is wrong with it. */
export interface DeviceEnergy extends EnergyFacts {
  readonly findings: readonly Finding[]
}

/**
 * Energy of one device over a window, by the best of its sources: the burst form where there is idle around, else the
 * ring, else a counter that brackets the window and holds 100 of its refreshes, else polls, else an estimate; only
 * among sources of equal scope, and the next where one can't tell.
 * @param scope null: the device's own (a GPU's board, a package without its memory)
 * Source: docs/metrics.md, "Energy", choice and identity.
 */
export function deviceEnergy(
  run: RunData,
  device_id: string,
  window: Window,
  scope: string | null = null,
): DeviceEnergy {
  const all = energySources(run, device_id)
  const kind = run.devices.find((d) => d.device_id === device_id)?.kind ?? ''
  const scopes =
    scope !== null
      ? [scope]
      : ownScopes(
          kind,
          all.map((s) => s.scope),
        )
  let first: DeviceEnergy | null = null
  for (const own of scopes) {
    const found = scopeEnergy(
      run,
      device_id,
      window,
      own,
      all.filter((s) => s.scope === own),
    )
    if (found.energy_j !== null) return found
    first ??= found
  }
  return first ?? scopeEnergy(run, device_id, window, null, [])
}

function scopeEnergy(
  run: RunData,
  device_id: string,
  window: Window,
  scope: string | null,
  sources: readonly EnergySource[],
): DeviceEnergy {
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  const estimates = estimatesOf(run, sources, window)
  const usable = estimates.filter((e) => e.energy_j !== null && resolves(e, window))
  const chosen = usable[0] ?? null
  const reason = chosen === null ? whyNone(estimates) : null
  const shown = chosen ?? estimates[0] ?? null
  const energy: EnergyFacts = {
    device_id,
    scope,
    window,
    seconds,
    energy_j: chosen?.energy_j ?? null,
    reason,
    source: chosen?.source ?? null,
    method: chosen?.method ?? null,
    measured: chosen?.measured ?? false,
    power_mean_w: chosen?.energy_j == null ? null : chosen.energy_j / seconds,
    covered_s: shown?.covered_s ?? 0,
    bridged_s: shown?.bridged_s ?? 0,
    samples: shown?.samples ?? 0,
    components: chosen?.components ?? [],
    chosen,
    estimates,
  }
  return { ...energy, findings: energyFindings(energy) }
}

/** Sources in the order of choice, and of equal ones the surer: the smaller error, then the younger readings. */
const surer = (a: EnergySource, b: EnergySource): number =>
  choiceRank(a) - choiceRank(b) || a.gain_rel - b.gain_rel || a.lag_ns - b.lag_ns

/** All estimates in the order of choice. */
function estimatesOf(
  run: RunData,
  sources: readonly EnergySource[],
  window: Window,
): EnergyEstimate[] {
  const clock_error_ns = clockError(run)
  const ordered = [...sources].sort(surer)
  const by = (source: EnergySource, power: PowerCurve | null = null) =>
    estimate(source, window, clock_error_ns, power)
  const counters = ordered.filter((s) => s.method === 'counter')
  const powers = ordered.filter((s) => s.method !== 'counter').map((s) => by(s))
  const spliced = spliceOf(ordered, powers)
  const powered = spliced ?? ordered.find((s) => s.method === 'ring' || s.method === 'poll')
  const margin_ns = THRESHOLDS.bridge_s * NS_PER_S
  const power =
    powered === undefined || counters.length === 0
      ? null
      : curveOf(powered, window.start_ns - margin_ns, window.end_ns + margin_ns)
  const plain = [
    ...powers,
    ...counters.map((s) => by(s, power)),
    ...(spliced === null ? [] : [by(spliced)]).filter((e) => e.energy_j !== null),
  ]
  const bursts = plain.flatMap((e) => burstEstimate(run, e, window) ?? [])
  return [...bursts, ...plain].sort((a, b) => choiceRank(a) - choiceRank(b))
}

/** Where the best source of power that is read in the window covers a part of it only: it, and the others where it is not read. */
function spliceOf(
  ordered: readonly EnergySource[],
  powers: readonly EnergyEstimate[],
): EnergySource | null {
  const best = powers.find((e) => e.measured && e.covered_s + e.bridged_s > 0)
  return best !== undefined && best.energy_j !== null ? null : splicedSource(ordered)
}

/** The best source's reason; a counter that only lacks refreshes is `too_short`. */
function whyNone(estimates: readonly EnergyEstimate[]): Reason {
  const first = estimates[0]
  if (first === undefined) return 'not_recorded'
  return first.reason ?? 'too_short'
}
