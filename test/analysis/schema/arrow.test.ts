import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkError, encodeChunk, readChunk } from '../../../analysis/schema/arrow.ts'
import type { RequestRow, SampleRow } from '../../../analysis/schema/stream.ts'

const sample: fc.Arbitrary<SampleRow> = fc.record({
  t_ns: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  device_id: fc.constantFrom('GPU-0', 'GPU-1', 'cpu_package:0'),
  metric: fc.constantFrom('gpu_power_mw', 'gpu_energy_mj'),
  value: fc.option(fc.double({ noNaN: true }), { nil: null }),
  reason: fc.option(fc.constantFrom('lost', 'stale'), { nil: null }),
})

describe('a chunk', () => {
  it('gives back the rows that went in, times exact to 2^53', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 50 }), (rows) => {
        const table = readChunk('sample', encodeChunk('sample', rows))
        expect(table.numRows).toBe(rows.length)
        for (const [i, row] of rows.entries()) {
          const cell = (name: string) => table.getChild(name).at(i)
          expect(Number(cell('t_ns'))).toBe(row.t_ns)
          expect(cell('device_id')).toBe(row.device_id)
          expect(cell('value')).toBe(row.value ?? null)
          expect(cell('reason')).toBe(row.reason ?? null)
          expect(cell('sensor_id')).toBeNull()
        }
      }),
      { numRuns: 50 },
    )
  })

  it('carries lists', () => {
    const row: RequestRow = {
      request_id: 'r',
      chunk_t_ns: [1, 2 ** 53 - 1],
      chunk_kind: ['role', 'content'],
      chunk_tokens: [0, -1],
    }
    const table = readChunk('request', encodeChunk('request', [row]))
    expect([...table.getChild('chunk_t_ns').at(0)]).toEqual([1n, 2n ** 53n - 1n])
    expect([...table.getChild('chunk_kind').at(0)]).toEqual(['role', 'content'])
    expect([...table.getChild('chunk_tokens').at(0)]).toEqual([0, -1])
  })

  it('is refused wherever it is cut', () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({
      t_ns: i,
      device_id: 'GPU-0',
      metric: 'gpu_power_mw',
      value: i,
    }))
    const bytes = encodeChunk('sample', rows)
    for (let n = 0; n < bytes.length; n++)
      expect(() => readChunk('sample', bytes.slice(0, n))).toThrow(ChunkError)
  })

  it('of another stream is refused by the name of the missing column', () => {
    const bytes = encodeChunk('sample', [{ t_ns: 1, device_id: 'a', metric: 'm' }])
    expect(() => readChunk('request', bytes)).toThrow('column request_id of stream request')
  })

  it('damaged anywhere is read or refused with a ChunkError, never anything else', () => {
    const bytes = encodeChunk('request', [
      { request_id: 'a', chunk_t_ns: [1], chunk_kind: ['content'], chunk_tokens: [1] },
    ])
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = bytes.slice()
        damaged[at] = (damaged[at] as number) ^ flip
        try {
          readChunk('request', damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(ChunkError)
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([[[]], [[1, 2, 3]], [Array(64).fill(0)]])('of the bytes %j is no Arrow', (bytes) => {
    expect(() => readChunk('sample', Uint8Array.from(bytes))).toThrow(ChunkError)
  })
})
