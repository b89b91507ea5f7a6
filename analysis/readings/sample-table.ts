import type { Table } from '@uwdata/flechette'
import { batchesOf, fillIntegers, fillNumbers, fillWords, wordList } from './arrow-column.ts'
import { ascendingOrder } from './ascending-order.ts'

/**
 * The `sample` stream as typed columns, ordered by time: a million rows are 30 MB, not a million objects.
 * Text columns are indices into their dictionary; -1 is null.
 */
export interface SampleTable {
  readonly length: number
  /** Nanoseconds since the run's origin, ascending. */
  readonly t_ns: Float64Array
  /** NaN where the reading failed (then `reason` says why). */
  readonly value: Float64Array
  readonly device: Int32Array
  readonly sensor: Int32Array
  readonly metric: Int32Array
  readonly reason: Int32Array
  readonly devices: readonly string[]
  readonly sensors: readonly string[]
  readonly metrics: readonly string[]
  readonly reasons: readonly string[]
  /** Which process recorded each row, index into `processes`; absent where one did all. */
  readonly process?: Int32Array
  readonly processes?: readonly string[]
  /** The same rows, each source's apart, where they were split once for all: read by {@link seriesOf}. */
  readonly series?: readonly Series[]
}

/**
 * One source's readings of one metric of one device, ascending in time. NaN: the reading failed; -Infinity: a counter
 * began anew here.
 */
export interface Series {
  readonly device_id: string
  readonly sensor_id: string | null
  readonly metric: string
  /** Who recorded it, and where several did, who each row; absent or null: not told. */
  readonly process_id?: string | null
  readonly processes?: readonly string[] | null
  readonly t_ns: Float64Array
  readonly value: Float64Array
  /** Why its first failed reading failed; null where none did or none says. */
  readonly failure: string | null
}

/**
 * Chunks in any order, cut anywhere, to one table. Rows equal in time keep the order of the chunks given.
 * @param recorders the process of each chunk, where it matters who recorded a row
 */
export function sampleTable(
  chunks: readonly Table[],
  origin_ns: bigint,
  recorders: readonly string[] = [],
): SampleTable {
  const length = chunks.reduce((n, c) => n + c.numRows, 0)
  const t_ns = new Float64Array(length)
  const value = new Float64Array(length).fill(Number.NaN)
  const text = (name: string) => ({
    name,
    list: wordList(),
    index: new Int32Array(length).fill(-1),
  })
  const device = text('device_id')
  const sensor = text('sensor_id')
  const metric = text('metric')
  const reason = text('reason')
  const processes = [...new Set(recorders)]
  const process = processes.length > 1 ? new Int32Array(length) : null
  let start = 0
  for (const [i, chunk] of chunks.entries()) {
    process?.fill(processes.indexOf(recorders[i] ?? ''), start, start + chunk.numRows)
    fill(batchesOf(chunk, 't_ns'), start, (b, at) => fillIntegers(b, origin_ns, t_ns, at))
    fill(batchesOf(chunk, 'value'), start, (b, at) => fillNumbers(b, value, at))
    for (const column of [device, sensor, metric, reason])
      fill(batchesOf(chunk, column.name), start, (b, at) =>
        fillWords(b, column.list, column.index, at),
      )
    start += chunk.numRows
  }
  const order = ascendingOrder(t_ns)
  const by = <A extends Float64Array | Int32Array>(a: A): A => (order === null ? a : pick(a, order))
  const columns: SampleTable = {
    length,
    t_ns: by(t_ns),
    value: by(value),
    device: by(device.index),
    sensor: by(sensor.index),
    metric: by(metric.index),
    reason: by(reason.index),
    devices: device.list.words,
    sensors: sensor.list.words,
    metrics: metric.list.words,
    reasons: reason.list.words,
    ...(process === null ? {} : { process: by(process), processes }),
  }
  return { ...columns, series: split(columns) }
}

/** Every (device, sensor, metric) of the table as its own series, in the order of device, sensor, metric. */
export function seriesOf(table: SampleTable): readonly Series[] {
  return table.series ?? split(table)
}

function fill<B extends { readonly length: number }>(
  batches: readonly B[],
  start: number,
  put: (batch: B, at: number) => void,
): void {
  let at = start
  for (const batch of batches) {
    put(batch, at)
    at += batch.length
  }
}

/** Counts, then places: two passes and no list per row. */
function split(table: SampleTable): Series[] {
  const nSensors = table.sensors.length + 1
  const nMetrics = table.metrics.length
  const group = new Int32Array(table.length)
  const counts = new Map<number, number>()
  for (let i = 0; i < table.length; i++) {
    const key =
      ((table.device[i] as number) * nSensors + (table.sensor[i] as number) + 1) * nMetrics +
      (table.metric[i] as number)
    group[i] = key
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const open = new Map(
    [...counts].map(([key, n]) => [
      key,
      {
        t_ns: new Float64Array(n),
        value: new Float64Array(n),
        process: table.process ? new Int32Array(n) : null,
        n: 0,
        failure: -1,
      },
    ]),
  )
  const reset = table.reasons.indexOf('counter_reset')
  const beginsAnew = (i: number) => reset >= 0 && table.reason[i] === reset
  for (let i = 0; i < table.length; i++) {
    const s = open.get(group[i] as number)
    if (s === undefined) continue
    const value = table.value[i] as number
    s.t_ns[s.n] = table.t_ns[i] as number
    s.value[s.n] = beginsAnew(i) ? Number.NEGATIVE_INFINITY : value
    if (s.process) s.process[s.n] = table.process?.[i] as number
    s.n += 1
    if (s.failure < 0 && Number.isNaN(value)) s.failure = table.reason[i] as number
  }
  const made = [...open].map(([key, s]) => {
    const sensor = (Math.floor(key / nMetrics) % nSensors) - 1
    return {
      device_id: table.devices[Math.floor(key / nMetrics / nSensors)] ?? '',
      sensor_id: table.sensors[sensor] ?? null,
      metric: table.metrics[key % nMetrics] ?? '',
      ...recorded(s.process, table.processes ?? []),
      t_ns: s.t_ns,
      value: s.value,
      failure: table.reasons[s.failure] ?? null,
    }
  })
  // By name, not by first appearance: the order of the chunks must not show.
  const name = (s: Series) => `${s.device_id}\n${s.sensor_id ?? ''}\n${s.metric}`
  return made.sort((a, b) => (name(a) < name(b) ? -1 : 1))
}

/** Who recorded a series: one process, or one for each row. */
function recorded(
  rows: Int32Array | null,
  names: readonly string[],
): Pick<Series, 'process_id' | 'processes'> {
  if (rows === null) return {}
  const [first] = rows
  return rows.every((p) => p === first)
    ? { process_id: names[first as number] ?? null }
    : { processes: Array.from(rows, (p) => names[p] ?? '') }
}

function pick<A extends Float64Array | Int32Array>(a: A, order: Uint32Array): A {
  const out = a.slice() as A
  for (let i = 0; i < order.length; i++) out[i] = a[order[i] as number] as number
  return out
}
