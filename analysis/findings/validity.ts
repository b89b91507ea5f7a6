import type { IdlePower } from '../energy/baseline.ts'
import type { RunEnergies } from '../energy/energy-scope.ts'
import { repeatable, standard } from '../estimators/uncertainty.ts'
import { eventsOf } from '../readings/event-detail.ts'
import type { RunData } from '../readings/run-data.ts'
import { isRemote } from '../readings/used-devices.ts'
import { usedDevicesSchema } from '../schema/device-events.ts'
import type { Finding } from '../schema/finding.ts'
import type { MetricValue } from '../schema/summary.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { type Window, windowSeconds } from '../window.ts'
import { idleFindings, staleFinding } from './baseline-findings.ts'
import { clockOffsetFindings } from './clock-offset.ts'
import { failedReadings, refusedSources } from './failed-readings.ts'
import { foreignProcesses } from './foreign-process.ts'
import { offloadFindings } from './offload-findings.ts'
import { suspendedFinding } from './suspension.ts'
import { deviceFindings } from './validity-gpu.ts'

/**
 * What the energy of the counted window and its devices say about a run's validity; only devices that the engine
 * computes on count. Source: docs/metrics.md, "Validity".
 */
export function energyValidity(
  run: RunData,
  energies: RunEnergies,
  window: Window,
  resident: IdlePower,
  cold: IdlePower,
): Finding[] {
  const { compute } = energies
  const ids = compute.parts.map((p) => p.device_id)
  const stale = staleFinding(run, resident, window, ids)
  const suspended = suspendedFinding(run, window)
  return [
    ...(suspended === null ? [] : [suspended]),
    ...compute.parts.flatMap((p) => [...p.findings, ...deviceFindings(run, p, window)]),
    ...measurement(window),
    ...spread(energies),
    ...scopes(run, energies),
    ...failedReadings(run, [...ids, ...energies.node.parts.map((p) => p.device_id)], window),
    ...refusedSources(run),
    ...foreignProcesses(run, ids, window),
    ...offloadFindings(run, energies),
    ...clockOffsetFindings(run, compute),
    ...idleFindings(run, 'idle', resident, ids),
    ...idleFindings(run, 'baseline', cold, ids),
    ...(stale === null ? [] : [stale]),
  ]
}

function measurement(window: Window): Finding[] {
  const seconds = windowSeconds(window)
  if (seconds >= THRESHOLDS.short_measurement_s) return []
  return [
    {
      code: 'short_measurement',
      severity: 'caution',
      message: `The window is ${seconds.toFixed(1)} s long; below ${THRESHOLDS.short_measurement_s} s edges and settling weigh much. Measure longer.`,
      evidence: { seconds },
    },
  ]
}

function spread({ compute }: RunEnergies): Finding[] {
  if (compute.energy_j === null || compute.energy_j <= 0) return []
  const share = (2 * repeatable(compute.components)) / compute.energy_j
  if (share <= THRESHOLDS.window_too_short_share) return []
  return [
    {
      code: 'window_too_short',
      severity: 'invalid',
      message: `The energy can't be told better than ± ${(100 * share).toFixed(0)} % over so short a window (limit ${THRESHOLDS.window_too_short_share * 100} %). Measure longer.`,
      evidence: { share, energy_j: compute.energy_j },
    },
  ]
}

