import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paretoSchema, recommendationSchema } from '../../analysis/schema/choosing.ts'
import { ROOT } from '../support/root.ts'
import { choosingRun, type RunShape } from './choosing-run.ts'
import { llemServer } from './program.ts'
import { tempDir } from './served.ts'

let dir: string
const RUNS: Record<string, RunShape> = {
  'fast-1': { watts: 400, gap_ms: 40, concurrency: 1 },
  'mid-1': { watts: 300, gap_ms: 80, concurrency: 2 },
  'bad-1': { watts: 350, gap_ms: 100, concurrency: 8 },
}
beforeAll(async () => {
  dir = tempDir()
  for (const [run_id, shape] of Object.entries(RUNS)) {
    const { text, chunks } = choosingRun(run_id, shape)
    const at = join(dir, 'in', run_id)
    for (const c of chunks) {
      mkdirSync(join(at, 'streams/p0', c.stream), { recursive: true })
      writeFileSync(join(at, `streams/p0/${c.stream}/0.arrow`), c.bytes)
    }
    writeFileSync(join(at, 'run.json'), text)
  }
  const { code, stderr } = await run('import', join(dir, 'in'))
  expect([code, stderr]).toEqual([0, ''])
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const run = (...args: string[]) => llemServer([...args, '--db', join(dir, 'lab.db')], { cwd: dir })
const CHAT = ['--task', 'chat', '--cautions', 'include']

describe('llem-server pareto', () => {
  it('prints the same JSON as /pareto, or a table', async () => {
    const asked = ['--x', 'itl_ms_p50', '--y', 'energy_per_output_token_j']
    const { code, stdout, stderr } = await run('pareto', ...CHAT, ...asked, '--json')
    expect([code, stderr]).toEqual([0, ''])
    const answer = paretoSchema.parse(JSON.parse(stdout))
    expect(answer.points.map((p) => [p.id, p.frontier])).toEqual([
      ['fast-1', true],
      ['mid-1', true],
      ['bad-1', false],
    ])
    const table = await run('pareto', ...CHAT, '--max_itl_ms_p50=90')
    expect(table.stdout).toMatch(
      /^itl_ms_p50 \(ms\) {2}energy_per_output_token_j \(J\/token\) {2}FRONTIER/,
    )
    expect(table.stdout).toMatch(/\n40 +[\d.]+ +on it +yes +100 +fast-1/)
    expect(table.stdout).not.toContain('bad-1')
  })

  it('says on stderr what was left out, and draws a chart', async () => {
    const clean = await run('pareto')
    expect(clean).toMatchObject({
      code: 0,
      stdout: 'No configuration can be ranked.\n',
      stderr: 'Left out: 3 with cautions (--cautions include ranks them).\n',
    })
    const chart = await run('pareto', ...CHAT, '--format', 'vega')
    expect(JSON.parse(chart.stdout)).toHaveProperty('layer')
  })

  it('takes an objective with a minus, and refuses what it does not know', async () => {
    const slow = await run('pareto', ...CHAT, '--x', '-itl_ms_p50', '--json')
    expect(JSON.parse(slow.stdout).objectives[0].direction).toBe('max')
    expect(await run('pareto', '--x', 'speed')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('--x is "speed"; it must be a metric such as itl_ms_p50'),
    })
    expect(await run('pareto', '--deadline', '5')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--deadline is not known here'),
    })
    expect(await run('pareto', 'last')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('last is not an option of pareto'),
    })
  })
})

