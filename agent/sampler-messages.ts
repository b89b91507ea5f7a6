import type { Device } from '../analysis/schema/device.ts'
import type { SensorRow } from '../analysis/schema/sensor.ts'
import type { ClockAnchor } from './clock.ts'
import type { RowBatch } from './sampler-batch.ts'
import type { Missing, SensorOptions } from './sensors/sensor.ts'

/** What the sampling thread is started with. */
export interface ThreadStart {
  /** Zero of the run clock on CLOCK_MONOTONIC, which is one for all threads. */
  readonly origin_ns: bigint
  readonly host: Omit<SensorOptions, 'clock'>
  /** Names of sources to use; null: all. */
  readonly only: readonly string[] | null
}

/** What the run asks of the sampling thread; each is answered once, by its number. */
export type ThreadAsk = { readonly id: number } & (
  | { readonly ask: 'start'; readonly interval_ms: number }
  | { readonly ask: 'edge' }
  | { readonly ask: 'stop' }
  | { readonly ask: 'devices_of_process'; readonly pid: number }
  | { readonly ask: 'close' }
)

/** What this host's sensors are, as the thread found them. */
export interface Opened {
  readonly devices: readonly Device[]
  readonly sensors: readonly SensorRow[]
  readonly missing: readonly Missing[]
  readonly environment: Readonly<Record<string, unknown>>
}

/** What the sampling thread says: rows come before the answer to the question that they were read for. */
export type ThreadSays =
  | { readonly say: 'opened'; readonly opened: Opened }
  | { readonly say: 'rows'; readonly batch: RowBatch }
  | { readonly say: 'event'; readonly code: string; readonly detail: unknown }
  | { readonly say: 'anchor'; readonly anchor: ClockAnchor }
  | { readonly say: 'answer'; readonly id: number; readonly value: unknown }
