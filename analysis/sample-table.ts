import type { Table } from '@uwdata/flechette'

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
}

/** One source's readings of one metric of one device, ascending in time. NaN: the reading failed. */
export interface Series {
  readonly device_id: string
  readonly sensor_id: string | null
  readonly metric: string
  readonly t_ns: Float64Array
  readonly value: Float64Array
}

/** Chunks in any order, cut anywhere, to one table. Rows equal in time keep the order of the chunks given. */
export function sampleTable(chunks: readonly Table[], origin_ns: bigint): SampleTable {
  const length = chunks.reduce((n, c) => n + c.numRows, 0)
  const t_ns = new Float64Array(length)
  const value = new Float64Array(length).fill(Number.NaN)
  const columns = {
    device: dictionary(length),
    sensor: dictionary(length),
    metric: dictionary(length),
    reason: dictionary(length),
  }
  let at = 0
  for (const chunk of chunks) {
    fillTimes(chunk, origin_ns, t_ns, at)
    fillValues(chunk, value, at)
    columns.device.fill(chunk, 'device_id', at)
    columns.sensor.fill(chunk, 'sensor_id', at)
    columns.metric.fill(chunk, 'metric', at)
    columns.reason.fill(chunk, 'reason', at)
    at += chunk.numRows
  }
  const order = ascendingOrder(t_ns)
  const by = <A extends Float64Array | Int32Array>(a: A): A => (order === null ? a : pick(a, order))
  return {
    length,
    t_ns: by(t_ns),
    value: by(value),
    device: by(columns.device.index),
    sensor: by(columns.sensor.index),
    metric: by(columns.metric.index),
    reason: by(columns.reason.index),
    devices: columns.device.words,
    sensors: columns.sensor.words,
    metrics: columns.metric.words,
    reasons: columns.reason.words,
  }
}

/** Every (device, sensor, metric) of the table as its own series, in one pass. */
export function seriesOf(table: SampleTable): Series[] {
  const groups = new Map<number, number[]>()
  const nSensors = table.sensors.length + 1
  const nMetrics = table.metrics.length
  for (let i = 0; i < table.length; i++) {
    const key =
      ((table.device[i] as number) * nSensors + (table.sensor[i] as number) + 1) * nMetrics +
      (table.metric[i] as number)
    const rows = groups.get(key)
    if (rows) rows.push(i)
    else groups.set(key, [i])
  }
  return [...groups.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, rows]) => {
      const first = rows[0] as number
      return {
        device_id: table.devices[table.device[first] as number] as string,
        sensor_id: table.sensors[table.sensor[first] as number] ?? null,
        metric: table.metrics[table.metric[first] as number] as string,
        t_ns: Float64Array.from(rows, (i) => table.t_ns[i] as number),
        value: Float64Array.from(rows, (i) => table.value[i] as number),
      }
    })
}

interface Column {
  readonly length: number
  readonly data: readonly {
    readonly length: number
    readonly values: unknown
    readonly nullCount: number
    at(i: number): unknown
  }[]
}

function fillTimes(chunk: Table, origin_ns: bigint, out: Float64Array, at: number): void {
  const column = chunk.getChild('t_ns') as unknown as Column
  let i = at
  for (const batch of column.data)
    for (let k = 0; k < batch.length; k++) {
      const t = batch.at(k) as bigint | number
      out[i++] = typeof t === 'bigint' ? Number(t - origin_ns) : t - Number(origin_ns)
    }
}

function fillValues(chunk: Table, out: Float64Array, at: number): void {
  const column = chunk.getChild('value') as unknown as Column | undefined
  if (!column) return
  let i = at
  for (const batch of column.data)
    for (let k = 0; k < batch.length; k++) {
      const v = batch.at(k) as number | bigint | null
      if (v !== null && v !== undefined) out[i] = Number(v)
      i++
    }
}

function dictionary(length: number) {
  const index = new Int32Array(length).fill(-1)
  const words: string[] = []
  const known = new Map<string, number>()
  return {
    index,
    words,
    fill(chunk: Table, name: string, at: number): void {
      const column = chunk.getChild(name) as unknown as Column | undefined
      if (!column) return
      let i = at
      for (const batch of column.data)
        for (let k = 0; k < batch.length; k++) {
          const word = batch.at(k) as string | null
          if (word !== null && word !== undefined) {
            let n = known.get(word)
            if (n === undefined) {
              n = words.length
              words.push(word)
              known.set(word, n)
            }
            index[i] = n
          }
          i++
        }
    },
  }
}

/** Indices that sort the times, or null where they ascend already. Stable. */
function ascendingOrder(t: Float64Array): Uint32Array | null {
  let sorted = true
  for (let i = 1; i < t.length && sorted; i++) sorted = (t[i] as number) >= (t[i - 1] as number)
  if (sorted) return null
  const order = Uint32Array.from(t, (_, i) => i)
  return order.sort((a, b) => (t[a] as number) - (t[b] as number) || a - b)
}

function pick<A extends Float64Array | Int32Array>(a: A, order: Uint32Array): A {
  const out = a.slice() as A
  for (let i = 0; i < order.length; i++) out[i] = a[order[i] as number] as number
  return out
}
