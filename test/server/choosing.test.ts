import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Pareto,
  paretoSchema,
  type Recommendation,
  recommendationSchema,
} from '../../analysis/schema/choosing.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { drawSvg } from '../../server/web/svg.ts'
import { choosingRun, type RunShape } from './choosing-run.ts'
import { sealOf } from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, served } from './served.ts'

let server: Served
const RUNS: Record<string, RunShape> = {
  'fast-1': { watts: 400, gap_ms: 40, concurrency: 1 },
  'fast-2': { watts: 410, gap_ms: 42, concurrency: 1 },
  'mid-1': { watts: 300, gap_ms: 80, concurrency: 2 },
  'slow-1': { watts: 250, gap_ms: 120, concurrency: 4 },
  'bad-1': { watts: 350, gap_ms: 100, concurrency: 8 },
  'broken-1': { watts: 100, gap_ms: 30, concurrency: 16, failing: true },
  'other-1': { watts: 200, gap_ms: 20, task: 'gpqa' },
  'a100-1': { watts: 390, gap_ms: 41, concurrency: 1, gpu_model: 'A100', gpu_id: 'GPU-bbbb' },
}
beforeAll(async () => {
  server = await served()
  for (const [run_id, shape] of Object.entries(RUNS)) {
    const { text, chunks } = choosingRun(run_id, shape)
    await register(server.api, text)
    for (const chunk of chunks) await putChunk(server.api, run_id, chunk)
    await seal(server.api, run_id, sealOf(chunks))
  }
})
afterAll(() => server.close())

const get = (path: string) => fetch(server.api + path)
async function pareto(query: string): Promise<Pareto> {
  const answer = await get(`/pareto?${query}`)
  expect(answer.status).toBe(200)
  return paretoSchema.parse(await answer.json())
}
async function recommend(query: string): Promise<Recommendation> {
  const answer = await get(`/recommend?${query}`)
  expect(answer.status).toBe(200)
  return recommendationSchema.parse(await answer.json())
}
const metricOf = async (run: string, id: string) => {
  const summary = (await (await get(`/runs/${run}/summary`)).json()) as Summary
  return summary.metrics[id]?.value as number
}
// The sample's runs are short, so each has cautions.
const CHAT = 'task=chat&cautions=include'

