import { REASONS, type Reason } from '../analysis/schema/reason.ts'
import type { SampleRow } from '../analysis/schema/stream.ts'

/** What a row is of: everything but its time, value and reason. */
type Series = Pick<SampleRow, 'device_id' | 'sensor_id' | 'metric'>

/** Rows on their way between threads, as columns: their buffers change hands and nothing is copied. */
export interface RowBatch {
  readonly t_ns: Float64Array
  /** NaN where there is none. */
  readonly value: Float64Array
  /** Place in the list of all series that were sent so far. */
  readonly series: Uint16Array
  /** Place in `REASONS` plus one; 0: none. */
  readonly reason: Uint8Array
  /** Series that no batch has named before, in the order of their places. */
  readonly added: readonly Series[]
}

const REASON_NAMES = Object.keys(REASONS) as readonly Reason[]

/** Gathers rows and makes batches of them. */
export interface RowPacker {
  add(rows: readonly SampleRow[]): void
  /** What was gathered since the last batch; null: nothing. */
  pack(): RowBatch | null
}

export function createRowPacker(): RowPacker {
  const places = new Map<string, number>()
  let rows: SampleRow[] = []
  let added: Series[] = []
  const placeOf = ({ device_id, sensor_id, metric }: SampleRow): number => {
    // A sensor has one device and one metric, so its name is enough where there is one.
    const key = sensor_id ?? `${device_id}\n${metric}`
    let place = places.get(key)
    if (place === undefined) {
      place = places.size
      places.set(key, place)
      added.push({ device_id, sensor_id: sensor_id ?? null, metric })
    }
    return place
  }
  return {
    add(more) {
      for (const row of more) rows.push(row)
    },
    pack() {
      if (rows.length === 0) return null
      const batch = {
        t_ns: new Float64Array(rows.length),
        value: new Float64Array(rows.length),
        series: new Uint16Array(rows.length),
        reason: new Uint8Array(rows.length),
      }
      for (const [i, row] of rows.entries()) {
        batch.t_ns[i] = row.t_ns
        batch.value[i] = row.value ?? Number.NaN
        batch.series[i] = placeOf(row)
        batch.reason[i] = row.reason == null ? 0 : REASON_NAMES.indexOf(row.reason as Reason) + 1
      }
      const packed = { ...batch, added }
      rows = []
      added = []
      return packed
    },
  }
}

/** Makes rows of batches again, which must come in the order in which they were packed. */
export function createRowUnpacker(): (batch: RowBatch) => SampleRow[] {
  const known: Series[] = []
  return ({ t_ns, value, series, reason, added }) => {
    known.push(...added)
    return Array.from(t_ns, (t, i) => {
      const number = value[i] as number
      return {
        t_ns: t,
        ...(known[series[i] as number] as Series),
        value: Number.isNaN(number) ? null : number,
        reason: REASON_NAMES[(reason[i] as number) - 1] ?? null,
      }
    })
  }
}
