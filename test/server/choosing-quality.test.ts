import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Pareto,
  paretoSchema,
  type Recommendation,
  recommendationSchema,
} from '../../analysis/schema/choosing.ts'
import type { Ballot } from '../../analysis/schema/quality.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { sendAnswers } from './answers-run.ts'
import { choosingRun, type RunShape } from './choosing-run.ts'
import { llemServer } from './program.ts'
import { sealOf } from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, served, tempDir } from './served.ts'

let server: Served
/** The small model takes less, and answers worse; two runs of one experiment, and one that nobody scored. */
const RUNS: Record<string, RunShape> = {
  'small-1': { watts: 250, gap_ms: 40, model: 'small' },
  'large-1': { watts: 400, gap_ms: 40, model: 'large' },
  'large-2': { watts: 410, gap_ms: 40, model: 'large' },
  'new-1': { watts: 200, gap_ms: 40, model: 'new' },
}
const MIB: Record<string, number> = {
  'small-1': 20_000,
  'large-1': 70_000,
  'large-2': 70_000,
  'new-1': 30_000,
}
beforeAll(async () => {
  server = await served()
  for (const [run_id, shape] of Object.entries(RUNS)) {
    const { text, chunks } = choosingRun(run_id, { ...shape, memory_mib: MIB[run_id] as number })
    await register(server.api, text)
    for (const chunk of chunks) await putChunk(server.api, run_id, chunk)
    await seal(server.api, run_id, sealOf(chunks))
  }
  for (const [run, dataset, body] of [
    ['small-1', 'mmlu', { value: 0.6, low: 0.58, high: 0.62 }],
    ['large-1', 'mmlu', { value: 0.79 }],
    ['large-2', 'mmlu', { value: 0.81 }],
  ] as const)
    expect((await score(run, dataset, body)).status).toBe(201)
})
afterAll(() => server.close())

const score = (run: string, dataset: string, body: unknown) =>
  fetch(`${server.api}/runs/${run}/scores/${dataset}`, {
    method: 'PUT',
    body: JSON.stringify(body),
  })
const get = (path: string) => fetch(server.api + path)
async function recommend(query: string): Promise<Recommendation> {
  const answer = await get(`/recommend?cautions=include&${query}`)
  expect(answer.status).toBe(200)
  return recommendationSchema.parse(await answer.json())
}
async function pareto(query: string): Promise<Pareto> {
  const answer = await get(`/pareto?cautions=include&${query}`)
  expect(answer.status).toBe(200)
  return paretoSchema.parse(await answer.json())
}
const energyOf = async (run: string) => {
  const summary = (await (await get(`/runs/${run}/summary`)).json()) as Summary
  return summary.metrics['energy_compute_j']?.value as number
}