describe('GET /pareto', () => {
  it('answers points of the experiments that the filters let through, each on the frontier or not', async () => {
    const { points, objectives, groups } = await pareto(
      `${CHAT}&gpu_model=H100&x=itl_ms_p50&y=energy_per_output_token_j`,
    )
    expect(objectives.map((o) => [o.metric, o.direction, o.unit])).toEqual([
      ['itl_ms_p50', 'min', 'ms'],
      ['energy_per_output_token_j', 'min', 'J/token'],
    ])
    expect(points.map((p) => [p.member_ids, p.frontier])).toEqual([
      [['fast-1', 'fast-2'], true],
      [['mid-1'], true],
      [['bad-1'], false],
      [['slow-1'], true],
    ])
    expect(groups).toHaveLength(1)
    expect(groups[0]?.group).toEqual({ work: 'task chat', scope: 'gpu' })
    const [fast, mid] = points
    expect(mid).toMatchObject({ id: 'mid-1', kind: 'run', source: 'local', x: 80 })
    expect(mid?.y).toBe(await metricOf('mid-1', 'energy_per_output_token_j'))
    // Replicates rank by mean: gaps of 40 and 42 ms.
    expect(fast).toMatchObject({ kind: 'experiment', x: 41 })
    expect(fast?.id).toBe(fast?.experiment_key)
    const each = await Promise.all(
      ['fast-1', 'fast-2'].map((r) => metricOf(r, 'energy_per_output_token_j')),
    )
    expect(fast?.y).toBeCloseTo(((each[0] as number) + (each[1] as number)) / 2, 9)
  })

  it('takes single runs with per=run, and the same configuration on other hardware apart always', async () => {
    const runs = await pareto(`${CHAT}&per=run`)
    expect(runs.points.map((p) => p.id).sort()).toEqual([
      'a100-1',
      'bad-1',
      'fast-1',
      'fast-2',
      'mid-1',
      'slow-1',
    ])
    const all = await pareto(CHAT)
    expect(all.points.map((p) => p.member_ids.join())).toContain('a100-1')
    const grouped = await pareto(`${CHAT}&group_by=gpu_model`)
    expect(grouped.groups.map((g) => [g.group['gpu_model'], g.candidates])).toEqual([
      ['A100', 1],
      ['H100', 4],
    ])
  })

  it('never ranks invalid runs, and those with cautions only when asked; each is named', async () => {
    const included = await pareto(CHAT)
    expect(included.excluded).toEqual([
      { id: 'broken-1', reason: 'invalid', codes: expect.any(Array), metric: null, why: null },
    ])
    expect(included.excluded[0]?.codes).toContain('failures_above_threshold')
    const clean = await pareto('task=chat')
    expect(clean.points).toEqual([])
    expect(clean.excluded.map((e) => e.reason).sort()).toEqual([
      ...new Array(6).fill('caution'),
      'invalid',
    ])
  })

  it('bounds the mean of an experiment, not each of its runs', async () => {
    // 40 and 42 ms: their mean, 41, is within 41.5; one of them is not.
    const within = await pareto(`${CHAT}&gpu_model=H100&max_itl_ms_p50=41.5`)
    expect(within.points.map((p) => p.member_ids)).toEqual([['fast-1', 'fast-2']])
    expect((await pareto(`${CHAT}&gpu_model=H100&max_itl_ms_p50=40`)).points).toEqual([])
  })

  it('takes either direction, three objectives, the other rule, and draws itself', async () => {
    const slowest = await pareto(`${CHAT}&per=run&gpu_model=H100&x=max:itl_ms_p50`)
    expect(slowest.points.filter((p) => p.frontier).map((p) => p.id)).toEqual(['slow-1'])
    const three = await pareto(`${CHAT}&z=output_throughput_tok_s&also=-ttft_ms_p50&rule=mlenergy`)
    expect(three.points[0]).toHaveProperty('z')
    expect(three.objectives.map((o) => o.direction)).toEqual(['min', 'min', 'max', 'max'])
    expect(three.groups[0]?.hypervolume).toBeNull()
    const spec = await (await get(`/pareto?${CHAT}&format=vega`)).json()
    const warnings: string[] = []
    const svg = await drawSvg(spec, 'p', (w) => warnings.push(w))
    expect([svg.startsWith('<svg '), svg.includes('NaN'), warnings]).toEqual([true, false, []])
  })

  it('answers the same twice', async () => {
    expect(await pareto(CHAT)).toEqual(await pareto(CHAT))
  })

  it.each([
    ['x=itl', 'query.x', 'must be a metric'],
    ['x=power_mean_w', 'query.x', 'min:power_mean_w or max:power_mean_w'],
    ['x=itl_ms_p50&y=itl_ms_p50', 'query.y', 'twice'],
    ['rule=best', 'query.rule', '"best"'],
    ['group_by=colour', 'query.group_by', '"colour"'],
    ['max_itl_ms_p50=fast', 'query.max_itl_ms_p50', 'must be a number'],
    ['max_nonsense=1', 'query.max_nonsense', 'not known here'],
    ['sort=itl_ms_p50', 'query.sort', 'not known here'],
    ['limit=5', 'query.limit', 'not known here'],
    ['deadline=5', 'query.deadline', 'not known here'],
    ['resamples=0', 'query.resamples', 'is 0; it must be at least 1'],
  ])('refuses %s in words', async (query, path, words) => {
    const answer = await get(`/pareto?${query}`)
    expect(answer.status).toBe(400)
    const { code, errors } = await problem(answer)
    expect(code).toBe('invalid_query')
    expect(errors?.map((e) => e.path)).toContain(path)
    expect(errors?.map((e) => e.message).join()).toContain(words)
  })
})

