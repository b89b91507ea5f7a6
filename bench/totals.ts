/**
 * Totals by month and model over 100,000 runs, from the kept energies of a real database, and the cost of 10,000 of them
 * under one scenario with a series of hourly factors; DuckDB does the same sums over the same rows in its memory.
 *
 * Run: npx tsx bench/totals.ts   (for the second half: npm install --no-save @duckdb/node-api)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cost } from '../analysis/cost/cost.ts'
import { energyTimelineSchema } from '../analysis/schema/energy-timeline.ts'
import { instantText } from '../analysis/schema/instant.ts'
import { type Scenario, scenarioSchema } from '../analysis/schema/scenario.ts'
import { ANALYSIS_VERSION } from '../analysis/schema/summary.ts'
import { runQuerySchema } from '../server/run-query.ts'
import { openStore, type Store } from '../server/store/open.ts'
import { totalsRows } from '../server/store/totals-rows.ts'
import { createSummaries } from '../server/summaries.ts'
import { totalsStored } from '../server/totals.ts'
import { median, printTable } from './table.ts'

const RUNS = 100_000
const HOSTS = 10
const LEDGERS = 100
const ROUNDS = 5
const HOUR = 3_600_000
const START_MS = Date.UTC(2025, 0, 1)
const HOURS = 8760
/** As long as that of a real run: it lies in the same row. */
const RUN_JSON = JSON.stringify({ configuration: 'x'.repeat(6000) })

/** Half of the runs end within their hour, half go into the next: three rows of energy a run. */
function fill(store: Store): number {
  const { raw } = store
  const run = raw.prepare(
    `insert into run (run_id, source, state, run_json, sha256, registered_sha256, outcome, experiment_key, num_gpus,
       model, host, started_at, created_at) values (?, 'local', 'sealed', ?, '', '', ?, 'k', 8, ?, ?, ?, ?)`,
  )
  const energy = raw.prepare(
    `insert into run_energy values (?, ${ANALYSIS_VERSION}, ?, 'gpu', 1, 8, 0.02, null, '')`,
  )
  const hour = raw.prepare('insert into run_energy_hour values (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)')
  let rows = 0
  raw.transaction(() => {
    for (let i = 0; i < RUNS; i++) {
      const id = `run-${String(i).padStart(6, '0')}`
      const begin = START_MS + ((i * 7919) % (HOURS - 2)) * HOUR + ((i * 104_729) % 3600) * 1000
      const at = new Date(begin).toISOString()
      run.run(
        id,
        RUN_JSON,
        i % 50 === 0 ? 'failed' : 'completed',
        `model-${i % 20}`,
        `host-${i % HOSTS}`,
        at,
        at,
      )
      energy.run(id, i % 30 === 0 ? 0 : 1)
      const end = begin + 1_800_000
      const cut = Math.floor(begin / HOUR) * HOUR + HOUR
      const uj = 10 ** 12 + ((i * 7919) % 10 ** 9) * 997
      const parts =
        cut < end
          ? [
              [begin, cut],
              [cut, end],
            ]
          : [[begin, end]]
      for (const [seq, [from = 0, to = 0]] of parts.entries()) {
        hour.run(id, 'window', seq, from, to, to - from, Math.round((uj * (to - from)) / 1_800_000))
        rows++
      }
      hour.run(id, 'outside', 9, begin, Math.min(cut, end), 300_000, Math.round(uj / 20))
      rows++
    }
  })()
  return rows
}

const hourly = Array.from({ length: HOURS }, (_, h) => 100 + ((h * 37) % 500))
const scenarioOf = (intensity: unknown): Scenario =>
  scenarioSchema.parse({ scenario_version: 1, id: 'bench', intensity, pue: 1.2 })
const series = scenarioOf({
  series: {
    source: 'bench',
    rows: hourly.map((g_per_kwh, h) => ({
      from: instantText(START_MS + h * HOUR),
      to: instantText(START_MS + (h + 1) * HOUR),
      g_per_kwh,
    })),
  },
})
const constant = scenarioOf({ factor: { value: 400, source: 'bench' } })

