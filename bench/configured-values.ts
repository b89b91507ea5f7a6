/**
 * Filters, order and groups by a configured value of 100,000 runs, as the server keeps them (a table of path and value,
 * in sets that runs of one configuration share), against a generated column with an index of its own for that one path
 * and against reading every run.json. `npx tsx bench/configured-values.ts`
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runQuerySchema } from '../server/run-query.ts'
import { openStore, type Store } from '../server/store/open.ts'
import { listRuns } from '../server/store/run-list.ts'
import { putValueSet } from '../server/store/value-sets.ts'
import { median, printTable } from './table.ts'

const RUNS = 100_000
const ROUNDS = 7
const MODELS = 24
const MIB = 1_048_576

/** A configuration of a sweep over models, loads and options: forty values, some hundreds of sets. */
const configurationOf = (i: number) => ({
  'load.concurrency': 2 ** (i % 9),
  'data.input_tokens': 128 * (1 + (i % 7)),
  'engine.options.max_num_seqs': 2 ** (i % 5),
  ...Object.fromEntries(Array.from({ length: 37 }, (_, k) => [`phases.x.k${k}`, k])),
})

async function fill({ db, raw }: Store): Promise<void> {
  const run = raw.prepare(
    `insert into run (run_id, source, state, run_json, sha256, registered_sha256, experiment_key, model, num_gpus,
       created_at, archived, value_set_id) values (?, 'local', 'open', ?, '', '', ?, ?, 1, ?, 0, ?)`,
  )
  const padding = 'x'.repeat(4_000)
  await db.transaction().execute(async (tx) => {
    for (let i = 0; i < RUNS; i++) {
      const configuration = configurationOf(i)
      const set = await putValueSet(tx, new Map(Object.entries(configuration)))
      const at = new Date(1_750_000_000_000 + ((i * 7919) % RUNS) * 60_000).toISOString()
      const text = JSON.stringify({ configuration, padding })
      run.run(`run-${i}`, text, String(set), `model-${i % MODELS}`, at, set)
    }
  })
  raw.exec('analyze')
}

const dir = mkdtempSync(join(tmpdir(), 'llem-bench-'))
try {
  const path = join(dir, 'llem.db')
  const store = await openStore(path, { create: true })
  await fill(store)
  const { db, raw } = store
  const sets = raw.prepare('select count(*) from value_set').pluck().get()
  const cells: string[][] = []
  const timed = async (what: string, work: () => unknown) => {
    const seconds: number[] = []
    for (let i = 0; i < ROUNDS; i++) {
      const started = performance.now()
      await work()
      seconds.push(performance.now() - started)
    }
    cells.push([what, median(seconds).toFixed(1)])
  }
  const page = (query: Record<string, string>) => () => listRuns(db, runQuerySchema.parse(query))
  const sql = (text: string) => () => raw.prepare(text).all()
  await timed('the newest 50 of all runs', page({}))
  await timed('the newest 50 of concurrency 1 or 4', page({ 'load.concurrency': '1,4' }))
  await timed('50 by concurrency', page({ sort: 'load.concurrency' }))
  await timed(
    'runs by concurrency, counted',
    sql(`select v.text, count(*) from run left join value_set_value v
      on v.value_set_id = run.value_set_id and v.path = 'load.concurrency' group by v.text`),
  )
  const json = `json_extract(run_json, '$.configuration."load.concurrency"')`
  await timed(
    'json_extract: runs by concurrency, counted',
    sql(`select ${json}, count(*) from run group by 1`),
  )
  const size = statSync(path).size
  const started = performance.now()
  raw.exec(
    `alter table run add column generated as (${json}); create index run_generated on run (generated, run_id)`,
  )
  cells.push([
    'generated column and index, of one path: made',
    (performance.now() - started).toFixed(1),
  ])
  await timed(
    'generated: the newest 50 of concurrency 1 or 4',
    sql('select * from run where generated in (1, 4) order by created_at desc limit 50'),
  )
  await timed(
    'generated: 50 by concurrency',
    sql('select * from run order by generated, run_id limit 50'),
  )
  await timed(
    'generated: runs by concurrency, counted',
    sql('select generated, count(*) from run group by generated'),
  )
  console.log(`${RUNS} runs, ${sets} sets, ${(size / MIB).toFixed(0)} MiB, median of ${ROUNDS}\n`)
  printTable(['what', 'ms'], cells)
  await store.close()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
