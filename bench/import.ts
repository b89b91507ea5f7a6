/**
 * Import of the published leaderboard of the fixtures (1153 rows, 0.7 MB of JSON in seven files): parsing alone, parsing
 * and reading every row with its checks, and the same into a fresh database.
 *
 * Run: npx tsx bench/import.ts
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { givenFiles } from '../server/results/files.ts'
import { readResults, storeResults } from '../server/results/import-results.ts'
import { openStore } from '../server/store/open.ts'
import { median, printTable } from './table.ts'

const BOARD = new URL('../test/fixtures/mlenergy', import.meta.url).pathname
const ROUNDS = 15
const ANY = { format: null, revision: null }

const seconds = async (work: () => unknown): Promise<number> => {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

const files = givenFiles(BOARD).map((f) => join(BOARD, f.path))
const rows = readResults(givenFiles(BOARD), ANY).results.length
const dir = mkdtempSync(join(tmpdir(), 'llem-bench-'))
const times: Record<'parse' | 'read' | 'store' | 'again', number[]> = {
  parse: [],
  read: [],
  store: [],
  again: [],
}
try {
  for (let round = 0; round < ROUNDS; round++) {
    const store = await openStore(join(dir, `${round}.db`), { create: true })
    const whole = () => storeResults(store, readResults(givenFiles(BOARD), ANY), 'now')
    times.parse.push(
      await seconds(() => files.map((f) => JSON.parse(readFileSync(f, 'utf8')) as unknown)),
    )
    times.read.push(await seconds(() => readResults(givenFiles(BOARD), ANY)))
    times.store.push(await seconds(whole))
    times.again.push(await seconds(whole))
    await store.close()
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}

const base = median(times.parse)
const line = (what: string, of: readonly number[]) => {
  const s = median(of)
  return [what, s.toFixed(3), Math.round(rows / s).toLocaleString('en'), (s / base).toFixed(1)]
}
printTable(
  ['what', 'seconds', 'rows/s', 'ratio to JSON.parse'],
  [
    line('JSON.parse of every file, alone', times.parse),
    line('every row read and checked, files hashed and packed', times.read),
    line('the same into a new database', times.store),
    line('the same again: nothing new', times.again),
  ],
)
