import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { ColumnType, StreamName } from '../../analysis/schema/stream.ts'
import { type ExportColumn, exportColumns, type Rows } from './decoded.ts'

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]

const INT64 = { type: 'INT64' } as const
const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const

// Said column by column: guessed from the values, whole numbers in lists would be rounded.
const ELEMENTS: Record<ColumnType, { element: Partial<SchemaElement>; list: boolean }> = {
  time: { element: INT64, list: false },
  count: { element: INT64, list: false },
  value: { element: { type: 'DOUBLE' }, list: false },
  text: { element: TEXT, list: false },
  time_list: { element: INT64, list: true },
  count_list: { element: INT64, list: true },
  text_list: { element: TEXT, list: true },
}

/** Rows of a stream as a Parquet file, a row group a chunk, written as it goes. */
export async function* encodeParquet(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream)
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap(elementsOf),
  ]
  const writer = new ByteWriter()
  const parquet = new ParquetWriter({ writer, schema, createdBy: 'llem' })
  const taken = () => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    return bytes
  }
  for await (const part of rows()) {
    if (part.length === 0) continue
    parquet.write({
      columnData: columns.map((c) => ({ name: c.name, data: part.cells(c) as never })),
      rowGroupSize: part.length,
    })
    yield taken()
  }
  parquet.finish()
  yield taken()
}

function elementsOf({ name, type }: ExportColumn): SchemaElement[] {
  const { element, list } = ELEMENTS[type]
  if (!list) return [{ ...element, name, repetition_type: 'OPTIONAL' }]
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { ...element, name: 'element', repetition_type: 'OPTIONAL' },
  ]
}
