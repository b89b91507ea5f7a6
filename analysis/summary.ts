import { attributionMetrics } from './attribution/attribution.ts'
import { definitionOf } from './definition.ts'
import { type IdlePower, idlePower, summedIdle } from './energy/baseline.ts'
import { besideOf } from './energy/beside.ts'
import type { DeviceEnergy } from './energy/device-energy.ts'
import { smoothsPower } from './energy/device-settings.ts'
import {
  aboveIdle,
  energyDelayProduct,
  idleMetric,
  joules,
  powerShare,
  ratioMetrics,
  scopeMetrics,
  throughputPerWatt,
} from './energy/energy-metrics.ts'
import { computeEnergyOf, type RunEnergies, runEnergies } from './energy/energy-scope.ts'
import { gpuMemoryPeak } from './energy/gpu-memory.ts'
import { ledger } from './energy/ledger.ts'
import { summed } from './estimators/uncertainty.ts'
import { staleFinding } from './findings/baseline-findings.ts'
import { requestFindings } from './findings/request-findings.ts'
import { limitAt } from './findings/throttle-findings.ts'
import { aboveIdleFindings, energyValidity, identityFindings } from './findings/validity.ts'
import { runFindings } from './findings/validity-run.ts'
import { marksOf, measuredMarks } from './marked-windows.ts'
import { noMetric } from './metric-value.ts'
import type { RunData } from './readings/run-data.ts'
import { type Answer, answersOf } from './requests/answer.ts'
import { latencyMetrics } from './requests/latency.ts'
import { throughputMetrics } from './requests/throughput.ts'
import { countTokens } from './requests/tokens.ts'
import { CANON, type CanonMetric, summaryKeys } from './schema/canon.ts'
import { type Finding, SEVERITIES } from './schema/finding.ts'
import type { Reason } from './schema/reason.ts'
import { ANALYSIS_VERSION, type MetricValue, type Summary } from './schema/summary.ts'
import { absoluteTime } from './schema/time.ts'
import { summaryDevices } from './summary-devices.ts'
import {
  chooseWindow,
  phaseWindow,
  recordedPhases,
  runWindow,
  type Window,
  windowSeconds,
} from './window.ts'
import { windowGroups } from './window-groups.ts'

type Metrics = Record<string, MetricValue>

/**
 * Everything that is concluded from one run: a pure function of its record. Every metric of the registry is there,
 * null with a reason where it can't be had; nothing that was recorded makes it throw.
 * Source: docs/metrics.md.
 */
export function summarise(run: RunData): Summary {
  // Read once: a run of ten thousand requests has a million chunk times.
  const answers = answersOf(run)
  const chosen = chooseWindow(run, answers)
  const { window } = chosen
  const energy = energySide(run, answers, window)
  const metrics: Metrics = {
    ...latencyMetrics(run, window, answers),
    ...throughputMetrics(run, window, answers),
    ...energy.metrics,
  }
  if (window !== null) combined(metrics)
  const findings = [
    ...chosen.findings,
    ...runFindings(run),
    ...requestFindings(run, window, answers),
    ...energy.findings,
    ...identityFindings(
      at(metrics, 'tokens_per_joule'),
      at(metrics, 'throughput_per_watt_tok_s_w'),
    ),
  ]
  return {
    run_id: run.run_id,
    name: run.experiment.name,
    study_id: run.study_id,
    experiment_key: run.experiment_key,
    analysis_version: ANALYSIS_VERSION,
    valid: findings.every((f) => f.severity !== 'invalid'),
    definition: definitionOf(run, answers),
    window: window === null ? null : shownWindow(run, window),
    metrics: complete(metrics, chosen.reason ?? 'not_recorded'),
    devices: summaryDevices(run, window, energy.devices),
    findings: worstFirst(findings),
    kind: run.experiment.kind,
    windows: windowGroups(measuredMarks(run, marksOf(run))),
    beside: besideOf(run),
  }
}

const shownWindow = (run: RunData, window: Window): Summary['window'] => ({
  start_t_ns: absoluteTime(window.start_ns, run.origin_ns),
  end_t_ns: absoluteTime(window.end_ns, run.origin_ns),
  duration_s: windowSeconds(window),
  rule: window.rule,
})

interface EnergySide {
  readonly metrics: Metrics
  readonly devices: readonly DeviceEnergy[]
  readonly findings: readonly Finding[]
}

/** Without a counted window there is still what idle drew and where the recorded joules went. */
function energySide(run: RunData, answers: readonly Answer[], window: Window | null): EnergySide {
  const energies = runEnergies(run, window ?? recordedPhases(run))
  const { compute, devices } = energies
  const count = (w: Window | null) => countTokens(run, answers, w)
  const resident = idleOf(run, compute.parts, 'idle', compute.reason)
  const cold = idleOf(run, compute.parts, 'baseline', compute.reason)
  const always: Metrics = {
    idle_resident_w: idleMetric(resident),
    idle_cold_w: idleMetric(cold),
    ...ledger(
      run,
      compute.parts,
      compute.parts.length === 0 ? compute.reason : null,
      resident,
      count(phaseWindow(run, 'measure')),
    ),
  }
  if (window === null) return { devices, metrics: always, findings: [] }
  const ids = compute.parts.map((p) => p.device_id)
  // Smoothed power has floors that idle power does not show: the two can't be told apart.
  const smoothed = ids.some((id) => smoothsPower(run, id)) ? 'not_identifiable' : null
  // Before a measured program nothing is loaded that it would find there: its idle is the baseline.
  const before = run.experiment.kind === 'measure' ? cold : resident
  const stale = staleFinding(run, before, window, ids) === null ? null : 'stale'
  const above = aboveIdle(compute, window, before, cold, stale ?? smoothed)
  const variants: [string, Window | null][] = [
    ['run', runWindow(run, answers)],
    ['steady', window.rule === 'run' ? null : window],
  ]
  return {
    devices,
    metrics: {
      ...always,
      ...scopeMetrics(energies),
      ...ratioMetrics(compute, window, count(window)),
      ...Object.assign(
        {},
        ...variants.map(([name, w]) => variant(run, name, w, window, energies, count)),
      ),
      energy_above_idle_j: above,
      ...attributionMetrics(run, compute, answers, window),
      ...powerShares(run, energies, window),
      gpu_memory_peak_mib: gpuMemoryPeak(run, window),
    },
    findings: [
      ...energyValidity(run, energies, window, resident, cold),
      ...aboveIdleFindings(above, joules(compute)),
    ],
  }
}

function powerShares(run: RunData, { compute }: RunEnergies, window: Window): Metrics {
  const tdp = (id: string) => run.devices.find((d) => d.device_id === id)?.tdp_w ?? null
  const ids = compute.parts.map((p) => p.device_id)
  return {
    power_share_of_tdp_pct: powerShare(compute, ids.map(tdp)),
    power_share_of_limit_pct: powerShare(
      compute,
      ids.map((id) => limitAt(run, id, window.end_ns)),
    ),
  }
}

/** The energies whose meaning changes with the window, over the whole run and over the steady part. */
function variant(
  run: RunData,
  name: string,
  window: Window | null,
  own: Window,
  energies: RunEnergies,
  count: (w: Window | null) => ReturnType<typeof countTokens>,
): Metrics {
  const ids = ['energy_per_output_token_j', 'energy_per_request_j', 'power_mean_w'] as const
  const key = (id: string) => `${id}@${name}`
  if (window === null)
    return Object.fromEntries([
      [key('energy_compute_j'), noMetric('J', 'no_window')],
      ...ids.map((id) => [key(id), noMetric(CANON[id].unit, 'no_window')]),
    ])
  const same = window.start_ns === own.start_ns && window.end_ns === own.end_ns
  const energy = same ? energies.compute : computeEnergyOf(run, window)
  const ratios = ratioMetrics(energy, window, count(window))
  return Object.fromEntries([
    [key('energy_compute_j'), joules(energy)],
    ...ids.map((id) => [key(id), at(ratios, id)]),
  ])
}

function idleOf(
  run: RunData,
  parts: readonly DeviceEnergy[],
  phase: 'baseline' | 'idle',
  missing: Reason | null,
): IdlePower {
  const each = parts.map((p) => idlePower(run, p, phase))
  const all = summedIdle(each, summed(each.map((i) => i.components)))
  return parts.length === 0 && missing !== null ? { ...all, reason: missing } : all
}

/** What needs both sides: joules and seconds of requests. */
function combined(metrics: Metrics): void {
  metrics['throughput_per_watt_tok_s_w'] = throughputPerWatt(
    at(metrics, 'output_throughput_tok_s'),
    at(metrics, 'power_mean_w'),
  )
  metrics['energy_delay_product_js'] = energyDelayProduct(
    at(metrics, 'energy_per_request_j'),
    at(metrics, 'e2e_ms_mean'),
  )
}

const at = (metrics: Metrics, id: string): MetricValue =>
  metrics[id] ?? noMetric('1', 'not_recorded')

/** Every metric of the registry, in its order, and then the variants. */
function complete(metrics: Metrics, reason: Reason): Metrics {
  const out: Metrics = {}
  for (const [id, row] of Object.entries(CANON as Record<string, CanonMetric>)) {
    for (const key of summaryKeys(id, row)) out[key] = metrics[key] ?? noMetric(row.unit, reason)
  }
  return { ...out, ...Object.fromEntries(Object.entries(metrics).filter(([k]) => !(k in out))) }
}

function worstFirst(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  )
}
