import type { Device } from '../../analysis/schema/device.ts'
import type { Meter } from '../../analysis/schema/meter.ts'
import type { Reason } from '../../analysis/schema/reason.ts'
import type { SensorRow, SensorSourceName } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'

/**
 * When a sensor is read. ring: about once a second, the driver keeps the readings in between;
 * gauge: at every interval; edge: only at phase edges, since the call is slow.
 */
export type Cadence = 'ring' | 'gauge' | 'edge'

/** One source of one metric of one device. Reading never throws: a failure is a row with null and a reason. */
export interface Sensor {
  /** Its row in run.json. */
  readonly row: SensorRow
  readonly cadence: Cadence
  /** New rows since the last call, times on the run clock. Slow calls (over 1 ms) answer by promise. */
  read(): readonly SampleRow[] | Promise<readonly SampleRow[]>
  /** Of a source that takes its time: waits for its answer, and for one that was asked after everything else had ended. */
  finish?(): Promise<readonly SampleRow[]>
  /** What takes over where this one fails while it records. */
  readonly standby?: Standby
}

/** A lesser source of the same quantity, which costs no call as long as the better one reads. */
export interface Standby {
  /** A gauge. */
  readonly sensor: Sensor
  /** True from a failed reading of the better one to its next good one. */
  needed(): boolean
}

/** A row of the event stream, as plain data. */
export interface SourceEvent {
  readonly t_ns: number
  readonly code: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** What changes seldom and is told as events: the settings of devices, the processes on them. */
export interface Watch {
  /**
   * Asked at the start, every few seconds, at phase edges and at the end. At start and end it tells how things stand, in
   * between only what changed since the last call. Never throws.
   */
  read(moment: WatchMoment): readonly SourceEvent[]
}
export type WatchMoment = 'start' | 'during' | 'end'

/** Something that could have been measured and is not, with what to type to get it. */
export interface Missing {
  readonly source: string
  readonly device_id: string | null
  readonly reason: Reason
  /** A sentence: what was tried and the remedy. */
  readonly fix: string
}

/** What one source (a driver, a tree of files) offers on this host. */
export interface OpenSource {
  readonly source: string
  readonly devices: readonly Device[]
  readonly sensors: readonly Sensor[]
  readonly missing: readonly Missing[]
  readonly watches?: readonly Watch[]
  /** Driver and library versions, settings that change the meaning: goes into run.json's environment. */
  readonly environment: Readonly<Record<string, unknown>>
  /** GPUs on which a process holds memory, by UUID; null where the source can't tell. */
  devicesOfProcess?(pid: number): readonly string[] | null
  close(): void
}

export interface SensorOptions {
  readonly clock: Clock
  /** Overrides for tests and containers: where /sys and /proc are, which library to load. */
  readonly sysfsRoot: string
  readonly procRoot: string
  readonly nvmlPath: string | null
  readonly amdsmiPath: string | null
  /** The agent's environment: visible devices, sockets and tokens of helpers. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Meters of the whole node, as configured. */
  readonly meters: readonly Meter[]
}

/** What better sources than this one have opened: no device is read twice. */
export interface Found {
  readonly devices: readonly Device[]
  readonly rows: readonly SensorRow[]
}
export const NOTHING_FOUND: Found = { devices: [], rows: [] }

/** A kind of source. A new one is a file beside this and a line in `SENSORS` (detect.ts). */
export interface SensorSource {
  readonly name: SensorSourceName
  /**
   * Opens what is there and not found yet. Absence is an `OpenSource` without sensors and with `missing`, never an exception;
   * a kind of device that most hosts lack says `no_device`, which is not told of a host.
   */
  open(options: SensorOptions, found?: Found): Promise<OpenSource>
}
