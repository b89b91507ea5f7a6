import { energySources } from '../estimators/energy-source.ts'
import { clockError } from '../readings/clock-error.ts'
import { decodeRun, type StoredChunk } from '../readings/decode-run.ts'
import type { RunData } from '../readings/run-data.ts'
import { seriesOf } from '../readings/sample-table.ts'
import {
  BURST_FORMS,
  type BurstErrors,
  type BurstForm,
  type BurstGroup,
  type BurstReport,
} from '../schema/bursts.ts'
import { runFileSchema } from '../schema/run.ts'
import { NS_PER_S } from '../schema/units.ts'
import { meanInterval } from '../stats/cycles.ts'
import { mean } from '../stats/moments.ts'
import { nearestRank, percentile } from '../stats/percentile.ts'
import { type BurstSources, burstEnergy, type MeasuredBurst } from './burst-energy.ts'
import { type BurstSpan, burstSpans } from './burst-spans.ts'
import { sharePerDegree } from './burst-temperature.ts'

/** By how much 95 % of single padded bursts of a length (ms) may err, %. Source: docs/measuring.md, "Bursts". */
const BURST_GOALS_PCT: Readonly<Record<number, number>> = {
  100: 8,
  200: 4,
  500: 1.5,
  2000: 0.5,
}
/** Shorter single bursts are not reported: only means of many. */
const SINGLE_MS = 100
/** The share of bursts whose truth a stated range is to hold. */
const STATED_SHARE = 0.95
/** Whose means, agreeing, are the reference: two sources that share no reading. */
const REFERENCE: readonly BurstForm[] = ['ring_padded', 'counter']

/** The same for a run as it lies in its bundle: run.json, parsed from JSON, and the chunks. */
export function judgeRecordedBursts(
  runFile: unknown,
  chunks: Iterable<StoredChunk>,
): readonly BurstReport[] {
  return judgeBursts(decodeRun(runFileSchema.parse(runFile), chunks))
}

/**
 * How well this device's sensors tell the energy of short bursts of known work. The reference of each load and length
 * is the mean over its bursts by the padded ring and by the counter from gap to gap, which share no reading; never
 * steady power × time.
 * @returns one report for each device with bursts and a ring
 * Source: docs/measuring.md, "Bursts".
 */
export function judgeBursts(run: RunData): readonly BurstReport[] {
  const spans = burstSpans(run.events)
  const clock_error_ns = clockError(run)
  return [...new Set(spans.map((s) => s.device_id))].flatMap((device_id) => {
    const sources = sourcesOf(run, device_id)
    if (sources === null) return []
    const own = spans.filter((s) => s.device_id === device_id)
    const groups = grouped(own).map((g) =>
      judgeGroup(g.map((span) => burstEnergy(span, sources, clock_error_ns))),
    )
    const verdicts = groups.flatMap((g) => [g.goal_met, g.stated_met]).filter((v) => v !== null)
    const device = run.devices.find((d) => d.device_id === device_id)
    return {
      device_id,
      model: device?.model ?? null,
      limit_w: device?.power_limit_w ?? null,
      groups,
      goals_met: verdicts.length === 0 ? null : verdicts.every(Boolean),
    }
  })
}

function sourcesOf(run: RunData, device_id: string): BurstSources | null {
  const all = energySources(run, device_id).filter((s) => s.scope === 'gpu')
  const by = (source: string) => all.find((s) => s.source === source) ?? null
  const ring = by('nvml_power_ring')
  if (ring === null) return null
  const temperature =
    seriesOf(run.samples).find(
      (s) => s.device_id === device_id && s.metric === 'gpu_temperature_c',
    ) ?? null
  return { ring, polled: by('nvml_power_instant'), counter: by('nvml_energy'), temperature }
}

/** Bursts of one load and length, in the order of their first. */
function grouped(spans: readonly BurstSpan[]): BurstSpan[][] {
  const groups = new Map<string, BurstSpan[]>()
  for (const span of spans) {
    const key = `${span.load} ${span.length_ms} ${span.launches}`
    groups.set(key, [...(groups.get(key) ?? []), span])
  }
  return [...groups.values()]
}

