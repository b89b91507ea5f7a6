import type { StreamName } from '../../analysis/schema/stream.ts'
import { encodeArrow } from './arrow.ts'
import { encodeCsv } from './csv.ts'
import type { Rows } from './decoded.ts'
import { encodeNdjson } from './ndjson.ts'
import { encodeParquet } from './parquet.ts'

export interface StreamFormat {
  readonly media_type: string
  encode(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array>
}

/** The forms in which raw rows leave. The first is the one of an Accept that takes anything. */
export const STREAM_FORMATS = {
  arrow: { media_type: 'application/vnd.apache.arrow.stream', encode: encodeArrow },
  parquet: { media_type: 'application/vnd.apache.parquet', encode: encodeParquet },
  csv: { media_type: 'text/csv', encode: encodeCsv },
  ndjson: { media_type: 'application/x-ndjson', encode: encodeNdjson },
} as const satisfies Record<string, StreamFormat>

export type StreamFormatName = keyof typeof STREAM_FORMATS
export const STREAM_FORMAT_NAMES = Object.keys(STREAM_FORMATS) as [
  StreamFormatName,
  ...StreamFormatName[],
]
