import { eventsOf } from '../readings/event-detail.ts'
import type { RunData, RunProcess } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import { thermalSettleSchema } from '../schema/host-events.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { type Suspension, suspensions } from './suspension.ts'

/**
 * What the run's own record says of it: how it ended, its clocks, its weights, the driver's settings.
 * Source: docs/metrics.md, "Validity".
 */
export function runFindings(run: RunData): Finding[] {
  return [
    ...ending(run),
    ...clockSteps(run),
    ...settling(run),
    ...weights(run),
    ...persistence(run),
  ]
}

function ending(run: RunData): Finding[] {
  if (run.outcome === 'failed')
    return [
      {
        code: 'run_failed',
        severity: 'invalid',
        message: `The run failed: ${run.reason ?? 'no reason was recorded'}.`,
        evidence: { reason: run.reason },
      },
    ]
  if (run.outcome === 'interrupted')
    return [
      {
        code: 'run_interrupted',
        severity: 'caution',
        message: `The run was interrupted: ${run.reason ?? 'no reason was recorded'}. What was recorded until then is counted.`,
        evidence: { reason: run.reason },
      },
    ]
  return []
}

/** Wall time against monotonic time between a process's anchors: their difference is told, never applied. */
function clockSteps(run: RunData): Finding[] {
  const asleep = suspensions(run)
  const steps = [
    ...run.processes.map((p) => largestStep(p, asleep)),
    ...run.events.map((e) => stepOfEvent(e)),
  ]
  const largest = steps.reduce<number | null>(
    (a, b) => (b !== null && (a === null || Math.abs(b) > Math.abs(a)) ? b : a),
    null,
  )
  const told = run.events.some((e) => e.code === 'clock_step')
  if (!told && (largest === null || Math.abs(largest) <= THRESHOLDS.clock_step_s)) return []
  return [
    {
      code: 'clock_step',
      severity: 'info',
      message: `The wall clock stepped${largest === null ? '' : ` by ${largest.toFixed(3)} s`} during the run. Durations are monotonic and unharmed; wall times before and after differ by it.`,
      evidence: { step_s: largest },
    },
  ]
}

function largestStep(process: RunProcess, asleep: readonly Suspension[]): number | null {
  let largest: number | null = null
  for (let i = 1; i < process.clock.length; i++) {
    const a = process.clock[i - 1]
    const b = process.clock[i]
    if (a === undefined || b === undefined) continue
    const wall_ns = Number(b.wall_unix_ns - a.wall_unix_ns)
    // The monotonic clock stands while the host sleeps: that is no step of the wall clock.
    const slept_s = asleep
      .filter((s) => s.after_ns < b.t_ns && s.before_ns > a.t_ns)
      .reduce((sum, s) => sum + s.seconds, 0)
    const step = (wall_ns - (b.t_ns - a.t_ns)) / NS_PER_S - slept_s
    if (largest === null || Math.abs(step) > Math.abs(largest)) largest = step
  }
  return largest
}

function stepOfEvent(event: RunData['events'][number]): number | null {
  if (event.code !== 'clock_step' || event.detail == null) return null
  const seconds = /"step_s"\s*:\s*(-?[\d.]+(?:e[-+]?\d+)?)/i.exec(event.detail)?.[1]
  return seconds === undefined ? null : Number(seconds)
}

/** Whether the wait for settled temperatures, where one was asked for, came to its end. */
function settling(run: RunData): Finding[] {
  return eventsOf(run, 'thermal_settle', thermalSettleSchema)
    .filter(({ detail }) => detail.outcome === 'not_settled')
    .map(({ detail }) => ({
      code: 'thermal_not_settled',
      severity: 'caution',
      message: `The GPUs had not settled within the ${detail.limit_s} s that phases.settle allows, so the run began warmer or cooler than asked for. Allow more time, or ask for less.`,
      evidence: detail,
    }))
}

function weights(run: RunData): Finding[] {
  const info = field(field(run.environment, 'engine'), 'model_info')
  const synthetic =
    field(info, 'synthetic_weights') === true ||
    run.events.some((e) => e.code === 'synthetic_weights')
  if (!synthetic) return []
  return [
    {
      code: 'synthetic_weights',
      severity: 'caution',
      message:
        'The weights are random or dummies: the work is real, but such operands may draw other power than trained ones.',
      evidence: {},
    },
  ]
}

/** The driver's persistence flag, wherever the NVML part of the environment holds it: for the host or for each GPU. */
function persistence(run: RunData): Finding[] {
  const off = persistenceOff(run.environment['nvml'])
  if (!off) return []
  return [
    {
      code: 'persistence_off',
      severity: 'caution',
      message:
        'Persistence mode is off, so the driver unloads between programs and idle power is not steady. Turn it on: nvidia-smi -pm 1.',
      evidence: {},
    },
  ]
}

function persistenceOff(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  return Object.entries(value).some(([key, inner]) =>
    key.startsWith('persistence')
      ? inner === false || inner === 0 || inner === 'off' || persistenceOffIn(inner)
      : persistenceOff(inner),
  )
}

/** `persistence: { GPU-...: false }` */
const persistenceOffIn = (value: unknown): boolean =>
  value !== null &&
  typeof value === 'object' &&
  Object.values(value).some((v) => v === false || v === 0)

const field = (value: unknown, key: string): unknown =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined
