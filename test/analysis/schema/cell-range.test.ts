import {
  columnFromArray,
  int64,
  list,
  tableFromColumns,
  tableToIPC,
  uint32,
  uint64,
  utf8,
} from '@uwdata/flechette'
import { describe, expect, it } from 'vitest'
import { ChunkError, encodeChunk, readChunk } from '../../../analysis/schema/arrow.ts'
import { checkRanges } from '../../../analysis/schema/chunk-range.ts'

const fault = (work: () => unknown): ChunkError => {
  try {
    work()
  } catch (error) {
    if (error instanceof ChunkError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('encoding', () => {
  it.each([2 ** 31, 2 ** 32, -(2 ** 31) - 1, 2.5, 1e300, Number.NaN])(
    'refuses a count of %d, which the encoder would wrap',
    (output_tokens) => {
      const rows = [{ request_id: 'a' }, { request_id: 'b', output_tokens }]
      const error = fault(() => encodeChunk('request', rows))
      expect(error.fault).toBe('range')
      expect(error.message).toContain(
        `column output_tokens of stream request is ${output_tokens} in row 1`,
      )
    },
  )

  it('refuses such a count within a list, and a time that is no whole number', () => {
    const chunk = { request_id: 'a', chunk_tokens: [1, 2 ** 31] }
    expect(fault(() => encodeChunk('request', [chunk])).message).toContain('2147483648 in row 0')
    const late = { request_id: 'a', sent_t_ns: 1e300 }
    expect(fault(() => encodeChunk('request', [late])).message).toContain('sent_t_ns')
  })

  it('takes the highest and the lowest', () => {
    const rows = [2 ** 31 - 1, -(2 ** 31)].map((output_tokens) => ({
      request_id: 'a',
      output_tokens,
    }))
    const column = readChunk('request', encodeChunk('request', rows)).getChild('output_tokens')
    expect([...column]).toEqual([2 ** 31 - 1, -(2 ** 31)])
  })
})

describe('a chunk of another writer', () => {
  const table = (columns: Record<string, ReturnType<typeof columnFromArray>>) =>
    readChunk(
      'request',
      tableToIPC(tableFromColumns(Object.entries(columns) as never), {
        format: 'stream',
      }) as Uint8Array,
    )
  const ids = columnFromArray(['a', 'b'], utf8())

  it('is taken with any width of integer whose values a count can have', () => {
    const t = table({ request_id: ids, output_tokens: columnFromArray([5n, null], int64()) })
    expect(() => checkRanges('request', t)).not.toThrow()
  })

  it.each([
    ['int64', columnFromArray([5n, 4_294_967_301n], int64()), '4294967301 in row 1'],
    ['uint32', columnFromArray([2_147_483_648, 1], uint32()), '2147483648 in row 0'],
    ['uint64', columnFromArray([1n, 2n ** 63n], uint64()), '9223372036854775808 in row 1'],
  ])('is refused with a wider count in %s, naming column, row and value', (_, column, where) => {
    const error = fault(() =>
      checkRanges('request', table({ request_id: ids, output_tokens: column })),
    )
    expect(error.fault).toBe('range')
    expect(error.message).toContain(`column output_tokens of stream request holds ${where}`)
  })

  it('is refused with a wider count in a list, and an unsigned time beyond 63 bits', () => {
    const chunk_tokens = columnFromArray([[1n], [2n, 2n ** 40n]], list(int64()))
    expect(
      fault(() => checkRanges('request', table({ request_id: ids, chunk_tokens }))).message,
    ).toContain('1099511627776 in row 1')
    const sent_t_ns = columnFromArray([1n, 2n ** 63n], uint64())
    expect(
      fault(() => checkRanges('request', table({ request_id: ids, sent_t_ns }))).message,
    ).toContain('column sent_t_ns')
  })
})
