import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { encodeCsv } from '../../server/formats/csv.ts'
import type { DecodedRows } from '../../server/formats/decoded.ts'
import { encodeNdjson } from '../../server/formats/ndjson.ts'
import { runText, type TestChunk } from './sample-run.ts'
import { putChunk, register, type Served, served } from './served.ts'

/** V8 makes no longer string: 2^29 - 24 letters. */
const LONGEST = 2 ** 29 - 24
const WORD = 'x'.repeat(10_000)
const ROWS = 54_000 // times a word: 540 million letters

let server: Served
beforeAll(async () => {
  server = await served()
  await register(server.api, runText({ run_id: 'long' }))
  const row = { device_id: 'd', sensor_id: 's', metric: WORD, value: 1, reason: null }
  const rows = Array.from({ length: ROWS }, (_, i) => ({ ...row, t_ns: i }) as SampleRow)
  // A word that a dictionary holds once: 2 MB of chunk.
  const chunk: TestChunk = {
    process_id: 'p0',
    stream: 'sample',
    seq: 0,
    bytes: encodeChunk('sample', rows),
  }
  expect((await putChunk(server.api, 'long', chunk)).status).toBe(201)
})
afterAll(() => server.close())

/** How long a text is, and its last letters. */
async function sizeOf(parts: AsyncIterable<Uint8Array>): Promise<[number, string]> {
  let size = 0
  let last = ''
  for await (const part of parts) {
    size += part.byteLength
    last = (last + Buffer.from(part).toString('latin1').slice(-60)).slice(-60)
  }
  return [size, last]
}

describe('a chunk whose text is longer than the longest string', () => {
  it.each(['ndjson', 'csv'])('is read back whole as %s', async (format) => {
    const response = await fetch(`${server.api}/runs/long/streams/sample?format=${format}`)
    expect(response.status).toBe(200)
    const [size, last] = await sizeOf(response.body as unknown as AsyncIterable<Uint8Array>)
    expect(size).toBeGreaterThan(LONGEST)
    expect(last).toMatch(format === 'csv' ? /x{20},1,\r\n$/ : /x{20}","value":1\}\n$/)
    expect(server.log).toEqual([])
  })

  it('is so where it is one row with one list too', async () => {
    const list = Array.from({ length: ROWS }, () => WORD)
    const rows = async function* (): AsyncGenerator<DecodedRows> {
      yield { length: 1, cells: ({ type }) => [type === 'text_list' ? list : null] }
    }
    const own = (n: number) => n * (WORD.length + 3)
    const [json] = await sizeOf(encodeNdjson('request', rows))
    expect(json).toBeGreaterThan(own(ROWS))
    const [csv] = await sizeOf(encodeCsv('request', rows))
    expect(csv).toBeGreaterThan(own(ROWS))
  })
})

describe('a list of a row', () => {
  const text = async (encode: typeof encodeCsv, cell: readonly (bigint | string | null)[]) => {
    const rows = async function* (): AsyncGenerator<DecodedRows> {
      yield { length: 1, cells: ({ name }) => [name === 'process_id' ? cell : null] }
    }
    let all = ''
    for await (const part of encode('sample', rows)) all += Buffer.from(part)
    return all.split(/\r?\n/).at(-2)?.replace(/,+$/, '')
  }
  it.each([
    [[], '[]', '[]'],
    [[1n], '[1]', '[1]'],
    [['a'], '["a"]', '"[""a""]"'],
    [[1n, null], '[1,null]', '"[1,null]"'],
    [['a"b', ','], '["a\\"b",","]', '"[""a\\""b"","",""]"'],
  ])('is JSON, in CSV with quotes where it has commas or quotes: %#', async (cell, json, csv) => {
    expect(await text(encodeNdjson, cell)).toBe(`{"process_id":${json}}`)
    expect(await text(encodeCsv, cell)).toBe(csv)
  })
})
