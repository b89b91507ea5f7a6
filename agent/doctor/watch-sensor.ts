import { METRICS, type MetricName } from '../../analysis/schema/metric.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { percentile } from '../../analysis/stats/percentile.ts'
import type { Sensor } from '../sensors/sensor.ts'

/** What reading a sensor again and again showed. Values in its own unit. */
export interface Watched {
  readonly sensor: Sensor
  readonly last: SampleRow | null
  readonly fault: string | null
  readonly changes: number
  readonly period_ms: number | null
  readonly period_by: 'stamps' | 'changes'
  readonly step: number | null
  readonly call: { n: number; median_us: number | null; p99_us: number | null }
}

/** Fewer changes than this tell no period. */
const CHANGES = 3
/** So many of the latest figures are kept of each kind: a source that answers at once is read 100,000 times. */
const KEPT = 10_000

/**
 * A time between two changes is taken as it stands where readings lie so many times closer together. Those of the lesser
 * density are mostly the longer ones where they are few, so the denser stand before them.
 */
const DENSITIES = [20, 4] as const
/** Where they nowhere do, their median still tells the period if it is so many times theirs: below, it is their own. */
const SEEN = 2

/** The latest figures, in no order. */
function latest() {
  const values: number[] = []
  let n = 0
  return {
    values,
    count: () => n,
    push(value: number) {
      values[n++ % KEPT] = value
    },
  }
}

export interface SensorWatch {
  readonly sensor: Sensor
  /** Reads once; resolves when it has answered. A sensor that threw is left alone. */
  read(): void | Promise<void>
  /** How often its value has changed, and how many times between two changes are known well. */
  seen(): { readonly changes: number; readonly dense: number }
  result(): Watched
}

/**
 * Watches what a sensor's readings do. Its refresh period is the median time between two stamps where the driver
 * stamps each reading, else between two changes of the value, by those between which it was read often enough to tell:
 * of a value that changes from each reading to the next the period is not known.
 * @param hrtime monotonic time, ns
 */
export function watchSensor(sensor: Sensor, hrtime: () => bigint): SensorWatch {
  const costs_us = latest()
  const stamps_ms = latest()
  /** Between two changes, ms; those between readings that lay much closer together; and how close all these lay. */
  const changes_ms = latest()
  const dense_ms = DENSITIES.map((density) => ({ density, ...latest() }))
  const apart_ms = latest()
  let changes = 0
  let asked = -1n
  let since_ms = 0
  let change_since_ms = 0
  let changed_ns = Number.NaN
  let step: number | null = null
  let last: SampleRow | null = null
  let batches = 0
  let fault: string | null = null

  const take = (rows: readonly SampleRow[], cost_ns: bigint) => {
    costs_us.push(Number(cost_ns) / 1000)
    // Several readings by one call are the driver's own record of the time between.
    if (rows.length > 1) batches++
    for (const row of rows) {
      if (last !== null) stamps_ms.push((row.t_ns - last.t_ns) / 1e6)
      if (row.value != null && last?.value != null && row.value !== last.value) {
        if (changes++ > 0) {
          const gap_ms = (row.t_ns - changed_ns) / 1e6
          const apart = Math.max(since_ms, change_since_ms)
          changes_ms.push(gap_ms)
          apart_ms.push(apart)
          for (const kept of dense_ms) if (gap_ms >= kept.density * apart) kept.push(gap_ms)
        }
        changed_ns = row.t_ns
        change_since_ms = since_ms
        step = Math.min(step ?? Number.POSITIVE_INFINITY, Math.abs(row.value - last.value))
      }
      last = row
    }
  }
  /** The period by changes; null: too few, or no reading found the value as the one before it had. */
  const byChanges = (): number | null => {
    const dense = dense_ms.find((kept) => kept.count() >= CHANGES - 1)
    if (dense !== undefined) return percentile(dense.values, 0.5)
    const gap_ms = percentile(changes_ms.values, 0.5)
    const apart = percentile(apart_ms.values, 0.5)
    return gap_ms !== null && apart !== null && gap_ms >= SEEN * apart ? gap_ms : null
  }
  const fail = (error: unknown) => {
    fault = error instanceof Error ? error.message : String(error)
  }

  return {
    sensor,
    read() {
      if (fault !== null) return
      const before = hrtime()
      since_ms = asked < 0n ? 0 : Number(before - asked) / 1e6
      asked = before
      try {
        const answer = sensor.read()
        if (!(answer instanceof Promise)) return take(answer, hrtime() - before)
        return answer.then((rows) => take(rows, hrtime() - before)).catch(fail)
      } catch (error) {
        fail(error)
      }
    },
    seen: () => ({ changes, dense: dense_ms[0]?.count() ?? 0 }),
    result: () => {
      const stamped = batches >= 2
      const gaps = stamped ? stamps_ms : changes_ms
      const period = stamped ? percentile(stamps_ms.values, 0.5) : byChanges()
      return {
        sensor,
        last,
        fault,
        changes,
        period_ms: gaps.count() < CHANGES - 1 ? null : period,
        period_by: stamped ? 'stamps' : 'changes',
        step,
        call: {
          n: costs_us.count(),
          median_us: percentile(costs_us.values, 0.5),
          p99_us: percentile(costs_us.values, 0.99),
        },
      }
    },
  }
}

/** Of a metric that this version knows: whether its readings only grow. */
export const isCounter = ({ row }: Sensor): boolean =>
  METRICS[row.metric as MetricName]?.kind === 'counter'