describe('GET /recommend', () => {
  it('takes the least energy within the deadline, and says what it saves', async () => {
    const answer = await recommend(
      `${CHAT}&gpu_model=H100&max_itl_ms_p50=100&minimize=energy_per_output_token_j&baseline=fastest_feasible`,
    )
    const least = await metricOf('mid-1', 'energy_per_output_token_j')
    expect(answer).toMatchObject({
      recommended: { id: 'mid-1', value: least, latency: 80 },
      baseline: { member_ids: ['fast-1', 'fast-2'], latency: 41 },
      latency: 'itl_ms_p50',
      latency_slack: 20,
      slowdown: expect.closeTo(80 / 41, 9),
      feasible: 3,
      candidates: 4,
    })
    const fast = answer.baseline?.value as number
    const { value, low, high } = answer.saving_pct as { value: number; low: number; high: number }
    expect(value).toBeCloseTo((100 * (fast - least)) / fast, 9)
    expect(low).toBeLessThanOrEqual(value)
    expect(high).toBeGreaterThanOrEqual(value)
    expect(answer.reason).toMatch(
      /^concurrency 2 takes \d+ % .* less energy per output token than concurrency 1, the fastest within the bounds/,
    )
  })

  it('compares with what runs now, wherever it is', async () => {
    const answer = await recommend(`${CHAT}&model=smollm2-135m&current=bad-1&max_itl_ms_p50=90`)
    expect(answer).toMatchObject({
      baseline_rule: 'current',
      recommended: { id: 'mid-1' },
      baseline: { id: 'bad-1' },
    })
    const broken = await recommend(`${CHAT}&current=broken-1`)
    expect(broken).toMatchObject({
      recommended: { id: 'slow-1' },
      baseline: null,
      saving_pct: null,
    })
    expect(broken.reason).toMatch(/what runs now, run broken-1, is invalid \(.*failures_above/)
  })

  it('says why there is none: the nearest, unlike work, cautions', async () => {
    const near = await recommend(`${CHAT}&gpu_model=H100&max_itl_ms_p50=20`)
    expect(near).toMatchObject({
      recommended: null,
      nearest: { excess: { itl_ms_p50: 21 }, excess_pct: expect.closeTo(105, 9) },
    })
    const unlike = await recommend('cautions=include')
    expect(unlike.recommended).toBeNull()
    expect(unlike.groups.map((g) => g.recommended?.id).sort()).toEqual(['other-1', 'slow-1'])
    const cautious = await recommend('task=chat&max_itl_ms_p50=50')
    expect(cautious.reason).toBe(
      'No configuration that the filters let through can be ranked: left out are 6 with cautions (cautions=include ranks them), 1 invalid.',
    )
  })

  it('compares hardware, best against best, and draws itself', async () => {
    const answer = await recommend(`${CHAT}&old_gpu=A100&new_gpu=H100&deadlines=50,100`)
    expect(answer.hardware_gain?.comparisons.map((c) => c.deadline)).toEqual([50, 100])
    // Within 100 ms the A100's only one, and of the H100 the one at 80 ms.
    const [old_best, new_best] = await Promise.all(
      ['a100-1', 'mid-1'].map((run) => metricOf(run, 'energy_per_output_token_j')),
    )
    expect(answer.hardware_gain?.comparisons[1]).toMatchObject({ old_best, new_best })
    const spec = await (await get(`/recommend?${CHAT}&max_itl_ms_p50=90&format=vega`)).json()
    const warnings: string[] = []
    const svg = await drawSvg(spec, 'r', (w) => warnings.push(w))
    expect([svg.includes('recommended'), svg.includes('NaN'), warnings]).toEqual([true, false, []])
  })

  it.each([
    ['minimize=output_throughput_tok_s', 'query.minimize', 'better when it is high'],
    ['minimize=nothing', 'query.minimize', 'must be a metric'],
    ['baseline=current', 'query.current', 'must name the run'],
    ['baseline=worst_feasible&current=last', 'query.baseline', 'must be current'],
    ['baseline=best', 'query.baseline', '"best"'],
    ['old_gpu=A100', 'query.new_gpu', 'must be given too'],
    ['old_gpu=A100&new_gpu=H100', 'query.deadlines', 'max_itl_ms_p50'],
    ['x=itl_ms_p50', 'query.x', 'not known here'],
  ])('refuses %s in words', async (query, path, words) => {
    const answer = await get(`/recommend?${query}`)
    expect(answer.status).toBe(400)
    const { errors } = await problem(answer)
    expect(errors?.map((e) => e.path)).toContain(path)
    expect(errors?.map((e) => e.message).join()).toContain(words)
  })

  it('refuses a run that is not there', async () => {
    const answer = await get('/recommend?current=nobody')
    expect([answer.status, (await problem(answer)).code]).toEqual([404, 'unknown_run'])
  })
})

describe('openapi.json', () => {
  it('describes both with their parameters and schemas', async () => {
    const openapi = (await (await get('/openapi.json')).json()) as {
      paths: Record<string, { get: { parameters: { name: string }[] } }>
      components: { schemas: object }
    }
    const names = (path: string) =>
      openapi.paths[`/api/v1${path}`]?.get.parameters.map((p) => p.name) ?? []
    expect(names('/pareto')).toEqual(
      expect.arrayContaining(['x', 'y', 'rule', 'model', 'cautions']),
    )
    expect(names('/recommend')).toEqual(
      expect.arrayContaining(['minimize', 'baseline', 'current', 'task']),
    )
    expect(Object.keys(openapi.components.schemas)).toEqual(
      expect.arrayContaining(['Pareto', 'Recommendation']),
    )
  })
})