describe('llem-server recommend', () => {
  const asked = ['--max_itl_ms_p50', '90', '--baseline', 'fastest_feasible']

  it('prints the same JSON as /recommend, or the reason with a table', async () => {
    const { code, stdout } = await run('recommend', ...CHAT, ...asked, '--json')
    expect(code).toBe(0)
    const answer = recommendationSchema.parse(JSON.parse(stdout))
    expect(answer).toMatchObject({ recommended: { id: 'mid-1' }, baseline: { id: 'fast-1' } })
    const text = await run('recommend', ...CHAT, ...asked)
    expect(text.stdout.startsWith(`${answer.reason}\n\n`)).toBe(true)
    expect(text.stdout).toMatch(/\nrecommended +[\d.]+ +[\d.]+ to [\d.]+ +80 +mid-1/)
    expect(text.stdout).toMatch(/\nbaseline +[\d.]+ .* 40 +fast-1/)
  })

  it('where none is feasible shows the nearest; a bad question is refused', async () => {
    const none = await run('recommend', ...CHAT, '--max_itl_ms_p50', '20')
    expect(none.code).toBe(0)
    expect(none.stdout).toMatch(/^None of 3 configurations has .* 20 ms too much\.\n/)
    expect(none.stdout).toMatch(/\nnearest .* fast-1/)
    expect(await run('recommend', '--minimize', 'output_throughput_tok_s')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--minimize'),
    })
    expect(await run('recommend', '--current', 'nobody')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no run "nobody"'),
    })
  })

  it('speaks of money and carbon under a scenario, of a file too', async () => {
    const rented = ['--rent_per_gpu_hour', '2', '--currency', 'EUR', '--g_per_kwh', '400']
    const cheap = await run(
      'recommend',
      ...CHAT,
      ...asked,
      '--minimize',
      'money_per_mtok_out',
      ...rented,
    )
    expect([cheap.code, cheap.stderr]).toEqual([0, ''])
    expect(cheap.stdout).toMatch(/ costs [\d.]+ EUR \/ 1M output tokens at /)
    expect(cheap.stdout).toContain(
      '\nPriced by electricity of 400 g/kWh (as given); an unknown PUE; 2 EUR per GPU hour, electricity included (as given).\npue_unknown: ',
    )
    expect(cheap.stdout).toMatch(
      /money_per_mtok_out \(EUR \/ 1M output tokens\) .* carbon_location_per_mtok_out \(gCO2e/,
    )
    // Where a rent with its electricity decides alone, the site's PUE is nobody's matter.
    const rent = ['--minimize', 'money_per_mtok_out', '--rent_per_gpu_hour', '2']
    const rentAlone = await run('recommend', ...CHAT, ...asked, ...rent)
    expect(rentAlone.stdout).toContain(
      '\nPriced by 2 USD per GPU hour, electricity included (as given).\n',
    )
    expect(rentAlone.stdout).not.toMatch(/PUE|pue/)
    const scenario = join(dir, 'mine.yaml')
    writeFileSync(
      scenario,
      'scenario_version: 1\nintensity: { factor: { value: 400, source: mine } }\npue: 1.25\n',
    )
    const clean = ['--minimize', 'carbon_location_per_mtok_out', '--scenario', scenario]
    const { code, stdout } = await run('recommend', ...CHAT, ...asked, ...clean)
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^concurrency 2 takes \d+ % .*less carbon per output token than concurrency 1/,
    )
    expect(stdout).toContain('\nPriced by electricity of 400 g/kWh (mine); PUE 1.25.\n')
    const points = await run(
      'pareto',
      ...CHAT,
      '--y',
      'carbon_location_per_mtok_out',
      '--zone',
      'DE',
    )
    expect(points.stdout).toMatch(
      /^itl_ms_p50 \(ms\) {2}carbon_location_per_mtok_out \(gCO2e \/ 1M output tokens\)/,
    )
    expect(points.stdout).toContain('\nData: Electricity Maps (ODbL).\n')
  })

  it('refuses a price that changes by the hour, and a number that nothing is said of', async () => {
    const berlin = join(ROOT, 'examples/scenarios/berlin.yaml')
    expect(await run('recommend', ...CHAT, '--scenario', berlin)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /tariff has prices by the hour .* give price_per_kwh in its place/,
      ),
    })
    const flat = await run('recommend', ...CHAT, '--scenario', berlin, '--price_per_kwh', '0.2')
    expect([flat.code, flat.stdout.includes('money_per_mtok_out (EUR')]).toEqual([0, true])
    expect(await run('recommend', ...CHAT, '--minimize', 'money_per_mtok_out')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(
        'minimize asks for money_per_mtok_out, which needs a price: give price_per_kwh or tariff, or rent_per_gpu_hour or hardware',
      ),
    })
    const nowhere = await run(
      'pareto',
      ...CHAT,
      '--y',
      'carbon_location_per_mtok_out',
      '--zone',
      'QQ',
    )
    expect(nowhere.stdout).toContain('No configuration can be ranked.')
    expect(nowhere.stderr).toBe(
      'Left out: 3 without carbon_location_per_mtok_out (no table knows the zone or region, and no other place is taken for it).\n',
    )
  })

  it('helps with an example', async () => {
    for (const command of ['pareto', 'recommend']) {
      const help = await llemServer([command, '--help'])
      expect([help.code, help.stdout.includes(`Example:\n  llem-server ${command}`)]).toEqual([
        0,
        true,
      ])
    }
  })
})