function judgeGroup(bursts: readonly MeasuredBurst[]): BurstGroup {
  const { load, length_ms, launches } = (bursts[0] as MeasuredBurst).span
  const means = REFERENCE.flatMap((form) => {
    const value = mean(joules(bursts, form))
    return value === null ? [] : [{ form, value }]
  })
  const reference_j = mean(means.map((m) => m.value))
  const single = length_ms >= SINGLE_MS
  const own = ownCounters(bursts)
  const per_c = own === null ? perDegree(bursts) : null
  const same = reference_j === null ? null : warmed(bursts, reference_j, per_c)
  // Against itself the counter would err by nothing: beside the mean it shows how unlike the bursts themselves were.
  const forms = BURST_FORMS.flatMap((form) =>
    errorsOf(bursts, form, single ? (form === 'counter' ? same : (own ?? same)) : null),
  )
  const seconds = percentile(
    bursts.map(({ span }) => (span.end_ns - span.begin_ns) / NS_PER_S),
    0.5,
  ) as number
  const goal_pct = BURST_GOALS_PCT[length_ms] ?? null
  const of = (form: BurstForm) => forms.find((f) => f.form === form)
  const error = of('ring_padded')?.error_95_pct ?? null
  const stated = of('ring_window')?.within_stated_share ?? null
  const [first, second] = means
  return {
    load,
    length_ms,
    launches,
    bursts: bursts.length,
    seconds,
    power_w: reference_j === null ? null : reference_j / seconds,
    idle_w: mean(bursts.flatMap((b) => b.idle_w ?? [])),
    reference_j,
    reference_of: means.map((m) => m.form),
    single_against: own === null ? 'mean' : 'own_counter',
    reference_per_c_pct: per_c === null ? null : 100 * per_c,
    reference_spread_pct:
      first === undefined || second === undefined ? null : 100 * (second.value / first.value - 1),
    single,
    goal_pct,
    goal_met: goal_pct === null || error === null ? null : error <= goal_pct,
    stated_met: stated === null ? null : stated >= STATED_SHARE,
    forms,
  }
}

const joules = (bursts: readonly MeasuredBurst[], form: BurstForm): number[] =>
  bursts.flatMap((b) => b.energies[form]?.energy_j ?? [])

/** A burst's truth, and what is not known of it, joules. */
interface Truth {
  readonly energy_j: number
  readonly doubt_j: number
}

/**
 * Each burst by its own counter: no two take the same energy, by up to 2 % on an H100. null: not all were caught as it
 * stepped, and a counter that was not is coarser than what it is to judge.
 */
function ownCounters(bursts: readonly MeasuredBurst[]): readonly Truth[] | null {
  const own = bursts.flatMap(({ energies: { counter } }): Truth[] =>
    counter === null || counter.doubt_j === null
      ? []
      : [{ energy_j: counter.energy_j, doubt_j: counter.doubt_j }],
  )
  return own.length === bursts.length ? own : null
}

/**
 * The line through the bursts, each by the mean of its references relative to their own means: what sets one burst apart is
 * in both references, so they are one value, not two.
 */
function perDegree(bursts: readonly MeasuredBurst[]): number | null {
  const levels = REFERENCE.map((form) => [form, mean(joules(bursts, form))] as const)
  return sharePerDegree(
    bursts.flatMap(({ temperature_c, energies }) => {
      const share = mean(
        levels.flatMap(([form, level]) => {
          const energy = energies[form]
          return energy === null || level === null ? [] : energy.energy_j / level - 1
        }),
      )
      return temperature_c === null || share === null ? [] : [{ temperature_c, share }]
    }),
  )
}

/** What each burst's work takes at its own temperature, joules. */
function warmed(
  bursts: readonly MeasuredBurst[],
  reference_j: number,
  per_c: number | null,
): readonly Truth[] {
  const middle = mean(bursts.flatMap((b) => b.temperature_c ?? []))
  return bursts.map(({ temperature_c }) => ({
    energy_j:
      per_c === null || middle === null || temperature_c === null
        ? reference_j
        : reference_j * (1 + per_c * (temperature_c - middle)),
    doubt_j: 0,
  }))
}

/** @param truths of each burst; null: single bursts are not judged, only their mean is told */
function errorsOf(
  bursts: readonly MeasuredBurst[],
  form: BurstForm,
  truths: readonly Truth[] | null,
): BurstErrors[] {
  const own = bursts.flatMap(({ energies }, i) => {
    const energy = energies[form]
    return energy === null ? [] : [{ ...energy, truth: truths?.[i] ?? null }]
  })
  const interval = meanInterval(own.map((e) => e.energy_j))
  if (interval === null) return []
  const errors = own.flatMap((e) =>
    e.truth === null ? [] : [100 * (e.energy_j / e.truth.energy_j - 1)],
  )
  const held = own.flatMap((e) =>
    e.truth === null || e.doubt_j === null || form === 'counter'
      ? []
      : [Math.abs(e.energy_j - e.truth.energy_j) <= e.doubt_j + e.truth.doubt_j],
  )
  return [
    {
      form,
      n: own.length,
      mean_j: interval.mean,
      mean_low_j: interval.low,
      mean_high_j: interval.high,
      error_median_pct: percentile(errors, 0.5),
      error_min_pct: percentile(errors, 0),
      error_max_pct: percentile(errors, 1),
      // By rank, not between two of them: 95 % of these bursts are to lie within it.
      error_95_pct: nearestRank(errors.map(Math.abs), 0.95),
      within_stated_share: held.length === 0 ? null : held.filter(Boolean).length / held.length,
    },
  ]
}