describe('a bound on quality', () => {
  it('keeps out what scored less, names the dataset, and counts what has no score', async () => {
    const free = await recommend('')
    expect(free).toMatchObject({ recommended: { model: 'new' }, quality_dataset: null })
    const bound = await recommend('min_quality_score=0.7')
    expect(bound).toMatchObject({
      recommended: { model: 'large', kind: 'experiment' },
      quality_dataset: 'mmlu',
      candidates: 2,
      feasible: 1,
      excluded: [{ id: 'new-1', reason: 'no_value', metric: 'quality_score', why: 'not_recorded' }],
    })
    expect(bound.recommended?.values['quality_score']?.value).toBeCloseTo(0.8, 12)
    expect(bound.reason).toContain('with quality score on mmlu at least 0.7')
    expect((await recommend('min_quality_score=0.6')).recommended?.model).toBe('small')
    const none = await recommend('min_quality_score=0.9')
    expect(none.reason).toContain(
      'has 0.8 quality score on mmlu, 0.1 too little; 1 of them was not measured for it.',
    )
  })

  it('is a whole configuration’s with what runs now', async () => {
    const answer = await recommend('min_quality_score=0.5&current=large-1')
    expect(answer).toMatchObject({ recommended: { model: 'small' }, baseline: { model: 'large' } })
    expect(answer.saving_pct?.value).toBeGreaterThan(30)
  })

  it('goes with one on memory, which needs no score', async () => {
    const tight = await recommend('max_gpu_memory_peak_mib=25000')
    expect(tight.recommended).toMatchObject({ model: 'small' })
    expect(tight.recommended?.values['gpu_memory_peak_mib']).toMatchObject({
      value: 20_000,
      unit: 'MiB',
    })
    expect(tight.reason).toContain('with peak GPU memory at most 25000 MiB')
    const both = await recommend('max_gpu_memory_peak_mib=25000&min_quality_score=0.7')
    expect(both.recommended).toBeNull()
  })

  it('holds for memory in lists, the leaderboard and comparisons too', async () => {
    const ids = async (path: string, key: 'runs' | 'rows') =>
      ((await (await get(path)).json()) as Record<string, { run_id?: string; id?: string }[]>)[
        key
      ]?.map((r) => r.run_id ?? r.id)
    const bound = 'max_gpu_memory_peak_mib=30000&sort=gpu_memory_peak_mib'
    expect(await ids(`/runs?${bound}`, 'runs')).toEqual(['small-1', 'new-1'])
    expect(await ids(`/leaderboard?${bound}`, 'rows')).toEqual(['small-1', 'new-1'])
    const compared = await (await get('/compare?run=small-1&run=large-1')).json()
    expect(compared).toMatchObject({
      metrics: { gpu_memory_peak_mib: { a: 20_000, b: 70_000, difference: -50_000 } },
    })
  })

  it('is an objective too, also by the joules of the scored runs', async () => {
    const { points, objectives, excluded } = await pareto('x=quality_score&y=quality_per_joule')
    expect(objectives).toMatchObject([
      { metric: 'quality_score', direction: 'max', title: 'quality score on mmlu', unit: '1' },
      { metric: 'quality_per_joule', direction: 'max', unit: '1/J' },
    ])
    expect(excluded).toMatchObject([{ id: 'new-1', metric: 'quality_score' }])
    const small = points.find((p) => p.model === 'small')
    expect(small?.y).toBeCloseTo(0.6 / (await energyOf('small-1')), 12)
    expect(small?.values['quality_score']).toEqual({ value: 0.6, low: 0.58, high: 0.62, unit: '1' })
    const large = points.find((p) => p.model === 'large')
    const each = [0.79 / (await energyOf('large-1')), 0.81 / (await energyOf('large-2'))]
    expect(large?.y).toBeCloseTo(((each[0] as number) + (each[1] as number)) / 2, 12)
  })
})

describe('scores on several datasets', () => {
  beforeAll(async () => {
    expect((await score('new-1', 'gsm8k', { value: 0.9 })).status).toBe(201)
  })

  it('are refused together, and compared where one is named', async () => {
    const mixed = await get('/recommend?cautions=include&min_quality_score=0.7')
    expect(mixed.status).toBe(400)
    expect(await problem(mixed)).toMatchObject({
      code: 'mixed_definition',
      detail:
        'The scores of these configurations are on gsm8k, mmlu, and scores on unlike datasets are never compared. Name one, such as quality_dataset=gsm8k.',
      errors: [{ path: 'query.quality_dataset' }],
    })
    const math = await recommend('min_quality_score=0.7&quality_dataset=GSM8K')
    expect(math).toMatchObject({ recommended: { id: 'new-1' }, quality_dataset: 'gsm8k' })
    // Where the filters leave scores on one there is nothing to choose.
    expect(await recommend('min_quality_score=0.7&model=small,large')).toMatchObject({
      recommended: { model: 'large' },
      quality_dataset: 'mmlu',
    })
  })

  it.each([
    [
      'min_quality_score=0.7&quality_dataset=arc',
      'unknown_dataset',
      'there are scores on gsm8k, mmlu',
    ],
    ['quality_dataset=mmlu', 'invalid_query', 'names no quality_score'],
    ['min_quality_score=0.7&quality_dataset=m%20m', 'invalid_query', 'quality_dataset is "m m"'],
    ['min_quality_score=good', 'invalid_query', 'min_quality_score'],
    ['min_quality_score=0.7&rated_by=model', 'invalid_query', 'names no quality_rating'],
    ['min_quality_rating=0&rated_by=judge', 'invalid_query', 'rated_by'],
    ['minimize=quality_score', 'invalid_query', 'is better when it is high'],
  ])('%s is refused in words', async (query, code, words) => {
    const answer = await get(`/recommend?cautions=include&${query}`)
    expect(answer.status).toBe(400)
    const said = await problem(answer)
    expect([said.code, said.detail]).toEqual([code, expect.stringContaining(words)])
  })

  it('any bound, dataset and rating are answered below 500, and a tighter bound is never cheaper', async () => {
    const dataset = fc.oneof(fc.constantFrom('mmlu', 'gsm8k', 'arc', '', '__proto__'), fc.string())
    await fc.assert(
      fc.asyncProperty(fc.double(), fc.double(), dataset, fc.string(), async (a, b, name, by) => {
        const value = async (least: number) => {
          const query = new URLSearchParams({
            min_quality_score: String(least),
            quality_dataset: name,
            ...(by.length > 3 ? { rated_by: by } : {}),
            resamples: '1',
          })
          const answer = await get(`/recommend?cautions=include&${query}`)
          expect(answer.status).toBeLessThan(500)
          if (!answer.ok) return null
          return recommendationSchema.parse(await answer.json()).recommended?.value ?? 1e300
        }
        const [loose, tight] = [await value(Math.min(a, b)), await value(Math.max(a, b))]
        if (loose !== null && tight !== null) expect(loose).toBeLessThanOrEqual(tight)
      }),
      { numRuns: 40, examples: [[0, 1.797693134862316e306, 'mmlu', '']] },
    )
    expect(server.log).toEqual([])
  })
})

