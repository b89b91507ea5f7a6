import { readFileSync } from 'node:fs'
import {
  columnFromArray,
  int32,
  int64,
  largeUtf8,
  list,
  tableFromColumns,
  tableToIPC,
  uint64,
  utf8,
} from '@uwdata/flechette'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ascendingOrder } from '../../../analysis/readings/ascending-order.ts'
import { decodeRun, type StoredChunk } from '../../../analysis/readings/decode-run.ts'
import { seriesOf } from '../../../analysis/readings/sample-table.ts'
import { encodeChunk } from '../../../analysis/schema/arrow.ts'
import { ROOT } from '../../support/root.ts'
import { chunksOf, GPU, request, runFile, runOf, s } from '../../support/run-fixture.ts'

const bytesOf = (columns: [string, ReturnType<typeof columnFromArray>][]) =>
  tableToIPC(tableFromColumns(columns as never), { format: 'stream' }) as Uint8Array
const chunk = (
  stream: StoredChunk['stream'],
  bytes: Uint8Array,
  seq = 0,
  process_id = 'p1',
): StoredChunk => ({ process_id, stream, seq, bytes })

describe('samples', () => {
  test('are ordered by time and apart by source, whatever the order of chunks', () => {
    const rows = (t: number[], sensor_id: string | null) =>
      t.map((x) => ({ t_ns: x, device_id: GPU, sensor_id, metric: 'gpu_power_mw', value: x }))
    const chunks = [
      chunk('sample', encodeChunk('sample', rows([5, 9, 7], 'a')), 1),
      chunk('sample', encodeChunk('sample', rows([1, 3], null)), 0),
      chunk('sample', encodeChunk('sample', rows([2, 4], 'a')), 0, 'p0'),
    ]
    for (const some of [chunks, [...chunks].reverse()]) {
      const { samples } = decodeRun(runFile(), some)
      expect([...samples.t_ns]).toEqual([1, 2, 3, 4, 5, 7, 9])
      expect(seriesOf(samples).map((x) => [x.sensor_id, [...x.value]])).toEqual([
        [null, [1, 3]],
        ['a', [2, 4, 5, 7, 9]],
      ])
    }
  })
  test('take any width of integer, plain text, missing columns and nulls', () => {
    const bytes = bytesOf([
      ['metric', columnFromArray(['gpu_power_mw', 'gpu_power_mw'], largeUtf8())],
      ['value', columnFromArray([250_000, null], int32())],
      ['t_ns', columnFromArray([1, 2], uint64())],
      ['device_id', columnFromArray([GPU, GPU], utf8())],
    ])
    const { samples } = decodeRun(runFile(), [chunk('sample', bytes)])
    expect([...samples.value]).toEqual([250_000, Number.NaN])
    expect([...samples.reason]).toEqual([-1, -1])
    expect(seriesOf(samples)[0]).toMatchObject({ device_id: GPU, sensor_id: null, failure: null })
  })
  test('keep exact times beyond 2^53 by the run origin, before it too', () => {
    const origin = 1_784_000_000_123_456_789n
    const file = runFile()
    const moved = {
      ...file,
      run: {
        ...file.run,
        phases: [
          { phase: 'measure' as const, start_t_ns: origin, end_t_ns: origin + 60_000_000_000n },
        ],
      },
    }
    const bytes = bytesOf([
      ['t_ns', columnFromArray([origin + 1n, origin - 7n, origin + 4_294_967_299n], int64())],
      ['device_id', columnFromArray([GPU, GPU, GPU], utf8())],
      ['metric', columnFromArray(['m', 'm', 'm'], utf8())],
    ])
    const run = decodeRun(moved, [chunk('sample', bytes)])
    expect(run.origin_ns).toBe(origin)
    expect([...run.samples.t_ns]).toEqual([-7, 1, 4_294_967_299])
  })
})

