import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PRICED_IDS } from '../../analysis/choosing/choice-metric.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { STREAM_NAMES } from '../../analysis/schema/stream.ts'
import { fuzzRuns } from '../support/fuzz-factor.ts'
import {
  RUN_ID,
  runText,
  sampleChunks,
  sampleRunFile,
  sealOf,
  type TestChunk,
} from './sample-run.ts'
import { putChunk, register, type Served, seal, sendRun, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
  await sendRun(server.api, RUN_ID)
})
afterAll(() => server.close())

const get = (path: string) => fetch(server.api + path)
const count = async (table: 'run' | 'process' | 'chunk') =>
  Number(
    (
      await server.store.db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n,
  )
const counts = () => Promise.all((['run', 'process', 'chunk'] as const).map(count))
let serial = 0
const nextId = () => `fuzz-${++serial}`

/** Everything that a run answers is below 500, whatever is stored of it. */
async function answersAll(run_id: string): Promise<void> {
  const id = encodeURIComponent(run_id)
  const paths = [
    `/runs/${id}`,
    `/runs/${id}/summary`,
    `/runs/${id}/findings`,
    `/runs/${id}/timeline`,
    `/runs/${id}/requests`,
    `/reports/${id}`,
    ...STREAM_NAMES.map(
      (s, i) => `/runs/${id}/streams/${s}?format=${['csv', 'arrow', 'parquet', 'ndjson'][i % 4]}`,
    ),
  ]
  for (const path of paths) {
    const answer = await get(path)
    await answer.arrayBuffer()
    expect([path, answer.status < 500]).toEqual([path, true])
  }
}

/** A valid run.json with one place in it set to anything. */
const places = (value: unknown, path: string[] = []): string[][] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([k, v]) => [[...path, k], ...places(v, [...path, k])])
    : []
const PLACES = places(sampleRunFile())
const CUT = runText({ run_id: 'cut' })
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    null,
    '',
    -1,
    0,
    1e308,
    '-9223372036854775808',
    9007199254740993n,
    2n ** 63n,
    -(2n ** 70n),
    [],
    {},
    '__proto__',
    '\u0000',
    '\ud800',
  ),
)

describe('run.json', () => {
  it(
    'with any value at any place is refused whole or stored whole, and never breaks an answer',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...PLACES), odd, async (place, value) => {
          const run_id = nextId()
          const file = sampleRunFile({ run_id, outcome: null }) as unknown as Record<
            string,
            unknown
          >
          let at = file
          for (const key of place.slice(0, -1)) at = at[key] as Record<string, unknown>
          at[place.at(-1) as string] = value
          const before = await counts()
          const answer = await register(server.api, toJson(file))
          expect([201, 422]).toContain(answer.status)
          const after = await counts()
          if (answer.status === 422) {
            expect(after).toEqual(before)
            return
          }
          const id = ((await answer.json()) as { run_id: string }).run_id
          expect(after[0]).toBe((before[0] as number) + 1)
          for (const chunk of sampleChunks())
            await putChunk(server.api, encodeURIComponent(id), chunk)
          await answersAll(id)
        }),
        { numRuns: fuzzRuns(30), examples: [[['devices', '0', 'kind'], '__proto__']] },
      )
    },
    fuzzRuns(60_000),
  )

  it(
    'of any bytes is refused, and nothing of it is stored',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.uint8Array({ maxLength: 300 }),
            fc.json().map((s) => new TextEncoder().encode(s)),
            fc.nat(CUT.length - 1).map((n) => new TextEncoder().encode(CUT.slice(0, n))),
            fc.constant(new TextEncoder().encode('['.repeat(100_000))),
          ),
          async (body) => {
            const before = await counts()
            const answer = await fetch(`${server.api}/runs`, { method: 'POST', body })
            expect([400, 422]).toContain(answer.status)
            expect(await counts()).toEqual(before)
          },
        ),
        { numRuns: fuzzRuns(30) },
      )
    },
    fuzzRuns(60_000),
  )
})