describe('a bound on ratings', () => {
  const PROMPTS = ['one', 'two', 'three']
  beforeAll(async () => {
    const { api } = server
    for (const [run_id, model, watts] of [
      ['vote-large', 'large', 400],
      ['vote-small', 'small', 250],
    ] as const)
      await sendAnswers(api, run_id, { model, watts, prompts: PROMPTS, says: model })
    // The large one is chosen five times of six: ln(5.5 / 1.5) = 1.2993 apart, so ± 0.6496.
    for (let i = 0; i < 6; i++) {
      const next = await get('/pairs/next?a=vote-large&b=vote-small')
      const ballot = (await next.json()) as Ballot
      const large = ballot.left.output.startsWith('large') ? 'left' : 'right'
      const other = large === 'left' ? 'right' : 'left'
      const body = { token: ballot.token, choice: i === 5 ? other : large }
      const voted = await fetch(`${api}/votes`, { method: 'POST', body: JSON.stringify(body) })
      expect(voted.status).toBe(201)
    }
  })

  it('takes the rating of the model for all its configurations', async () => {
    const answer = await recommend('task=chat&min_quality_rating=0')
    expect(answer).toMatchObject({
      recommended: { model: 'large' },
      excluded: [{ id: 'new-1', metric: 'quality_rating', why: 'not_recorded' }],
    })
    const rating = answer.recommended?.values['quality_rating']
    expect(rating?.value).toBeCloseTo(Math.log(5.5 / 1.5) / 2, 9)
    expect(rating?.low).toBeLessThan(rating?.value as number)
    expect(answer.reason).toContain('with quality rating at least 0')
  })

  it('by run takes only those that were voted on', async () => {
    const answer = await recommend('min_quality_rating=-9&rated_by=run&group_by=task')
    const chosen = answer.groups.flatMap((g) => g.recommended?.id ?? [])
    expect([...chosen, answer.recommended?.id].filter(Boolean)).toContain('vote-small')
    expect(answer.excluded.filter((e) => e.metric === 'quality_rating')).toHaveLength(3)
  })
})

describe('llem-server recommend', () => {
  let dir: string
  beforeAll(async () => {
    dir = tempDir()
    server.store.raw.pragma('wal_checkpoint(TRUNCATE)')
    copyFileSync(server.store.path, join(dir, 'lab.db'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))
  const run = (...args: string[]) =>
    llemServer(['recommend', '--cautions', 'include', '--task', 'chat', ...args], {
      cwd: dir,
      env: { LLEM_DB: join(dir, 'lab.db') },
    })

  it('shows the bounded numbers, and says how many have none', async () => {
    const bounds = ['--min_quality_score', '0.7', '--max_gpu_memory_peak_mib', '80000']
    const { code, stdout, stderr } = await run(...bounds, '--quality_dataset', 'mmlu')
    expect(code).toBe(0)
    expect(stdout).toContain(
      'with quality score on mmlu at least 0.7 and peak GPU memory at most 80000 MiB',
    )
    expect(stdout).toMatch(/quality_score +gpu_memory_peak_mib \(MiB\) +ID/)
    expect(stdout).toMatch(/\nrecommended .* 0\.8 +70000 /)
    expect(stderr).toContain('1 without quality_score (the run holds no reading of it)')
  })

  it('refuses scores on several datasets, with the remedy', async () => {
    expect(await run('--min_quality_score', '0.7')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('never compared. Name one, such as quality_dataset=gsm8k.'),
    })
  })
})
