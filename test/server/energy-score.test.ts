import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../support/root.ts'
import { llemServer } from './program.ts'
import { runText, sampleChunks } from './sample-run.ts'
import { tempDir } from './served.ts'

let dir: string
let db: string
const cli = (...args: string[]) => llemServer([...args, '--db', db], { cwd: dir })
beforeAll(async () => {
  dir = tempDir()
  db = join(dir, 'lab.db')
  const at = join(dir, 'run')
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'run.json'), runText())
  for (const c of sampleChunks()) {
    mkdirSync(join(at, `streams/p0/${c.stream}`), { recursive: true })
    writeFileSync(join(at, `streams/p0/${c.stream}/${c.seq}.arrow`), c.bytes)
  }
  expect((await cli('import', at)).code).toBe(0)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('llem-server energy-score', () => {
  it('says what to import where there is no board', async () => {
    const ended = await cli('energy-score', 'last')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('named after the task (text_generation.csv)')
  })

  it('places a run among the models of the board', async () => {
    const board = join(ROOT, 'test/fixtures/importers/ai-energy-score/text_generation.csv')
    expect((await cli('import', board)).code).toBe(0)
    const again = await cli('import', board)
    expect(again.stdout).toContain('nothing has changed')
    const summary = JSON.parse((await cli('show', 'last', '--json')).stdout)
    const { stdout, code } = await cli('energy-score', 'last', '--class', 'A', '--json')
    expect(code).toBe(0)
    const score = JSON.parse(stdout)
    const joules = summary.metrics.energy_per_request_j.value
    expect(joules).toBeGreaterThan(60)
    expect(score.wh_per_1000_queries).toBeCloseTo((joules * 1000) / 3600, 9)
    // The board's largest takes 16 Wh per 1,000 queries.
    expect(score).toMatchObject({ stars: 1, models: 5, task: 'text_generation' })
  })

  it('is one line for people', async () => {
    const { stdout } = await cli('energy-score', 'last', '--class', 'A')
    expect(stdout).toMatch(
      /^[\d.]+ Wh per 1,000 queries \([\d.]+ to [\d.]+\); 1 of 5 stars among 5 models of text_generation\.\n$/,
    )
  })
})
