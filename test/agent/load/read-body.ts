import { createClock } from '../../../agent/clock.ts'
import { type AnswerCells, createAnswerRecord } from '../../../agent/load/answer-record.ts'
import { createBodyReader } from '../../../agent/load/body-reader.ts'
import type { Failure } from '../../../agent/load/outcome.ts'

export interface BodyOf {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly requested?: number
  /** Whether the connection broke off, where nothing in the bytes shows it. */
  readonly broken?: boolean
}

const clock = createClock()
const BROKEN: Failure = { layer: 'stream', code: 'und_err_socket', message: 'other side closed' }

/** Reads a body that comes in the given pieces, the i-th at time i, as a sender does. */
export async function readBody(
  pieces: readonly Uint8Array[],
  { status = 200, headers = SSE, requested = 2, broken = false }: BodyOf = {},
): Promise<AnswerCells & { readonly text: string }> {
  const record = createAnswerRecord()
  const body = createBodyReader(status, headers, record, clock)
  let t_ns = 0
  for (const piece of pieces) {
    body.push(Buffer.from(piece), ++t_ns)
    // Each piece is a read of its own.
    await undefined
  }
  await body.end(t_ns + 1, !broken)
  const cells = broken
    ? record.cells('cut', requested, BROKEN)
    : record.cells('complete', requested)
  return { ...cells, text: record.text() }
}

export const SSE = { 'content-type': 'text/event-stream' }
