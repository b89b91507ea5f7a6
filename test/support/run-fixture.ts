import { decodeRun, type StoredChunk } from '../../analysis/readings/decode-run.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { type RunFileInput, runFileSchema } from '../../analysis/schema/run.ts'
import type { EventRow, RequestRow, SampleRow, StepRow } from '../../analysis/schema/stream.ts'

export const GPU = 'GPU-11111111-2222-3333-4444-555555555555'
export const GPU2 = 'GPU-66666666-7777-8888-9999-000000000000'

/** Seconds on the run clock, as the nanoseconds that rows carry. */
export const s = (seconds: number): number => Math.round(seconds * 1e9)

export interface Fixture {
  readonly phases?: Readonly<Record<string, readonly [number, number]>>
  readonly devices?: RunFileInput['devices']
  readonly processes?: RunFileInput['processes']
  readonly sensors?: RunFileInput['sensors']
  readonly environment?: Record<string, unknown>
  readonly experiment?: Record<string, unknown>
  readonly outcome?: 'completed' | 'failed' | 'interrupted' | null
  readonly samples?: readonly SampleRow[]
  readonly requests?: readonly RequestRow[]
  readonly steps?: readonly StepRow[]
  readonly events?: readonly EventRow[]
}

/** run.json of a host with one GPU of 700 W, phases in seconds. */
export function runFile(fixture: Fixture = {}): ReturnType<typeof runFileSchema.parse> {
  const phases = Object.entries(fixture.phases ?? { measure: [0, 60] })
  return runFileSchema.parse({
    bundle_version: 1,
    run: {
      run_id: 'r1',
      experiment: fixture.experiment ?? {
        model: 'm',
        phases: { window: 'phase' },
        load: { shape: 'closed', concurrency: 1 },
      },
      phases: phases.map(([phase, [from, to]]) => ({
        phase: phase as 'measure',
        start_t_ns: s(from),
        end_t_ns: s(to),
      })),
      outcome: fixture.outcome === undefined ? 'completed' : fixture.outcome,
    },
    devices: fixture.devices ?? [{ device_id: GPU, kind: 'gpu', tdp_w: 700 }],
    processes: fixture.processes ?? [{ process_id: 'p1' }],
    ...(fixture.sensors === undefined ? {} : { sensors: fixture.sensors }),
    ...(fixture.environment === undefined ? {} : { environment: fixture.environment }),
  } satisfies RunFileInput)
}

/** The fixture's rows as chunks of process p1, cut after `rows_each` rows. */
export function chunksOf(fixture: Fixture, rows_each = Number.POSITIVE_INFINITY): StoredChunk[] {
  const cut = <S extends 'sample' | 'request' | 'step' | 'event'>(
    stream: S,
    rows: readonly never[] | readonly object[] | undefined,
  ): StoredChunk[] => {
    const chunks: StoredChunk[] = []
    for (let at = 0; at < (rows?.length ?? 0); at += rows_each)
      chunks.push({
        process_id: 'p1',
        stream,
        seq: chunks.length,
        bytes: encodeChunk(stream, (rows ?? []).slice(at, at + rows_each) as never[]),
      })
    return chunks
  }
  return [
    ...cut('sample', fixture.samples),
    ...cut('request', fixture.requests),
    ...cut('step', fixture.steps),
    ...cut('event', fixture.events),
  ]
}

/** A run made by hand, through the same door as a recorded one. */
export const runOf = (fixture: Fixture = {}): RunData =>
  decodeRun(runFile(fixture), chunksOf(fixture))

export interface Wave {
  readonly device_id?: string
  readonly sensor_id?: string
  readonly metric?: string
  /** Seconds of the first and last reading, and between two. */
  readonly from: number
  readonly to: number
  readonly every: number
  /** Watts at a time (mean of the period before it, for a ring); null: the reading failed. */
  readonly watts: (t: number) => number | null
}

/** Power readings in mW at equal distances, the last at `to`. */
export function power(wave: Wave): SampleRow[] {
  const count = Math.round((wave.to - wave.from) / wave.every)
  return Array.from({ length: count + 1 }, (_, i) => {
    const t = wave.from + i * wave.every
    const watts = wave.watts(t)
    return {
      t_ns: s(t),
      device_id: wave.device_id ?? GPU,
      sensor_id: wave.sensor_id ?? null,
      metric: wave.metric ?? 'gpu_power_mw',
      value: watts === null ? null : watts * 1000,
      reason: watts === null ? 'lost' : null,
    }
  })
}

/** Readings of a counter in the unit of its metric, `[seconds, value]` each. */
export const readings = (
  metric: string,
  device_id: string,
  values: readonly (readonly [number, number])[],
): SampleRow[] => values.map(([t, value]) => ({ t_ns: s(t), device_id, metric, value }))

/** A request of `tokens` tokens, one a chunk, at equal distances from `first` to `last`. */
export function request(
  request_id: string,
  sent: number,
  first: number,
  last: number,
  tokens: number,
  more: Partial<RequestRow> = {},
): RequestRow {
  const at = (i: number) => (tokens === 1 ? last : first + ((last - first) * i) / (tokens - 1))
  return {
    request_id,
    phase: 'measure',
    sent_t_ns: s(sent),
    done_t_ns: s(last),
    closed_t_ns: s(last),
    chunk_t_ns: Array.from({ length: tokens }, (_, i) => s(at(i))),
    chunk_kind: Array.from({ length: tokens }, () => 'content'),
    chunk_tokens: Array.from({ length: tokens }, () => 1),
    input_tokens: 10,
    output_tokens: tokens,
    outcome: 'ok',
    mode: 'streamed',
    ...more,
  }
}

export const ring = (device_id: string, more: object = {}) => ({
  sensor_id: `ring-${device_id.slice(0, 12)}`,
  device_id,
  metric: 'gpu_power_mw',
  source: 'nvml_power_ring',
  scope: 'gpu',
  period_ms: 20,
  ...more,
})