describe('parameters', () => {
  it(
    'of any name and value are answered below 500',
    async () => {
      const name = fc.oneof(
        fc.constantFrom(
          'model',
          'limit',
          'cursor',
          'sort',
          'tag',
          'valid',
          'started_from',
          'num_gpus',
          'max_ttft_ms_p50',
          'min_energy_gpu_j',
          'run',
          'columns',
          'format',
          'minimize',
          'x',
          'max_money_per_mtok_out',
          'zone',
          'g_per_kwh',
          'pue',
          'price_per_kwh',
          'rent_per_gpu_hour',
          'scenario',
          'sites',
          'version',
          '__proto__',
        ),
        fc.string(),
      )
      const value = fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.string(),
        fc.integer().map(String),
        fc.constantFrom(
          '-1',
          '1e999',
          'NaN',
          "' or 1=1 --",
          '%00',
          '2026-13-45',
          'last',
          'berlin@1',
          'stored@2',
        ),
      )
      const path = fc.constantFrom(
        '/runs',
        '/studies',
        '/experiments',
        '/compare',
        '/runs/last/timeline',
        '/runs/last/requests',
        '/runs/last/streams/sample',
        '/reports/last',
        '/pareto',
        '/recommend',
        '/runs/last/cost',
        '/totals',
        '/scenarios',
        '/scenarios/berlin',
        '/sites',
      )
      await fc.assert(
        fc.asyncProperty(
          path,
          fc.array(fc.tuple(name, value), { maxLength: 4 }),
          async (p, pairs) => {
            const query = pairs.map(([k, v]) => `${encode(k)}=${encode(v)}`).join('&')
            const answer = await get(`${p}?${query}`)
            await answer.arrayBuffer()
            expect(answer.status).toBeLessThan(500)
          },
        ),
        { numRuns: fuzzRuns(60) },
      )
    },
    fuzzRuns(60_000),
  )

  it(
    'of a choice under any scenario are answered below 500, with numbers that are finite',
    async () => {
      const metric = fc.constantFrom(...PRICED_IDS, 'energy_per_output_token_j', 'itl_ms_p50')
      const amount = fc.oneof(
        fc.double({ noNaN: true }).map(String),
        fc.constantFrom('0', '1', '1.2', '400', '1e-300', '1e300', '-1', 'DE', 'QQ', 'aws', ''),
      )
      const said = fc.constantFrom(
        'zone',
        'g_per_kwh',
        'pue',
        'wue_site',
        'wue_grid',
        'host_share_w',
        'price_per_kwh',
        'rent_per_gpu_hour',
        'hardware',
        'embodied',
        'year',
        'currency',
      )
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('/recommend?minimize=', '/pareto?y='),
          metric,
          fc.dictionary(said, amount, { maxKeys: 5 }),
          async (path, id, scenario) => {
            const query = Object.entries(scenario).map(([k, v]) => `&${k}=${encode(v)}`)
            const answer = await get(`${path}${id}&cautions=include&resamples=20${query.join('')}`)
            const text = await answer.text()
            expect([answer.status < 500, text.includes('NaN')]).toEqual([true, false])
          },
        ),
        { numRuns: fuzzRuns(60) },
      )
    },
    fuzzRuns(60_000),
  )

  it(
    'of any RUN are answered below 500',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (ref) => {
          const answer = await get(`/runs/${encode(ref)}/summary`)
          expect(answer.status).toBeLessThan(500)
        }),
        { numRuns: fuzzRuns(30) },
      )
    },
    fuzzRuns(60_000),
  )

  it('of an address that is not well encoded are refused', async () => {
    for (const path of ['/runs/%E0%A4%A', '/runs/last?x=%E0%A4%A', '/runs/%ff/summary'])
      expect((await get(path)).status).toBeLessThan(500)
  })
})

const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString())

describe('chunk bytes', () => {
  const chunks = sampleChunks()
  const damaged = fc
    .tuple(
      fc.constantFrom(...chunks),
      fc.oneof(
        fc.record({
          flip: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
            minLength: 1,
            maxLength: 8,
          }),
        }),
        fc.record({ cut: fc.double({ min: 0, max: 1, noNaN: true }) }),
        fc.record({ put: fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 16 })) }),
      ),
    )
    .map(([chunk, how]): TestChunk => {
      const bytes = chunk.bytes.slice()
      if ('flip' in how)
        for (const [at, by] of how.flip)
          bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ by
      if ('put' in how) bytes.set(how.put[1], how.put[0] % (bytes.length - 16))
      return {
        ...chunk,
        seq: 0,
        bytes: 'cut' in how ? bytes.slice(0, Math.floor(bytes.length * how.cut)) : bytes,
      }
    })

  it(
    'flipped, overwritten or cut are refused or stored as they came, and never break an answer',
    async () => {
      await fc.assert(
        fc.asyncProperty(damaged, async (chunk) => {
          const run_id = nextId()
          await register(server.api, runText({ run_id }))
          const answer = await putChunk(server.api, run_id, chunk)
          expect([201, 400, 415, 422]).toContain(answer.status)
          const stored = await server.store.db
            .selectFrom('chunk')
            .select('bytes')
            .where('run_id', '=', run_id)
            .execute()
          expect(stored.map((c) => Buffer.compare(Buffer.from(c.bytes), chunk.bytes))).toEqual(
            answer.status === 201 ? [0] : [],
          )
          if (answer.status !== 201) return
          expect((await seal(server.api, run_id, sealOf([chunk]))).status).toBe(200)
          await answersAll(run_id)
        }),
        { numRuns: fuzzRuns(60) },
      )
    },
    fuzzRuns(60_000),
  )

  it('leave the server without an internal error in its log', () => {
    expect(server.log).toEqual([])
  })
})