describe('requests', () => {
  test('come back as they were written', () => {
    const row = request('a', 1, 2, 3, 3, {
      chunk_kind: ['role', 'content', 'usage'],
      reasoning_tokens: null,
    })
    const [found] = runOf({ requests: [row] }).requests
    expect(found).toMatchObject({ ...row, scheduled_t_ns: null, prompt_sha256: null })
  })
  test('of several processes come together, by process and sequence', () => {
    const part = (id: string) => encodeChunk('request', [request(id, 1, 2, 3, 2)])
    const chunks = [
      chunk('request', part('c'), 0, 'p2'),
      chunk('request', part('b'), 1),
      chunk('request', part('a'), 0),
    ]
    expect(decodeRun(runFile(), chunks).requests.map((r) => r.request_id)).toEqual(['a', 'b', 'c'])
  })
  test('take narrow lists and null lists', () => {
    const bytes = bytesOf([
      ['request_id', columnFromArray(['a', 'b'], utf8())],
      ['chunk_t_ns', columnFromArray([[5, 6], null], list(int32()))],
      ['chunk_kind', columnFromArray([['content', 'finish'], []], list(utf8()))],
    ])
    const [a, b] = decodeRun(runFile(), [chunk('request', bytes)]).requests
    expect(a).toMatchObject({
      chunk_t_ns: [5, 6],
      chunk_kind: ['content', 'finish'],
      chunk_tokens: null,
    })
    expect(b).toMatchObject({ chunk_t_ns: null, chunk_kind: [], sent_t_ns: null })
  })
})

test('columns that another writer finds nothing but nulls in are columns of nulls', () => {
  const fixture = (stream: StoredChunk['stream']) =>
    chunk(stream, readFileSync(`${ROOT}test/fixtures/arrow/${stream}.arrow`))
  const run = decodeRun(runFile(), [fixture('sample'), fixture('request')])
  expect(seriesOf(run.samples)).toMatchObject([{ device_id: 'GPU-0', sensor_id: null }])
  expect([...(seriesOf(run.samples)[0]?.value ?? [])]).toEqual([400_000, Number.NaN, 400_000])
  expect(run.requests).toMatchObject([
    { request_id: 'a', chunk_t_ns: [], chunk_kind: [], chunk_tokens: null, output_tokens: null },
  ])
})

test('a device without a kind is what is read of it, else a GPU', () => {
  const read = (device_id: string, metric: string) => ({ t_ns: 0, device_id, metric, value: 1 })
  const fixture = {
    devices: ['a', 'b', 'c', 'd'].map((device_id) => ({ device_id, kind: null })),
    samples: [
      read('a', 'gpu_power_mw'),
      read('b', 'cpu_energy_uj'),
      read('b', 'dram_energy_uj'),
      read('c', 'dram_energy_uj'),
    ],
  }
  expect(runOf(fixture).devices.map((d) => d.kind)).toEqual(['gpu', 'cpu_package', 'dram', 'gpu'])
})

test('a run without chunks is empty, not an error', () => {
  const run = decodeRun(runFile(), [])
  expect([run.samples.length, run.requests.length, run.events.length]).toEqual([0, 0, 0])
})

test('the cut of chunks does not show', () => {
  const samples = Array.from({ length: 50 }, (_, i) => ({
    t_ns: s(((i * 17) % 50) / 10),
    device_id: GPU,
    sensor_id: i % 3 === 0 ? 'a' : 'b',
    metric: 'gpu_power_mw',
    value: i,
  }))
  const whole = runOf({ samples })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), (cut) => {
      const run = decodeRun(runFile({ samples }), chunksOf({ samples }, cut))
      expect(seriesOf(run.samples)).toEqual(seriesOf(whole.samples))
    }),
  )
})

test('ascending order is that of a stable sort', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -(2 ** 50), max: 2 ** 50 })),
      fc.integer({ min: 1, max: 1e6 }),
      (values, step) => {
        const t = Float64Array.from(values, (v) => Math.trunc(v / step))
        const expected = Array.from(t.keys()).sort(
          (a, b) => (t[a] as number) - (t[b] as number) || a - b,
        )
        expect([...(ascendingOrder(t) ?? t.keys())]).toEqual(expected)
      },
    ),
  )
})
