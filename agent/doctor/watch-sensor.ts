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
  const costs_us: number[] = []
  const changed_ns: number[] = []
  const stamps_ns: number[] = []
  const steps: number[] = []
  let last: SampleRow | null = null
  let batches = 0
  let fault: string | null = null

  const take = (rows: readonly SampleRow[], cost_ns: bigint) => {
    costs_us.push(Number(cost_ns) / 1000)
    // Several readings by one call are the driver's own record of the time between.
    if (rows.length > 1) batches++
    for (const row of rows) {
      stamps_ns.push(row.t_ns)
      if (row.value != null && last?.value != null && row.value !== last.value) {
        changed_ns.push(row.t_ns)
        steps.push(Math.abs(row.value - last.value))
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
        return answer.then((rows) => take(rows, hrtime() - before), fail)
      } catch (error) {
        fail(error)
      }
    },
    result: () => {
      const stamped = batches >= 2
      const times = stamped ? stamps_ns : changed_ns
      const gaps = times.slice(1).map((t, i) => (t - (times[i] as number)) / 1e6)
      return {
        sensor,
        last,
        fault,
        changes: changed_ns.length,
        period_ms: times.length < CHANGES ? null : percentile(gaps, 0.5),
        period_by: stamped ? 'stamps' : 'changes',
        step: steps.length === 0 ? null : Math.min(...steps),
        call: {
          n: costs_us.length,
          median_us: percentile(costs_us, 0.5),
          p99_us: percentile(costs_us, 0.99),
        },
      }
    },
  }
}

/** Of a metric that this version knows: whether its readings only grow. */
export const isCounter = ({ row }: Sensor): boolean =>
  METRICS[row.metric as MetricName]?.kind === 'counter'
