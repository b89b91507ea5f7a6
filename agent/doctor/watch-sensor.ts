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
  result(): Watched
}

/**
 * Watches what a sensor's readings do. Its refresh period is the median time between two stamps where the driver
 * stamps each reading, else between two changes of the value, so that readings must be closer together than that.
 * @param hrtime monotonic time, ns
 */
export function watchSensor(sensor: Sensor, hrtime: () => bigint): SensorWatch {
  const costs_us = latest()
  /** Between two changes, and between two stamps, ms. */
  const changes_ms = latest()
  const stamps_ms = latest()
  let changes = 0
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
        if (changes++ > 0) changes_ms.push((row.t_ns - changed_ns) / 1e6)
        changed_ns = row.t_ns
        step = Math.min(step ?? Number.POSITIVE_INFINITY, Math.abs(row.value - last.value))
      }
      last = row
    }
  }
  const fail = (error: unknown) => {
    fault = error instanceof Error ? error.message : String(error)
  }

  return {
    sensor,
    read() {
      if (fault !== null) return
      const before = hrtime()
      try {
        const answer = sensor.read()
        if (!(answer instanceof Promise)) return take(answer, hrtime() - before)
        return answer.then((rows) => take(rows, hrtime() - before)).catch(fail)
      } catch (error) {
        fail(error)
      }
    },
    result: () => {
      const stamped = batches >= 2
      const gaps = stamped ? stamps_ms : changes_ms
      return {
        sensor,
        last,
        fault,
        changes,
        period_ms: gaps.count() < CHANGES - 1 ? null : percentile(gaps.values, 0.5),
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
