import { readFileSync } from 'node:fs'
import { type DeviceEnergy, deviceEnergy } from '../../analysis/energy/device-energy.ts'
import type { EnergyEstimate } from '../../analysis/estimators/energy-estimate.ts'
import { repeatable } from '../../analysis/estimators/uncertainty.ts'
import { marksOf } from '../../analysis/marked-windows.ts'
import { sharePerDegree } from '../../analysis/online/burst-temperature.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { seriesOf } from '../../analysis/readings/sample-table.ts'
import { mean } from '../../analysis/stats/moments.ts'
import type { Window } from '../../analysis/window.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'

/** What bursts.py wrote of a burst; the counter's readings are its own, as it stepped in the gaps. Times: ns of the run. */
export interface BurstLine {
  readonly id: number
  readonly load: 'full' | 'constant'
  readonly length_ms: number
  readonly tool: string
  readonly begin_ns: number
  readonly end_ns: number
  /** What the other tool said of it. */
  readonly energy_j: number | null
  readonly counter_before: readonly [t_ns: number, mj: number]
  readonly counter_after: readonly [t_ns: number, mj: number]
}

/** Joules by one form, and half of their stated range without what all runs on the device share. */
export interface Told {
  readonly energy_j: number
  readonly doubt_j: number
}

export interface RecordedBurst extends BurstLine {
  readonly window: Window
  readonly energy: DeviceEnergy
  /** The ring with idle around, and between the ends alone. */
  readonly padded: Told | null
  readonly alone: Told | null
  /** The counter by the readings of bursts.py. */
  readonly own_counter_j: number
  /** What its work takes by the mean of many, at this burst's own temperature. */
  readonly reference_j: number
}

/** Bursts of one load and length. */
export interface BurstKind {
  readonly load: BurstLine['load']
  readonly length_ms: number
  readonly bursts: readonly RecordedBurst[]
  /** Means by the padded ring and by the counter of bursts.py, which share no reading; the reference is between them. */
  readonly ring_j: number
  readonly counter_j: number
  /** By what share the same work takes more per degree; null: no line was significant. */
  readonly per_c: number | null
}

/**
 * The bursts that bursts.py made under the agent.
 * @param bundle the agent's recording  @param file the lines of bursts.py
 */
export function readBursts(
  bundle: string,
  file: string,
): { readonly run: RunData; readonly device_id: string; readonly kinds: readonly BurstKind[] } {
  const read = readBundle(bundle)
  const run = decodeRun(
    read.run.file,
    read.chunks.map((c) => ({ ...c, bytes: c.read() })),
  )
  const device_id = run.devices.find((d) => d.kind === 'gpu')?.device_id
  if (device_id === undefined) throw new Error(`${bundle} has no GPU`)
  const windows = new Map(marksOf(run).map((m) => [m.id, m.window]))
  const groups = new Map<string, Measured[]>()
  for (const text of readFileSync(file, 'utf8').trim().split('\n')) {
    const line = JSON.parse(text) as BurstLine
    const window = windows.get(line.id)
    if (window === undefined) continue
    const key = `${line.load} ${line.length_ms}`
    groups.set(key, [...(groups.get(key) ?? []), measured(run, device_id, line, window)])
  }
  return { run, device_id, kinds: [...groups.values()].map(kindOf).sort(inOrder) }
}

const inOrder = (a: BurstKind, b: BurstKind) =>
  a.load.localeCompare(b.load) || a.length_ms - b.length_ms

type Measured = Omit<RecordedBurst, 'reference_j'> & { readonly temperature_c: number | null }

function measured(run: RunData, device_id: string, line: BurstLine, window: Window): Measured {
  const energy = deviceEnergy(run, device_id, window)
  const by = (method: EnergyEstimate['method'], source: string) =>
    told(energy.estimates.find((e) => e.method === method && e.source === source))
  const watts = (start_ns: number) =>
    (deviceEnergy(run, device_id, { start_ns, end_ns: start_ns + 2e8, rule: 'marked' }).energy_j ??
      Number.NaN) / 0.2
  const [before_ns, before_mj] = line.counter_before
  const [after_ns, after_mj] = line.counter_after
  const idle_j =
    (watts(window.start_ns - 3e8) * (line.begin_ns - before_ns) +
      watts(window.end_ns + 2.5e8) * (after_ns - line.end_ns)) /
    1e9
  return {
    ...line,
    window,
    energy,
    padded: by('burst', 'nvml_power_ring'),
    alone: by('ring', 'nvml_power_ring'),
    own_counter_j: (after_mj - before_mj) / 1e3 - idle_j,
    temperature_c: temperatureAt(run, device_id, window.start_ns),
  }
}

const told = (e: EnergyEstimate | undefined): Told | null =>
  e === undefined || e.energy_j === null
    ? null
    : { energy_j: e.energy_j, doubt_j: 2 * repeatable(e.components) }

function temperatureAt(run: RunData, device_id: string, at_ns: number): number | null {
  const own = seriesOf(run.samples).find(
    (s) => s.device_id === device_id && s.metric === 'gpu_temperature_c',
  )
  const i = own?.t_ns.findLastIndex((t, k) => t <= at_ns && Number.isFinite(own.value[k])) ?? -1
  return i < 0 ? null : (own?.value[i] as number)
}

function kindOf(bursts: readonly Measured[]): BurstKind {
  const { load, length_ms } = bursts[0] as Measured
  const ring_j = meanOf(bursts.flatMap((b) => b.padded?.energy_j ?? []))
  const counter_j = meanOf(bursts.map((b) => b.own_counter_j))
  const per_c = sharePerDegree(
    bursts.flatMap(({ temperature_c, padded, own_counter_j }) =>
      temperature_c === null || padded === null
        ? []
        : [
            {
              temperature_c,
              share: (padded.energy_j / ring_j + own_counter_j / counter_j) / 2 - 1,
            },
          ],
    ),
  )
  const middle_c = meanOf(bursts.flatMap((b) => b.temperature_c ?? []))
  return {
    ...{ load, length_ms, ring_j, counter_j, per_c },
    bursts: bursts.map((b) => ({
      ...b,
      reference_j:
        ((ring_j + counter_j) / 2) *
        (1 + (per_c ?? 0) * ((b.temperature_c ?? middle_c) - middle_c)),
    })),
  }
}

const meanOf = (values: readonly number[]): number => mean(values) ?? Number.NaN

/**
 * Standard error of either of two instruments by what they say of the same bursts: what one of them varies by beyond what
 * they vary together. Negative: less than this sample can tell.
 * Source: F. E. Grubbs, J. Am. Stat. Assoc. 43 (1948) 243.
 */
export function ownScatter(
  pairs: readonly (readonly [first: number, second: number])[],
): readonly [first: number, second: number] {
  const [a, b] = [meanOf(pairs.map((p) => p[0])), meanOf(pairs.map((p) => p[1]))]
  const per = (of: (p: (typeof pairs)[number]) => number) =>
    pairs.reduce((sum, p) => sum + of(p), 0) / (pairs.length - 1)
  const together = per((p) => (p[0] - a) * (p[1] - b))
  const root = (v: number) => Math.sign(v) * Math.sqrt(Math.abs(v))
  return [
    root(per((p) => (p[0] - a) ** 2) - together),
    root(per((p) => (p[1] - b) ** 2) - together),
  ]
}