const all = runQuerySchema.parse({})
const dir = mkdtempSync(join(tmpdir(), 'llem-bench-'))
try {
  const store = await openStore(join(dir, 'llem.db'), { create: true })
  const rows = fill(store)
  const now = () => new Date().toISOString()
  const summaries = createSummaries(store, now, console.error)
  const by = ['month', 'model']
  const carbonOf = async (scenario: Scenario, filters = all) => {
    const { totals } = await totalsStored(
      store,
      summaries,
      { by, filters, scenario, sites: null },
      now,
    )
    return totals
  }
  const table: string[][] = []
  const timed = async <T>(
    what: string,
    work: () => Promise<T> | T,
    of = '',
  ): Promise<[number, T]> => {
    const seconds: number[] = []
    let result = await work()
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now()
      result = await work()
      seconds.push((performance.now() - start) / 1000)
    }
    table.push([what, median(seconds).toFixed(3), of])
    return [median(seconds), result]
  }
  await timed(
    'llem: read the rows',
    () => Array.from(totalsRows(store, all, by, false)).length,
    `${rows} rows`,
  )
  const [, one] = await timed('llem: totals, one factor', () => carbonOf(constant), '240 groups')
  const [, hours] = await timed('llem: totals, hourly series', () => carbonOf(series), '240 groups')

  await timed(
    `llem: cost of ${RUNS / HOSTS} runs, hourly series`,
    () => carbonOf(series, { ...all, facts: { host: ['host-0'] } }),
    'one of ten hosts',
  )
  const timelines = Array.from({ length: LEDGERS }, (_, i) => {
    const from = START_MS + ((i * 7919) % (HOURS - 2)) * HOUR
    return energyTimelineSchema.parse({
      run_id: `run-${i}`,
      boundary: 'gpu',
      seconds: 1800,
      intervals: [
        {
          from: instantText(from),
          to: instantText(from + 1_800_000),
          energies: { gpu: { energy_uj: 10 ** 12, method: 'counter' } },
        },
      ],
      tokens: { input: 1, output: 1, good: 1 },
      requests: 1,
      requests_good: 1,
      gpus: 8,
      gpu_hours_reserved: 4,
    })
  })
  await timed(`llem: ${LEDGERS} whole ledgers, hourly series`, () =>
    timelines.map((t) => cost(t, series)),
  )
  const duckdb = await duckdbRows(store, dir)
  if (duckdb === null) table.push(['DuckDB', '-', 'npm install --no-save @duckdb/node-api'])
  else {
    const [, carbon] = await timed('DuckDB: the same, one factor', () => duckdb.carbon('400'))
    const [, joined] = await timed('DuckDB: the same, hourly join', () => duckdb.carbon(null))
    for (const [ours, theirs] of [
      [one, carbon],
      [hours, joined],
    ] as const)
      if (BigInt(ours.total.lines['co2_location'] ?? 0) !== theirs)
        table.push(['differ', String(ours.total.lines['co2_location']), String(theirs)])
  }
  console.log(`${RUNS} runs, median of ${ROUNDS}\n`)
  printTable(['what', 'seconds', 'of'], table)
  await store.close()
} finally {
  rmSync(dir, { recursive: true, force: true })
}

/** The rows as a table of DuckDB, and the question: grams by month and model as whole nanograms. */
async function duckdbRows(store: Store, into: string) {
  const name = '@duckdb/node-api'
  const duckdb = await import(name).catch(() => null)
  if (duckdb === null) return null
  const file = join(into, 'rows.csv')
  const lines = Array.from(totalsRows(store, all, ['model'], false), (r) =>
    [r.run_id, r.keys['model'], r.from_ms, r.it_uj].join(','),
  )
  writeFileSync(file, `run_id,model,from_ms,it_uj\n${lines.join('\n')}\n`)
  const factors = join(into, 'factors.csv')
  writeFileSync(
    factors,
    `hour,g\n${hourly.map((g, h) => `${START_MS / HOUR + h},${g}`).join('\n')}\n`,
  )
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`create table e as select * from read_csv('${file}')`)
  await connection.run(`create table f as select * from read_csv('${factors}')`)
  return {
    /** @param g one factor; null: that of each hour */
    async carbon(g: string | null): Promise<bigint> {
      const answer = await connection.runAndReadAll(
        `select strftime(make_timestamp(from_ms * 1000), '%Y-%m') as month, model, count(distinct run_id) as runs,
           sum(it_uj) as uj, sum(cast(floor(it_uj / 3.6e12 * 1.2 * ${g ?? 'g'} * 1e9 + 0.5) as bigint)) as ng
         from e ${g === null ? 'join f on f.hour = e.from_ms // 3600000' : ''} group by all order by all`,
      )
      return answer.getRows().reduce((sum: bigint, r: unknown[]) => sum + BigInt(String(r[4])), 0n)
    },
  }
}