function scopes(run: RunData, energies: RunEnergies): Finding[] {
  const { compute, gpu, host, used } = energies
  const findings: Finding[] = []
  if (isRemote(run))
    findings.push({
      code: 'remote_engine',
      severity: 'info',
      message:
        'The engine runs on another host, so its energy is unknown. Run an agent there to measure it.',
      evidence: {},
    })
  if (compute.energy_j !== null && !compute.measured)
    findings.push({
      code: 'estimate_only',
      severity: 'caution',
      message:
        'The compute energy is an estimate from processor time, good to tens of per cent; it is shown and never ranked or added up. Grant read access to RAPL to measure it.',
      evidence: { energy_j: compute.energy_j, source: compute.source },
    })
  if (gpu.parts.length > 0 && host.energy_j === null)
    findings.push({
      code: 'host_energy_missing',
      severity: 'info',
      message: `The host's own energy is not in the result (${host.reason}); the GPU is counted alone.`,
      evidence: { reason: host.reason },
    })
  for (const part of compute.parts) {
    const module = part.scope === 'module' || part.scope === 'rail'
    if (!module && used.has(part.device_id)) continue
    if (part.scope === 'dram' || part.scope === 'package') continue
    findings.push({
      code: 'scope_exceeds_workload',
      severity: 'caution',
      message: `The energy of ${part.device_id} is that of ${module ? 'a module with processor and memory' : 'the whole GPU, of which the engine used a part'}.`,
      evidence: { device_id: part.device_id, scope: part.scope },
    })
  }
  const doubtful = eventsOf(run, 'used_devices', usedDevicesSchema).some(
    ({ detail }) => detail.reason === 'ambiguous_mapping',
  )
  if (doubtful && gpu.parts.length > 0)
    findings.push({
      code: 'scope_exceeds_workload',
      severity: 'caution',
      message:
        'It was not certain which GPUs the engine uses, so all of the host are counted. Name them by UUID in CUDA_VISIBLE_DEVICES or in devices.',
      evidence: { reason: 'ambiguous_mapping', device_ids: gpu.parts.map((p) => p.device_id) },
    })
  return [...findings, ...nodeFindings(energies)]
}

/**
 * A node draws what its parts draw and more: where its meter says less, beyond all doubt, it does not measure all of
 * it.
 */
function nodeFindings({ node, gpu, overhead }: RunEnergies): Finding[] {
  if (node.energy_j === null) return []
  // Where the host is only estimated there is no overhead, but its GPUs alone must not draw more either.
  const rest =
    overhead.energy_j !== null || gpu.energy_j === null
      ? overhead
      : {
          energy_j: node.energy_j - gpu.energy_j,
          components: [...node.components, ...gpu.components],
        }
  if (rest.energy_j === null || rest.energy_j + 2 * standard(rest.components) >= 0) return []
  return [
    {
      code: 'node_below_parts',
      severity: 'caution',
      message: `The node's meter (${node.source}) tells ${(-rest.energy_j).toPrecision(3)} J less than ${rest === overhead ? 'GPU and host together' : 'the GPUs alone'}. It may hang on one of several power supplies: give each its meter, with supply (docs/measuring.md, "The whole node").`,
      evidence: {
        energy_node_j: node.energy_j,
        energy_overhead_j: rest.energy_j,
        source: node.source,
      },
    },
  ]
}

/** A negative rest above idle keeps its sign and is told; the last digits of a sum are no sign. */
export function aboveIdleFindings(above: MetricValue, gross: MetricValue): Finding[] {
  if (above.value === null || gross.value === null) return []
  if (above.value >= -1e-9 * Math.abs(gross.value)) return []
  return [
    {
      code: 'baseline_exceeds_gross',
      severity: 'caution',
      message: `Idle power over the same seconds exceeds what was drawn, by ${(-above.value).toPrecision(3)} J. The idle phase was not idle, or another load ended.`,
      evidence: { energy_above_idle_j: above.value },
    },
  ]
}

/** Tokens per joule by both ways: they differ only where the operands come from unlike windows. */
export function identityFindings(
  tokensPerJoule: MetricValue,
  throughputPerWatt: MetricValue,
): Finding[] {
  const a = tokensPerJoule.value
  const b = throughputPerWatt.value
  if (a === null || b === null || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)))
    return []
  return [
    {
      code: 'window_mismatch',
      severity: 'invalid',
      message: `Tokens per joule (${a}) and throughput per watt (${b}) differ, so tokens and joules come from unlike windows.`,
      evidence: { tokens_per_joule: a, throughput_per_watt_tok_s_w: b },
    },
  ]
}
