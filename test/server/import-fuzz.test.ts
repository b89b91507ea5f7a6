import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenRow } from '../analysis/importers/mlenergy-files.ts'
import { fuzzRuns } from '../support/fuzz-factor.ts'
import { ROOT } from '../support/root.ts'
import { problem, type Served, served } from './served.ts'

/** Imports that are sent at the same time, and read two at a time. */
const TOGETHER = 4

let server: Served
beforeAll(async () => {
  server = await served({ import_limits: { at_once: 2, seconds: 30, memory_mb: 512 } })
})
afterAll(() => server.close())

const IMPORTERS = join(ROOT, 'test/fixtures/importers')
/** Small files that the tools themselves wrote, Parquet among them. */
const REAL = readdirSync(IMPORTERS, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile() && /\.(json|jsonl|csv|parquet)$/.test(e.name))
  .map((e) => readFileSync(join(e.parentPath, e.name)))
  .filter((bytes) => bytes.length < 200_000)

const file = (configurations: unknown[]) =>
  JSON.stringify({ task: 'fuzz', architecture: 'llm', configurations })

const damaged = fc
  .record({
    bytes: fc.constantFrom(...REAL),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 8 }),
    packed: fc.boolean(),
  })
  .map(({ bytes, cut, flips, packed }) => {
    const own = Uint8Array.from(packed ? gzipSync(bytes) : bytes)
    for (const [at, by] of flips) own[at % own.length] = (own[at % own.length] as number) ^ by
    return cut === null ? own : own.slice(0, Math.floor(own.length * cut))
  })

const anything = fc.oneof(
  fc.string().map((t) => Buffer.from(t)),
  fc.json().map((t) => Buffer.from(t)),
  fc.jsonValue().map((v) => Buffer.from(file([v, { ...tokenRow(), extra: v }]))),
  fc.uint8Array(),
  damaged,
)

describe('a file of any bytes', () => {
  it(
    'is read or refused in words by the process of its own, and a dry run stores nothing',
    async () => {
      let bodies = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(anything, { minLength: TOGETHER, maxLength: TOGETHER }),
          async (files) => {
            const responses = await Promise.all(
              files.map((body) =>
                fetch(`${server.api}/import?dry_run=1`, {
                  method: 'POST',
                  body: new Uint8Array(body),
                }),
              ),
            )
            for (const response of responses) {
              bodies++
              if (response.status === 200)
                expect(await response.json()).toMatchObject({ dry_run: true })
              else {
                const { status, code, detail } = await problem(response)
                expect([status, code]).toEqual([422, 'results_refused'])
                expect(detail).toMatch(/\.$/)
              }
            }
          },
        ),
        { numRuns: fuzzRuns(15) },
      )
      expect(bodies).toBeGreaterThanOrEqual(TOGETHER * fuzzRuns(15))
      expect(await server.store.db.selectFrom('result').selectAll().execute()).toEqual([])
      expect(server.log).toEqual([])
    },
    fuzzRuns(300_000),
  )
})
