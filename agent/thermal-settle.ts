import { setTimeout as sleep } from 'node:timers/promises'
import type { Experiment } from '../analysis/schema/experiment.ts'
import type { SampleRow } from '../analysis/schema/stream.ts'

/** What is waited for: `phases.settle` of a configuration. */
export type SettleRule = NonNullable<Experiment['phases']['settle']>

/** How the wait for settled temperatures stands. */
export interface SettleState {
  /** Newest temperature of each device that tells one, °C. */
  readonly temperatures_c: Readonly<Record<string, number>>
  /** Steepest change of any device over the last minute, °C/min; null before a minute was seen. */
  readonly slope_c_per_min: number | null
  /** Which condition holds, for all devices together; null: none yet. */
  readonly settled_by: 'below_c' | 'slope_c_per_min' | null
}

/** Watches temperatures as they are read. */
export interface SettleWatch {
  take(rows: readonly SampleRow[]): void
  state(now_ns: number): SettleState
}

/** Whole degrees can't tell a slope of one a minute over less. */
const SLOPE_SPAN_S = 60

/**
 * @param device_ids the devices that count; others are passed over
 */
export function watchSettling(
  rule: Omit<SettleRule, 'limit_s'>,
  device_ids: readonly string[],
): SettleWatch {
  const readings = new Map<string, { t_s: number; c: number }[]>()
  return {
    take(rows) {
      for (const { device_id, metric, value, t_ns } of rows) {
        if (metric !== 'gpu_temperature_c' || value == null || !device_ids.includes(device_id))
          continue
        const list = readings.get(device_id) ?? []
        readings.set(device_id, list)
        list.push({ t_s: t_ns / 1e9, c: value })
      }
    },
    state(now_ns) {
      const now_s = now_ns / 1e9
      const newest: Record<string, number> = {}
      const slopes: (number | null)[] = []
      for (const [id, list] of readings) {
        // One before the span stays: it shows that the whole of it was seen.
        while (list.length > 2 && (list[1]?.t_s ?? now_s) <= now_s - SLOPE_SPAN_S) list.shift()
        newest[id] = list.at(-1)?.c as number
        slopes.push(now_s - (list[0]?.t_s ?? now_s) < SLOPE_SPAN_S ? null : slopeOf(list))
      }
      const slope_c_per_min = slopes.includes(null)
        ? null
        : Math.max(0, ...slopes.map((slope) => Math.abs(slope as number)))
      const hottest_c = Math.max(...Object.values(newest))
      return {
        temperatures_c: newest,
        slope_c_per_min,
        settled_by: settledBy(rule, readings.size > 0 ? hottest_c : null, slope_c_per_min),
      }
    },
  }
}

function settledBy(
  rule: Omit<SettleRule, 'limit_s'>,
  hottest_c: number | null,
  slope: number | null,
): SettleState['settled_by'] {
  if (hottest_c === null) return null
  if (rule.below_c !== null && hottest_c < rule.below_c) return 'below_c'
  if (rule.slope_c_per_min !== null && slope !== null && slope < rule.slope_c_per_min)
    return 'slope_c_per_min'
  return null
}

/** Least-squares slope, °C/min. */
function slopeOf(list: readonly { readonly t_s: number; readonly c: number }[]): number {
  const mean = (of: (r: { t_s: number; c: number }) => number) =>
    list.reduce((sum, r) => sum + of(r), 0) / list.length
  const t = mean((r) => r.t_s)
  const c = mean((r) => r.c)
  const tt = list.reduce((sum, r) => sum + (r.t_s - t) ** 2, 0)
  return tt === 0 ? 0 : (60 * list.reduce((sum, r) => sum + (r.t_s - t) * (r.c - c), 0)) / tt
}

export interface SettleOptions {
  readonly rule: SettleRule
  /** The GPUs that will be used. */
  readonly device_ids: readonly string[]
  readonly now_ns: () => number
  /** Hands on every row that is read from now on; returns what ends that. */
  readonly watch: (take: (rows: readonly SampleRow[]) => void) => () => void
  /** Reads every sensor once. */
  readonly edge: () => Promise<void>
  readonly say: (text: string) => void
  /** Share of the limit that is over, and what to show beside it. */
  readonly progress: (fraction: number, note: string) => void
  readonly signal: AbortSignal
  /** Waits a second; tests let their own time pass. */
  readonly second?: (signal: AbortSignal) => Promise<void>
}

/** What came of the wait: goes into the event `thermal_settle`. */
export interface Settled {
  readonly outcome: 'settled' | 'not_settled' | 'no_temperature'
  readonly by: SettleState['settled_by']
  readonly waited_s: number
  readonly limit_s: number
  readonly start_c: Readonly<Record<string, number>>
  readonly end_c: Readonly<Record<string, number>>
}

/**
 * Waits until the hottest GPU is below a temperature, or until none changes faster than a slope, so that every run
 * begins on equally warm devices; for the rule's limit at most, and not at all where no temperature is told.
 * @throws the signal's reason when it is aborted
 */
export async function waitUntilSettled(options: SettleOptions): Promise<Settled> {
  const { rule, now_ns, say, signal, second = aSecond } = options
  const watch = watchSettling(rule, options.device_ids)
  const unwatch = options.watch(watch.take)
  try {
    await options.edge()
    const began_ns = now_ns()
    const start_c = watch.state(began_ns).temperatures_c
    const ended = (outcome: Settled['outcome'], state: SettleState): Settled => ({
      outcome,
      by: state.settled_by,
      waited_s: (now_ns() - began_ns) / 1e9,
      limit_s: rule.limit_s,
      start_c,
      end_c: state.temperatures_c,
    })
    if (Object.keys(start_c).length === 0) {
      say('No GPU tells a temperature here, so phases.settle is not waited for.')
      return ended('no_temperature', watch.state(began_ns))
    }
    for (let told = false; ; told = true) {
      const state = watch.state(now_ns())
      const waited_s = (now_ns() - began_ns) / 1e9
      if (state.settled_by !== null) return ended('settled', state)
      if (waited_s >= rule.limit_s) return ended('not_settled', state)
      const hottest = `${Math.max(...Object.values(state.temperatures_c))} °C`
      if (!told) say(`Waiting for ${wish(rule)}, ${rule.limit_s} s at most (now ${hottest}).`)
      options.progress(
        waited_s / rule.limit_s,
        `settling: ${hottest}, ${Math.ceil(rule.limit_s - waited_s)} s left at most`,
      )
      await second(signal)
    }
  } finally {
    unwatch()
  }
}

const wish = ({ below_c, slope_c_per_min }: SettleRule): string =>
  [
    below_c === null ? [] : `the GPUs to be below ${below_c} °C`,
    slope_c_per_min === null ? [] : `changes below ${slope_c_per_min} °C a minute`,
  ]
    .flat()
    .join(' or ')

const aSecond = (signal: AbortSignal): Promise<void> => sleep(1000, undefined, { signal })
