/** The streams and their columns: one table for the recorder, the wire, the database and analysis. */

export type ColumnType =
  | 'time' // int64 ns on the run clock
  | 'count' // int32
  | 'value' // float64
  | 'text' // utf8, dictionary encoded
  | 'time_list'
  | 'count_list'
  | 'text_list'

interface Column {
  readonly type: ColumnType
  /** null never allowed: only what a row can't be without. */
  readonly required?: true
}
const time = { type: 'time' } as const
const count = { type: 'count' } as const
const text = { type: 'text' } as const

export const STREAMS = {
  sample: {
    t_ns: { type: 'time', required: true },
    device_id: { type: 'text', required: true },
    sensor_id: text,
    metric: { type: 'text', required: true },
    value: { type: 'value' },
    reason: text,
  },
  request: {
    request_id: { type: 'text', required: true },
    phase: text,
    scheduled_t_ns: time,
    sent_t_ns: time,
    headers_t_ns: time,
    done_t_ns: time,
    closed_t_ns: time,
    chunk_t_ns: { type: 'time_list' },
    chunk_kind: { type: 'text_list' },
    chunk_tokens: { type: 'count_list' },
    input_tokens: count,
    cached_input_tokens: count,
    output_tokens: count,
    reasoning_tokens: count,
    draft_accepted_tokens: count,
    draft_rejected_tokens: count,
    token_source: text,
    engine_arrival_t_ns: time,
    engine_scheduled_t_ns: time,
    engine_first_token_t_ns: time,
    finish_reason: text,
    outcome: text,
    error_layer: text,
    error_code: text,
    http_status: count,
    mode: text,
    conversation_id: text,
    turn: count,
    prompt_sha256: text,
    requested_input_tokens: count,
    requested_output_tokens: count,
    worker: count,
    error_message: text,
    // JSON object: counts of the engine that no response can have, by column, as text; the column itself is null.
    unbelievable_counts: text,
    // Kept only when asked (data.keep_answers): what prompt_sha256 is taken of, and what came.
    prompt_text: text,
    output_text: text,
  },
  step: {
    start_t_ns: time,
    end_t_ns: time,
    kind: text,
    batch_size: count,
    prefill_tokens: count,
    decode_tokens: count,
    padded_tokens: count,
    context_tokens: count,
  },
  engine: {
    t_ns: { type: 'time', required: true },
    metric: { type: 'text', required: true },
    labels: text,
    value: { type: 'value' },
  },
  event: {
    t_ns: { type: 'time', required: true },
    code: text,
    detail: text,
  },
} as const satisfies Record<string, Record<string, Column>>

export type StreamName = keyof typeof STREAMS
export const STREAM_NAMES = Object.keys(STREAMS) as [StreamName, ...StreamName[]]

export const CHUNK_KINDS = [
  'role',
  'reasoning',
  'content',
  'tool',
  'finish',
  'usage',
  'empty',
  'error',
  'comment',
] as const
export type ChunkKind = (typeof CHUNK_KINDS)[number]

export const OUTCOMES = [
  'ok',
  'length_mismatch',
  'error',
  'truncated',
  'cancelled',
  'timeout',
  'refused',
] as const
export type Outcome = (typeof OUTCOMES)[number]

type Cell<C extends Column> = C['type'] extends 'time' | 'count' | 'value'
  ? number
  : C['type'] extends 'text'
    ? string
    : C['type'] extends 'time_list' | 'count_list'
      ? readonly number[]
      : readonly string[]

type Columns<S extends StreamName> = (typeof STREAMS)[S]

/** One row of a stream: required cells are there, the others may be absent or null. Times: ns on the run clock. */
export type Row<S extends StreamName> = {
  readonly [K in keyof Columns<S> as Columns<S>[K] extends { required: true } ? K : never]: Cell<
    Extract<Columns<S>[K], Column>
  >
} & {
  readonly [K in keyof Columns<S> as Columns<S>[K] extends { required: true } ? never : K]?: Cell<
    Extract<Columns<S>[K], Column>
  > | null
}

export type SampleRow = Row<'sample'>
export type RequestRow = Row<'request'>
export type StepRow = Row<'step'>
export type EngineRow = Row<'engine'>
export type EventRow = Row<'event'>