describe('results of others', () => {
  interface Row {
    readonly median_itl_ms: number
    readonly energy_per_token_joules: number
  }
  const fixture = join(ROOT, 'test/fixtures/mlenergy')
  const board = (...args: string[]) =>
    llemServer([...args, '--db', join(dir, 'board.db'), '--json'], { cwd: dir })
  const answerOf = async (...args: string[]) => {
    const { code, stdout } = await board(...args)
    expect(code).toBe(0)
    return JSON.parse(stdout)
  }
  beforeAll(async () => {
    expect((await board('import', fixture)).code).toBe(0)
    expect((await board('import', join(dir, 'in', 'fast-1'))).code).toBe(0)
  })

  it('tell what newer hardware saves, best against best, by hand for one model', async () => {
    const { configurations } = JSON.parse(
      readFileSync(join(fixture, 'tasks/gpqa.json'), 'utf8'),
    ) as { configurations: (Row & { model_id: string; gpu_model: string })[] }
    const best = (gpu: string) =>
      Math.min(
        ...configurations
          .filter((r) => r.model_id === 'openai/gpt-oss-20b' && r.gpu_model === gpu)
          .filter((r) => r.median_itl_ms <= 20)
          .map((r) => r.energy_per_token_joules),
      )
    const saves = (100 * (1 - best('B200') / best('H100'))).toFixed(0)
    const asked = ['--task', 'gpqa', '--old_gpu', 'H100', '--new_gpu', 'B200', '--deadlines', '20']
    const args = ['recommend', ...asked, '--db', join(dir, 'board.db')]
    const { stdout } = await llemServer(args, { cwd: dir })
    expect(stdout).toMatch(/\nB200 against H100, best against best by energy_per_output_token_j/)
    expect(stdout).toMatch(
      new RegExp(`\\nopenai/gpt-oss-20b mxfp4 +20 +[\\d.]+ +[\\d.]+ +${saves} %\\n`),
    )
  })

  it('are candidates too: the least within the deadline is that of the published rows', async () => {
    const { configurations } = JSON.parse(
      readFileSync(join(fixture, 'tasks/gpqa.json'), 'utf8'),
    ) as {
      configurations: Row[]
    }
    const within = configurations.filter((r) => r.median_itl_ms <= 50)
    const least = Math.min(...within.map((r) => r.energy_per_token_joules))
    const asked = ['--task', 'gpqa', '--max_itl_ms_p50', '50', '--per', 'run']
    const answer = await answerOf('recommend', ...asked)
    expect(answer).toMatchObject({
      recommended: { kind: 'result', source: 'mlenergy', value: least },
      feasible: within.length,
      candidates: configurations.length,
    })
    expect(answer.reason).toContain('models whose answers are not alike')
    const { id } = answer.baseline
    const current = await answerOf('recommend', '--task', 'gpqa', '--current', id)
    expect(current).toMatchObject({ baseline: { id }, baseline_rule: 'current' })
    // No row of the board says how well it is known.
    expect(answer.saving_pct).toMatchObject({ low: null, high: null })
  })

  it('are priced as runs are: rows that tell their GPUs and throughput by money, all by carbon', async () => {
    const { configurations } = JSON.parse(
      readFileSync(join(fixture, 'tasks/gpqa.json'), 'utf8'),
    ) as {
      configurations: (Row & { num_gpus: number; output_throughput_tokens_per_sec: number })[]
    }
    const asked = ['--task', 'gpqa', '--per', 'run', '--rent_per_gpu_hour', '2', '--zone', 'DE']
    const cheap = await answerOf('recommend', ...asked, '--minimize', 'money_per_mtok_out')
    const least = Math.min(
      ...configurations.map(
        (r) => (1e6 / r.output_throughput_tokens_per_sec / 3600) * r.num_gpus * 2,
      ),
    )
    expect(cheap.recommended.value).toBeCloseTo(least, 6)
    expect(cheap.candidates).toBe(configurations.length)
    const clean = await answerOf(
      'recommend',
      ...asked,
      '--minimize',
      'carbon_location_per_mtok_out',
    )
    const frugal = Math.min(...configurations.map((r) => r.energy_per_token_joules))
    expect(clean.recommended.value).toBeCloseTo((frugal / 3.6) * clean.pricing.factor.value, 6)
    expect(clean.recommended).toMatchObject({ low: null, high: null })
  })

  it('that replicate one another are one point with a range, and meet runs of the same task', async () => {
    const { points, groups } = paretoSchema.parse(
      await answerOf('pareto', '--task', 'lm-arena-chat,chat', '--cautions', 'include'),
    )
    expect(groups.map((g) => g.group)).toEqual([
      { work: 'task chat', scope: 'gpu' },
      { work: 'task lm-arena-chat', scope: 'gpu' },
    ])
    const text = async (...args: string[]) =>
      (await llemServer([...args, '--db', join(dir, 'board.db')], { cwd: dir })).stdout
    const kinds = ['--task', 'lm-arena-chat,chat', '--cautions', 'include']
    const heading = /^Task lm-arena-chat, energy of the GPUs:$/m
    expect(await text('pareto', ...kinds)).toMatch(heading)
    const stdout = await text('recommend', ...kinds)
    expect(stdout).toMatch(heading)
    expect(stdout.split('\n')[0]).toBe(
      "The configurations are of 2 kinds that can't be compared with one another: task chat, energy of the GPUs; task lm-arena-chat, energy of the GPUs. Filter for one of them, as by task=chat, or take the answer of each, in groups.",
    )
    const single = points.find((p) => p.source === 'mlenergy' && p.member_ids.length === 1)
    const twins = points.find((p) => p.member_ids.length > 1)
    expect(single?.certainty).toBeNull()
    expect(twins?.values['energy_per_output_token_j']?.low).not.toBeNull()
    expect(points.filter((p) => p.source === 'local').map((p) => p.id)).toEqual(['fast-1'])
  })
})
