import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenFiles } from '../../server/results/files.ts'
import { readResults, storeResults } from '../../server/results/import-results.ts'
import { parquetContent } from '../../server/results/parquet.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { readResultFile } from '../../server/store/results.ts'
import { fuzzRuns } from '../support/fuzz-factor.ts'
import { ROOT } from '../support/root.ts'
import { tempDir } from './served.ts'

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData']
const written = (columnData: Columns, options: object = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...options }))

const table = (bytes: Uint8Array) => {
  const read = parquetContent(bytes)
  if (typeof read === 'string') return read
  return read.content.form === 'table' ? read.content.rows : read.content.form
}

/** What pandas and Arrow write; see test/fixtures/importers/README.md. */
const RUNS = new Uint8Array(
  readFileSync(join(ROOT, 'test/fixtures/importers/mlenergy/runs/llm.parquet')),
)

describe('a Parquet file', () => {
  it('gives rows as plain objects: numbers bit for bit, nulls, texts, whole numbers', () => {
    const rows = table(
      written([
        { name: 'd', type: 'DOUBLE', data: [0.1, -0, 1e300], nullable: true },
        { name: 'i', type: 'INT64', data: [1n, null, -5n], nullable: true },
        { name: 's', type: 'STRING', data: ['Σ', '', null], nullable: true },
        { name: 'b', type: 'BOOLEAN', data: [true, null, false], nullable: true },
      ]),
    )
    expect(rows).toStrictEqual([
      { d: 0.1, i: 1, s: 'Σ', b: true },
      { d: -0, i: null, s: '', b: null },
      { d: 1e300, i: -5, s: null, b: false },
    ])
  })

  it('keeps the digits of a whole number that no number holds', () => {
    const data = [2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n)]
    expect(table(written([{ name: 'i', type: 'INT64', data }]))).toEqual([
      { i: 9007199254740991 },
      { i: '9007199254740992' },
      { i: '-9223372036854775808' },
    ])
  })

  it('reads NaN and infinities as null, and says how many, as of JSON', () => {
    const data = [Number.NaN, 1, Number.NEGATIVE_INFINITY]
    expect(parquetContent(written([{ name: 'd', type: 'DOUBLE', data }]))).toMatchObject({
      content: { rows: [{ d: null }, { d: 1 }, { d: null }] },
      notes: ['2 NaN or Infinity of the file were read as null'],
    })
  })

  it('is refused cut short anywhere', () => {
    for (let length = 4; length < RUNS.length; length += 997)
      expect(table(RUNS.slice(0, length))).toBe('is cut short: a Parquet file ends with PAR1')
    const middle = new Uint8Array([...RUNS.slice(0, 9000), ...RUNS.slice(9500)])
    expect(table(middle)).toMatch(/^(can't be read: column \w+|is damaged)/)
  })

  it('is read or refused in words with any bytes changed, soon and in little memory', () => {
    const forms = [
      RUNS,
      written([
        { name: 'i', type: 'INT64', data: Array.from({ length: 500 }, (_, i) => BigInt(i % 9)) },
      ]),
      written([{ name: 'd', type: 'DOUBLE', data: Array.from({ length: 500 }, (_, i) => i / 3) }], {
        codec: 'UNCOMPRESSED',
      }),
    ]
    const before = process.memoryUsage().rss
    const change = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255))
    fc.assert(
      fc.property(
        fc.constantFrom(...forms),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (form, changes) => {
          const bytes = form.slice()
          for (const [at, byte] of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte
          bytes.set(form.slice(0, 4))
          const started = performance.now()
          const read = parquetContent(bytes)
          expect(performance.now() - started).toBeLessThan(5000)
          if (typeof read === 'string') expect(read).toMatch(/^[a-z]/)
        },
      ),
      { numRuns: fuzzRuns(500) },
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(500_000_000)
  })

  it('is refused where its pages tell more than they hold, before memory is taken', () => {
    const data = Array.from({ length: 1000 }, () => 'same')
    const bytes = written([{ name: 's', type: 'STRING', data }], { codec: 'UNCOMPRESSED' })
    // A run of 1000, and a page of 1000 values, are the varint 2000: d0 0f. As fe 7f they tell 8191.
    const places = [...bytes.keys()].filter((i) => bytes[i] === 0xd0 && bytes[i + 1] === 0x0f)
    const told = places.map((at) => {
      const more = bytes.slice()
      more.set([0xfe, 0x7f], at)
      return table(more)
    })
    expect(told).toContain("can't be read: column s is damaged: a run tells 8191 values of 1000")
    expect(told).toContain("can't be read: column s is damaged: a page tells 8191 values of 1000")
  })

  it('is refused with more rows, or more bytes unpacked, than a table of results has', () => {
    const many = Array.from({ length: 100_001 }, () => 1)
    expect(table(written([{ name: 'd', type: 'DOUBLE', data: many }]))).toMatch(
      /^has 100001 rows, over 100000; a table of results holds less/,
    )
    // A text of 2,000 letters once in the dictionary, and 50,000 times in the rows.
    const same = Array.from({ length: 50_000 }, () => 'x'.repeat(2000))
    const bomb = written([{ name: 's', type: 'STRING', data: same }])
    expect(bomb.length).toBeLessThan(10_000)
    expect(table(bomb)).toMatch(/^unpacks to more than 64000000 bytes; /)
    const page = written([{ name: 's', type: 'STRING', data: ['x'.repeat(70_000_000)] }])
    expect(table(page)).toMatch(/column s unpacks to more than 64000000 bytes; /)
  })

  it('is refused in words with columns that are no plain numbers or texts', () => {
    const lists = new Uint8Array(
      parquetWriteBuffer({
        columnData: [{ name: 'l', data: [[1, 2], [3]] }],
        schema: [
          { name: 'root', num_children: 1 },
          { name: 'l', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
        ],
      }),
    )
    expect(table(lists)).toBe(
      'has columns within columns (lists or mappings); only a plain table is read',
    )
    const uuid = '00000000-0000-4000-8000-000000000000'
    expect(table(written([{ name: 'u', type: 'UUID', data: [uuid] }]))).toMatch(
      /^has a column u of kind \w+, which is not read/,
    )
    const delta = written([
      { name: 'i', type: 'INT32', encoding: 'DELTA_BINARY_PACKED', data: [1, 2, 3] },
    ])
    expect(table(delta)).toBe(
      "can't be read: column i is encoded as DELTA_BINARY_PACKED, which is not read; write it anew without",
    )
    expect(table(written([{ name: 'i', type: 'INT32', data: [] }]))).toEqual([])
  })
})

describe('the published bundle', () => {
  const any = { format: null, revision: null }
  const BUNDLE = join(ROOT, 'test/fixtures/importers/mlenergy')
  let store: Store
  let dir: string
  beforeAll(async () => {
    dir = tempDir()
    store = await openStore(join(dir, 'r.db'), { create: true })
    cpSync(BUNDLE, join(dir, 'bundle'), { recursive: true })
    mkdirSync(join(dir, 'bundle/configs/vllm'), { recursive: true })
    const info = { nickname: 'M', total_parameters_billion: 1 }
    writeFileSync(join(dir, 'bundle/configs/vllm/model_info.json'), JSON.stringify(info))
    writeFileSync(join(dir, 'bundle/configs/vllm/monolithic.config.yaml'), 'x: 1')
  })
  afterAll(() => store.close())
  const stored = async () =>
    Number(
      (
        await store.db
          .selectFrom('result')
          .select((eb) => eb.fn.countAll().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
    )

  it('is given at any level: its tables, raw runs and configurations, each by its content', () => {
    const at = (path: string) => readResults(givenFiles(join(dir, path)), any).results.length
    expect([at('.'), at('bundle'), at('bundle/runs'), at('bundle/runs/llm.parquet')]).toEqual([
      9, 9, 8, 6,
    ])
    const { rows, verdicts } = readResults(givenFiles(join(dir, 'bundle')), any).read
    expect(rows).toEqual({ mapped: 9, ignored: 2, lost: 0 })
    expect(verdicts.filter((v) => v.verdict === 'ignored').map((v) => v.file)).toContain(
      'configs/vllm/model_info.json',
    )
  })

  it('is kept with its tables, byte for byte, and changes nothing the second time', async () => {
    const read = readResults(givenFiles(join(dir, 'bundle')), any)
    expect(await storeResults(store, read, 'now')).toEqual({ inserted: 9, same: 0 })
    expect(await storeResults(store, read, 'now')).toEqual({ inserted: 0, same: 9 })
    const sha256 = read.read.files.find((f) => f.file === 'runs/llm.parquet')?.sha256 as string
    const kept = await readResultFile(store.db, sha256)
    expect(Buffer.compare(Buffer.from(kept?.bytes ?? []), Buffer.from(RUNS))).toBe(0)
  })

  it('is lost whole, with file and reason, where it is cut short, and nothing of it is kept', async () => {
    const before = await stored()
    const broken = join(dir, 'broken')
    mkdirSync(broken)
    writeFileSync(join(broken, 'llm.parquet'), RUNS.subarray(0, 20_000))
    expect(() => readResults(givenFiles(broken), any)).toThrow(
      'Nothing could be imported: llm.parquet is cut short: a Parquet file ends with PAR1.',
    )
    writeFileSync(join(broken, 'other.parquet'), written([{ name: 'power_w', data: [1, 2] }]))
    cpSync(join(BUNDLE, 'runs/diffusion.parquet'), join(broken, 'diffusion.parquet'))
    const { results, read } = readResults(givenFiles(broken), any)
    expect(results).toHaveLength(2)
    expect(read.verdicts.filter((v) => v.verdict !== 'mapped')).toMatchObject([
      { file: 'llm.parquet', verdict: 'lost', message: expect.stringMatching(/^is cut short/) },
      { file: 'other.parquet', verdict: 'ignored', message: 'is of no tool that is known here' },
    ])
    const half = [...results, { ...results[0], result_id: 'x', source: 'local' }]
    await expect(
      storeResults(store, { results: half as never, originals: [], read }, 'now'),
    ).rejects.toThrow(/result_not_measured/)
    expect(await stored()).toBe(before)
  })

  it('has its place among results by cautions: an unstable run is never ranked unasked', async () => {
    const rows = await store.db
      .selectFrom('result')
      .select(['name', 'batch_limit', 'cautions', 'valid'])
      .where('name', '=', 'SmolLM2-135M-Instruct')
      .orderBy('batch_limit')
      .execute()
    expect(rows.map((r) => [r.batch_limit, r.cautions, r.valid])).toEqual([
      [8, 0, 1],
      [16, 1, 1],
      [32, 1, 1],
    ])
  })
})
