import type { Finding } from '../schema/finding.ts'
import { sum } from '../stats/moments.ts'
import { isObject, type JsonObject } from './fields.ts'
import { broken, OTHER_TOLERANCE } from './mlenergy-identities.ts'

/** The power samples may miss the energy counter by this share. */
const SAMPLES_SHARE = 0.05

/** The counter's joules against the sum of the GPUs', and against the power samples. */
export function energyFindings(value: JsonObject, energy_j: number | null): Finding[] {
  const meter = value['steady_state_measurement']
  const each = isObject(meter) && isObject(meter['gpu_energy']) ? meter['gpu_energy'] : null
  if (each === null || energy_j === null) return []
  const joules = Object.values(each).filter((v) => typeof v === 'number')
  const total = sum(joules)
  const findings: Finding[] = []
  if (Math.abs(total - energy_j) > OTHER_TOLERANCE * Math.max(Math.abs(total), Math.abs(energy_j)))
    findings.push(
      broken('raw', `the GPUs' joules add up to ${total}, and steady_state_energy is ${energy_j}`, {
        sum_j: total,
        steady_state_energy: energy_j,
      }),
    )
  const drawn = drawnOf(value['timeline'])
  if (drawn !== null && Math.abs(drawn - total) > SAMPLES_SHARE * total)
    findings.push({
      code: 'energy_source_disagreement',
      severity: 'caution',
      message: `The power samples give ${drawn.toPrecision(4)} J, the energy counters ${total.toPrecision(4)} J, over ${SAMPLES_SHARE * 100} % apart.`,
      evidence: { check: 'raw', samples_j: drawn, counter_j: total },
    })
  return findings
}

/** Joules under each GPU's own power samples within the steady window; null where they can't be read. */
function drawnOf(timeline: unknown): number | null {
  if (!isObject(timeline)) return null
  const { steady_state_start_time: from, steady_state_end_time: to, power } = timeline
  const kind = isObject(power) ? (power['device_instant'] ?? power['device_average']) : null
  if (typeof from !== 'number' || typeof to !== 'number' || !isObject(kind)) return null
  let total = 0
  for (const samples of Object.values(kind)) {
    if (!Array.isArray(samples)) return null
    total += heldWithin(samples, from, to)
  }
  return total > 0 ? total : null
}

/** Each sample holds until the next, the last to the end: the tool polls steadily and keeps a reading that is a new one. */
function heldWithin(samples: readonly unknown[], from: number, to: number): number {
  const held = samples.filter(isSample)
  return sum(
    held.map(([t, watts], i) => {
      const until = Math.min(held[i + 1]?.[0] ?? to, to)
      return watts * Math.max(0, until - Math.max(t, from))
    }),
  )
}

const isSample = (v: unknown): v is [number, number] =>
  Array.isArray(v) && Number.isFinite(v[0]) && Number.isFinite(v[1])
