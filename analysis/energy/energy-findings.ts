import { COUNTER_FAULTS, type CounterFault } from '../estimators/counter-fault.ts'
import { type EnergyEstimate, resolves } from '../estimators/energy-estimate.ts'
import type { Finding, FindingCode } from '../schema/finding.ts'
import type { Reason } from '../schema/reason.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { asRead } from './as-read.ts'
import type { EnergyFacts } from './energy-facts.ts'
import { sourceChanged } from './source-changed.ts'

/** What each reason for no energy is called among the findings; the rest are an uncovered window. */
const CODES: Partial<Record<Reason, FindingCode>> = {
  window_not_bracketed: 'window_not_bracketed',
  lost: 'window_not_bracketed',
  gap: 'sampling_gap_exceeded',
  counter_reset: 'counter_reset',
  stale: 'counter_stalled',
  too_short: 'window_too_short',
}
const WORDS: Partial<Record<Reason, string>> = {
  window_not_bracketed:
    'no reading lies on both sides of the window, and nothing is extrapolated; keep sampling for a second after the load',
  lost: 'the device stopped answering and no reading lies on both sides of the window; the kernel’s log (dmesg) may say why',
  gap: `readings are missing for more than ${THRESHOLDS.bridge_s} s within the window, which is too long to bridge`,
  too_short: `the window holds fewer than ${THRESHOLDS.counter_min_refreshes} refreshes of its counter; measure longer`,
}

/** What a counter did, by its fault. */
const DID: Readonly<Record<CounterFault, string>> = {
  fell: 'fell back',
  full: 'stood at its maximum',
  zero: 'stood at zero',
  still: 'stood still',
}

/**
 * What is wrong with one device's energy over the window.
 * Source: docs/metrics.md, "Validity".
 */
export function energyFindings(energy: EnergyFacts): Finding[] {
  const findings: Finding[] = []
  if (energy.energy_j === null && energy.reason !== null)
    findings.push({
      code: CODES[energy.reason] ?? 'uncovered_window',
      severity: 'invalid',
      message: `The energy of ${energy.device_id} is unknown: ${why(energy, energy.reason)}.`,
      evidence: {
        device_id: energy.device_id,
        reason: energy.reason,
        covered_s: energy.covered_s,
        partial_j: energy.estimates[0]?.partial_j ?? 0,
        window_s: energy.seconds,
      },
    })
  return [
    ...findings,
    ...sourceChanged(energy),
    ...counterFindings(energy),
    ...samples(energy),
    ...disagreement(energy),
  ]
}

function why({ estimates }: EnergyFacts, reason: Reason): string {
  const fault = estimates[0]?.fault ?? null
  if (fault !== null)
    return `its energy counter ${DID[fault]} within the window, so the difference means nothing`
  return WORDS[reason] ?? `no source covers the window (${reason})`
}

/** A counter that failed beside a good source costs only the cross-check; beside a bad one it can't take its place. */
function counterFindings(energy: EnergyFacts): Finding[] {
  const named = energy.energy_j === null ? energy.estimates[0] : undefined
  return energy.estimates.flatMap((e): Finding[] => {
    const fault = e.fault ?? null
    if (fault === null || e === named) return []
    const then =
      energy.source === null ? 'can’t stand in either' : `is no cross-check of ${energy.source}`
    return [
      {
        code: COUNTER_FAULTS[fault] === 'stale' ? 'counter_stalled' : 'counter_reset',
        severity: 'info',
        message: `The counter ${e.source} of ${energy.device_id} ${DID[fault]} within the window, so it ${then}.`,
        evidence: { device_id: energy.device_id, source: e.source, fault, invalid_for: 'counter' },
      },
    ]
  })
}

function samples(energy: EnergyFacts): Finding[] {
  // A counter's first and last reading hold all that lies between.
  const best = energy.chosen ?? energy.estimates[0]
  if (best === undefined || best.method === 'counter') return []
  if (energy.samples >= THRESHOLDS.samples_caution) return []
  return [
    {
      code: 'insufficient_samples',
      // An estimate is added to nothing, so what it lacks spoils nothing.
      severity:
        best.measured && energy.samples < THRESHOLDS.samples_invalid ? 'invalid' : 'caution',
      message: `The window holds ${energy.samples} power samples of ${energy.device_id}; ${THRESHOLDS.samples_caution} are wanted. Measure longer or sample faster.`,
      evidence: { device_id: energy.device_id, samples: energy.samples, source: best.source },
    },
  ]
}

/** Counter against the chosen power source of the same scope. */
function disagreement(energy: EnergyFacts): Finding[] {
  const { chosen, window } = energy
  if (chosen?.energy_j == null || !chosen.measured) return []
  const mine = asRead(chosen, energy.seconds)
  const differs = (e: EnergyEstimate): boolean =>
    e.method === 'counter' &&
    e.energy_j !== null &&
    resolves(e, window) &&
    Math.abs(asRead(e, energy.seconds) - mine) >
      THRESHOLDS.source_disagreement * Math.max(Math.abs(mine), Math.abs(asRead(e, energy.seconds)))
  return energy.estimates
    .filter((e) => e.origin !== chosen.origin && differs(e))
    .map((e) => ({ ...e, read_j: asRead(e, energy.seconds) }))
    .map((e) => ({
      code: 'energy_source_disagreement',
      severity: 'caution',
      message: `${chosen.source} gives ${mine.toPrecision(5)} J for ${energy.device_id}, ${e.source} ${e.read_j.toPrecision(5)} J; they should agree within ${THRESHOLDS.source_disagreement * 100} %.`,
      evidence: {
        device_id: energy.device_id,
        [chosen.source]: mine,
        [e.source]: e.read_j,
        difference: (e.read_j - mine) / mine,
      },
    }))
}
