import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { AGENT, type Ended, type Home, makeHome, run, SERVER, start } from '../support/programs.ts'

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

/** A second of a tiny random model: every phase, and enough requests for a window. */
const tiny = {
  name: 'tiny',
  model: 'random-tiny',
  engine: 'embedded',
  load: { concurrency: 2, requests: 30 },
  data: { input_tokens: 16, output_tokens: 8 },
  phases: { baseline_s: 0.3, idle_s: 0.3, warmup: 2, cooldown_s: 0.2 },
}

function study(config: unknown): string {
  const path = join(home.dir, 'study.json')
  writeFileSync(path, JSON.stringify(config))
  return path
}

const agent = (...args: string[]) => run(AGENT, args, home)
const server = (...args: string[]) => run(SERVER, args, home)

function summariesOf(ended: Ended): Summary[] {
  const { runs } = JSON.parse(ended.stdout) as { runs: unknown[] }
  return runs.map((r) => summarySchema.parse(r))
}

/** A run of a minute that has just begun to measure. */
async function underMeasurement() {
  const config = study({ ...tiny, load: { concurrency: 2, duration_s: 60 } })
  const started = start(AGENT, ['run', config, '--json'], home)
  let seen = ''
  await new Promise<void>((resolve) =>
    started.child.stderr?.on('data', (part) => {
      seen += part
      if (seen.includes('measure')) resolve()
    }),
  )
  return started
}

describe('llem-agent run', () => {
  it('measures the embedded engine from nothing to a summary, a report and a bundle', async () => {
    const ended = await agent('run', study(tiny), '--out', 'out', '--json')
    expect(ended.stderr).not.toContain('at file:')
    const [summary] = summariesOf(ended)
    expect(ended.code, ended.stderr).toBe(summary?.valid ? 0 : 3)
    expect(
      summary?.metrics['requests_completed@run']?.value ??
        summary?.metrics['requests_completed']?.value,
    ).toBeGreaterThan(0)
    expect(summary?.metrics['energy_per_output_token_j']).toMatchObject({ unit: 'J/token' })
    expect(summary?.findings.map((f) => f.code)).toContain('synthetic_weights')
    const out = join(home.dir, 'out')
    expect(readdirSync(out).sort()).toEqual(
      ['manifest.json', 'report.html', 'run.json', 'streams', 'summary.json'].sort(),
    )
    // Everything was acknowledged, so nothing is left behind.
    expect(readdirSync(join(home.dir, 'state/llem/spool'))).toEqual([])

    const phases = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')).run.phases
    expect(phases.map((p: { phase: string }) => p.phase)).toEqual([
      'baseline',
      'load',
      'idle',
      'warmup',
      'measure',
      'drain',
      'cooldown',
    ])

    // The bundle alone, in another database, gives the same numbers.
    const other = await server('import', 'out', '--db', 'other.db')
    expect(other.code, other.stderr).toBe(0)
    const shown = await server('show', 'last', '--db', 'other.db', '--json')
    expect(JSON.parse(shown.stdout).metrics).toEqual(summary?.metrics)
  }, 90_000)

  it('records without a server, and the bundle is imported elsewhere', async () => {
    const ended = await agent('run', study(tiny), '--no-server', '--out', 'bundle', '--json')
    expect(ended.code, ended.stderr).toBe(0)
    const { bundles } = JSON.parse(ended.stdout)
    expect(bundles).toHaveLength(1)
    expect(existsSync(home.db)).toBe(false)
    const imported = await server('import', bundles[0].path, '--db', 'llem.db')
    expect(imported.code, imported.stderr).toBe(0)
    const again = await server('import', bundles[0].path, '--db', 'llem.db')
    expect(again.code).toBe(0)
  }, 90_000)

  it('compares the runs of a study', async () => {
    const ended = await agent(
      'run',
      study({ ...tiny, sweep: { 'load.concurrency': [1, 2] } }),
      '--json',
    )
    const { runs, comparison } = JSON.parse(ended.stdout)
    expect(runs).toHaveLength(2)
    expect(comparison.sentence).toMatch(/concurrency/)
  }, 120_000)

  it('stops at Ctrl-C, keeps and seals what was recorded, and exits 130', async () => {
    const { child, ended } = await underMeasurement()
    await new Promise((r) => setTimeout(r, 800))
    child.kill('SIGINT')
    const result = await ended
    expect(result.code, result.stderr).toBe(130)
    const [summary] = summariesOf(result)
    expect(summary?.findings.map((f) => f.code)).toContain('run_interrupted')
  }, 90_000)
})

describe('Ctrl-C twice', () => {
  it('stops at once, and ship seals what was recorded as interrupted', async () => {
    const { child, ended } = await underMeasurement()
    await new Promise((r) => setTimeout(r, 2500)) // longer than a chunk's age: something is durable
    child.kill('SIGINT')
    child.kill('SIGINT')
    await new Promise((r) => setTimeout(r, 50))
    child.kill('SIGINT')
    const result = await ended
    expect(result.code, result.stderr).toBe(130)
    expect(readdirSync(join(home.dir, 'state/llem/spool'))).toHaveLength(1)

    const shipped = await agent('ship', '--json')
    expect(shipped.code, shipped.stderr).toBe(0)
    expect(JSON.parse(shipped.stdout).runs).toMatchObject([{ state: 'sealed' }])
    const shown = await server('show', 'last', '--db', home.db, '--json')
    const codes = (JSON.parse(shown.stdout) as Summary).findings.map((f) => f.code)
    expect(codes).toContain('run_interrupted')
  }, 90_000)
})

describe('a configuration that is wrong', () => {
  it.each([
    [['run', 'nothing.yaml'], 'nothing.yaml'],
    [['run', 'quick-test', '--set', 'load.conc=3'], 'load.conc'],
    [['run', 'quick-test', '--set', 'load.concurrency=many'], 'load.concurrency: is "many"'],
    [['run', 'quick-test', '--set', 'model.path=/no/such.gguf'], '/no/such.gguf'],
    [['run', 'quick-test', '--item', '3/2'], '--item'],
    [['run', 'quick-test', '--nonsense'], '--nonsense'],
    [['bogus'], 'bogus'],
  ])('%j exits 2 and names %s', async (args, named) => {
    const ended = await agent(...args)
    expect(ended.code, ended.stderr).toBe(2)
    expect(ended.stderr).toContain(named)
    expect(ended.stdout).toBe('')
    expect(existsSync(home.db)).toBe(false)
  })
})
