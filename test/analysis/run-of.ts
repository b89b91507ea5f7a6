import { type RunData, runData } from '../../analysis/readings/run-data.ts'
import { sampleTable } from '../../analysis/readings/sample-table.ts'
import { encodeChunk, readChunk } from '../../analysis/schema/arrow.ts'
import { type RunFileInput, runFileSchema } from '../../analysis/schema/run.ts'
import type {
  EngineRow,
  EventRow,
  RequestRow,
  SampleRow,
  StepRow,
} from '../../analysis/schema/stream.ts'

export interface RunParts {
  readonly experiment?: Record<string, unknown>
  readonly phases?: readonly (readonly [phase: string, start_s: number, end_s: number])[]
  readonly devices?: RunFileInput['devices']
  readonly processes?: RunFileInput['processes']
  readonly environment?: Record<string, unknown>
  readonly requests?: readonly RequestRow[]
  readonly samples?: readonly SampleRow[]
  readonly engine?: readonly EngineRow[]
  readonly events?: readonly EventRow[]
  readonly steps?: readonly StepRow[]
  readonly run_id?: string
}

/** A run from its parts, through the same schemas and the same Arrow as a recorded one. */
export function runOf(parts: RunParts): RunData {
  const phases = (parts.phases ?? []).map(([phase, start_s, end_s]) => ({
    phase,
    start_t_ns: Math.round(start_s * 1e9),
    end_t_ns: Math.round(end_s * 1e9),
  }))
  const file = runFileSchema.parse({
    bundle_version: 1,
    run: { run_id: parts.run_id ?? 'r1', experiment: parts.experiment ?? {}, phases },
    devices: parts.devices ?? [],
    processes: parts.processes ?? [{ process_id: 'p1' }],
    environment: parts.environment ?? {},
  })
  const chunk = readChunk('sample', encodeChunk('sample', parts.samples ?? []))
  return runData(file, {
    samples: sampleTable([chunk], 0n),
    requests: parts.requests ?? [],
    steps: parts.steps ?? [],
    engine: parts.engine ?? [],
    events: parts.events ?? [],
  })
}

const NS = 1e6

/** A streamed success from times in ms: sent, then one content chunk of one token at each time. */
export function streamed(
  request_id: string,
  sent_ms: number,
  token_ms: readonly number[],
  more: Partial<RequestRow> = {},
): RequestRow {
  return {
    request_id,
    phase: 'measure',
    sent_t_ns: sent_ms * NS,
    chunk_t_ns: token_ms.map((t) => t * NS),
    chunk_kind: token_ms.map(() => 'content'),
    chunk_tokens: token_ms.map(() => 1),
    input_tokens: 10,
    output_tokens: token_ms.length,
    outcome: 'ok',
    mode: 'streamed',
    ...more,
  }
}
