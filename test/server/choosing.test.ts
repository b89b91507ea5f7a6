import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Pareto,
  paretoSchema,
  type Recommendation,
  recommendationSchema,
} from '../../analysis/schema/choosing.ts'
import { type CostLedger, costLedgerSchema } from '../../analysis/schema/cost.ts'
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
    ['x=itl_ms_p50&y=itl_ms_p50', 'query.y', 'is "itl_ms_p50"; it must be another metric than x'],
    ['also=itl_ms_p50', 'query.also', 'is "itl_ms_p50"; it must be another metric than x'],
    ['z=max:itl_ms_p50', 'query.z', 'is "itl_ms_p50"; it must be another metric than x'],
    ['rule=best', 'query.rule', '"best"'],
    ['group_by=colour', 'query.group_by', '"colour"'],
    ['max_itl_ms_p50=fast', 'query.max_itl_ms_p50', 'must be a number'],
    ['max_nonsense=1', 'query.max_nonsense', 'not known here'],
    ['sort=itl_ms_p50', 'query.sort', 'not known here'],
    ['limit=5', 'query.limit', 'not known here'],
    ['deadline=5', 'query.deadline', 'not known here'],
    ['seed=', 'query.seed', 'is ""; it must be a whole number from 0 to 4294967295'],
    ['resamples=0', 'query.resamples', 'is "0"; it must be a whole number from 1 to 5000'],
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
    ['baseline=current', 'query.current', /^must name the run/],
    ['baseline=worst_feasible&current=last', 'query.baseline', 'must be current'],
    ['baseline=best', 'query.baseline', '"best"'],
    ['old_gpu=A100', 'query.new_gpu', /^must be given too/],
    ['old_gpu=A100&new_gpu=H100', 'query.deadlines', 'max_itl_ms_p50'],
    ['x=itl_ms_p50', 'query.x', 'not known here'],
  ])('refuses %s in words', async (query, path, words) => {
    const answer = await get(`/recommend?${query}`)
    expect(answer.status).toBe(400)
    const { errors } = await problem(answer)
    expect(errors?.map((e) => e.path)).toContain(path)
    expect(errors?.map((e) => e.message).join()).toMatch(words)
  })

  it('refuses a run that is not there', async () => {
    const answer = await get('/recommend?current=nobody')
    expect([answer.status, (await problem(answer)).code]).toEqual([404, 'unknown_run'])
  })
})

describe('carbon, water and money', () => {
  const CARBON = 'carbon_location_per_mtok_out'
  const MONEY = 'money_per_mtok_out'
  const SCENARIO =
    'zone=DE&year=2025&pue=1.2&wue_site=aws&wue_grid=DEU&price_per_kwh=0.25&currency=EUR&embodied=h100-sxm'
  const ledger = async (run: string, query: string): Promise<CostLedger> =>
    costLedgerSchema.parse(await (await get(`/runs/${run}/cost?${query}`)).json())

  it('of a stored run are those of its ledger, and can be minimised, bounded and plotted', async () => {
    const { points, objectives, pricing } = await pareto(
      `${CHAT}&per=run&gpu_model=H100&${SCENARIO}&x=itl_ms_p50&y=${CARBON}`,
    )
    expect(objectives[1]).toEqual({
      metric: CARBON,
      direction: 'min',
      title: 'carbon per output token',
      unit: 'gCO2e / 1M output tokens',
    })
    expect(points.map((p) => p.id)).toContain('mid-1')
    for (const point of points) {
      // The run measured its GPUs alone, so its widest boundary is that of energy_per_output_token_j.
      const { per_unit, boundary, span } = await ledger(point.id, SCENARIO)
      expect([boundary, span]).toEqual(['gpu', 'window'])
      for (const id of [CARBON, MONEY, 'energy', 'water', 'embodied'].map((w) =>
        w.includes('_per_') ? w : `${w}_per_mtok_out`,
      )) {
        const theirs = per_unit[id]
        const own = point.values[id]
        expect(own?.unit).toBe(theirs?.unit)
        // A ledger rounds the whole run to a billionth of its unit, and this one is short.
        expect((own?.value ?? 0) / (theirs?.amount?.value ?? 1), `${point.id} ${id}`).toBeCloseTo(
          1,
          5,
        )
      }
    }
    expect(pricing).toMatchObject({
      year: 2026,
      factor_year: 2025,
      factor: { zone: 'DE', unit: 'gCO2e/kWh' },
      currency: 'EUR',
      attribution: ['Electricity Maps (ODbL)'],
      cautions: [],
    })
    expect(pricing?.statement).toMatch(
      /^Priced by electricity of DE 2025, [\d.]+ g\/kWh \(Electricity Maps \(ODbL\)\); PUE 1\.2; 0\.13 L\/kWh at the site; 1\.95 L\/kWh of the electricity; 0\.25 EUR\/kWh \(as given\); /,
    )
  })

  it('of what is recommended are told in their words, under the same scenario when it is sent again', async () => {
    const question = `${CHAT}&gpu_model=H100&max_itl_ms_p50=100&minimize=${CARBON}&baseline=fastest_feasible`
    const answer = await recommend(`${question}&g_per_kwh=400&pue=1.2`)
    expect(answer.recommended?.id).toBe('mid-1')
    expect(answer.reason).toMatch(
      /^concurrency 2 takes \d+ % .*less carbon per output token than concurrency 1, the fastest within the bounds: \d+ gCO2e \/ 1M output tokens at 80 ms/,
    )
    const joules = await metricOf('mid-1', 'energy_per_output_token_j')
    expect(answer.recommended?.value).toBeCloseTo((joules / 3.6) * 1.2 * 400, 6)
    expect(answer.pricing?.cautions).toEqual([])
    // The same order, and the same saving, as by energy.
    const energy = await recommend(
      `${CHAT}&gpu_model=H100&max_itl_ms_p50=100&baseline=fastest_feasible`,
    )
    expect(energy.pricing).toBeNull()
    expect(answer.saving_pct?.value).toBeCloseTo(energy.saving_pct?.value ?? 0, 6)
    const again = await fetch(`${server.api}/recommend?${question}`, {
      method: 'POST',
      body: JSON.stringify(answer.pricing?.scenario),
    })
    expect(again.status).toBe(200)
    expect(recommendationSchema.parse(await again.json())).toEqual(answer)
  })

  it('by rent alone choose what takes fewest GPU seconds, bounded by carbon', async () => {
    const rent = 'rent_per_gpu_hour=2&g_per_kwh=400&pue=1'
    const answer = await recommend(
      `${CHAT}&per=run&gpu_model=H100&${rent}&minimize=${MONEY}&baseline=worst_feasible`,
    )
    const rate = await metricOf(answer.recommended?.member_ids[0] ?? '', 'output_throughput_tok_s')
    expect(answer.unit).toBe('USD / 1M output tokens')
    expect(answer.recommended?.value).toBeCloseTo((1e6 / rate / 3600) * 2, 6)
    expect(answer.reason).toContain(' costs ')
    const least = (await metricOf('slow-1', 'energy_per_output_token_j')) / 0.009
    const within = (limit: number) =>
      recommend(`${CHAT}&per=run&gpu_model=H100&${rent}&minimize=${MONEY}&max_${CARBON}=${limit}`)
    expect(await within(least * 1.001)).toMatchObject({
      recommended: { id: 'slow-1' },
      feasible: 1,
    })
    const none = await within(least * 0.999)
    expect(none).toMatchObject({ recommended: null, feasible: 0, nearest: { id: 'slow-1' } })
    expect(none.nearest?.excess).toHaveProperty(CARBON)
  })

  it('of what runs now are told too, wherever it is', async () => {
    const answer = await recommend(
      `${CHAT}&model=smollm2-135m&gpu_model=H100&current=a100-1&minimize=${CARBON}&zone=FR`,
    )
    expect(answer.baseline).toMatchObject({ id: 'a100-1', values: { [CARBON]: expect.anything() } })
    // Nobody said what the site takes beside: told, and not 1.
    expect(answer.pricing?.cautions).toContain('pue_unknown')
  })

  it('at a place that nobody knows leave all out, with why', async () => {
    const answer = await recommend(`${CHAT}&minimize=${CARBON}&zone=QQ`)
    expect(answer.recommended).toBeNull()
    expect(answer.reason).toContain(
      'without carbon per output token (no table knows the zone or region',
    )
    const why = answer.excluded.filter((e) => e.reason === 'no_value')
    expect(why.map((e) => [e.metric, e.why])).toEqual(
      new Array(why.length).fill([CARBON, 'no_zone']),
    )
    expect(answer.pricing?.assumptions.join()).toContain('No table has a zone "QQ"')
  })

  it('draw themselves, with their unit on the axis', async () => {
    for (const path of [`/pareto?x=${MONEY}&y=${CARBON}`, `/recommend?minimize=${MONEY}`]) {
      const asked = `${CHAT}&zone=DE&pue=1.2&rent_per_gpu_hour=2&currency=EUR&format=vega`
      const spec = await (await get(`${path}&${asked}`)).json()
      const warnings: string[] = []
      const svg = await drawSvg(spec, 'p', (w) => warnings.push(w))
      expect([svg.includes('cost per output token, EUR'), svg.includes('NaN'), warnings]).toEqual([
        true,
        false,
        [],
      ])
    }
  })

  it.each([
    [`minimize=${MONEY}`, 'minimize', 'give price_per_kwh or tariff'],
    [`minimize=${MONEY}&zone=DE`, 'minimize', 'give price_per_kwh or tariff'],
    [`minimize=${CARBON}`, 'minimize', 'give zone, cloud_region or g_per_kwh'],
    [`max_${CARBON}=50`, `max_${CARBON}`, 'give zone, cloud_region or g_per_kwh'],
    ['minimize=water_per_mtok_out&zone=DE', 'minimize', 'give wue_site or wue_grid'],
    ['zone=DE&g_per_kwh=5', 'g_per_kwh', 'is given beside zone'],
    ['year=2024', 'year', 'needs zone or cloud_region'],
    ['pue=0.5', 'pue', 'must not be below 1'],
    ['tariff=nowhere', '', 'the rows there are'],
  ])('refuse %s in words', async (query, path, words) => {
    const answer = await get(`/recommend?${query}`)
    expect(answer.status).toBe(400)
    const { code, errors, detail } = await problem(answer)
    expect(code).toBe('invalid_scenario')
    if (path !== '') expect(errors?.map((e) => e.path)).toContain(path)
    expect(detail).toContain(words)
  })

  it('refuse what is no metric, no parameter of the question, or a series', async () => {
    for (const [query, path] of [
      ['minimize=carbon_location_per_request', 'query.minimize'],
      ['max_money=1', 'query.max_money'],
      ['hour=3', 'query.hour'],
      ['boundary=gpu', 'query.boundary'],
      ['g_per_kwh=-1', 'query.g_per_kwh'],
    ] as const) {
      const answer = await get(`/recommend?${query}`)
      expect([query, answer.status]).toEqual([query, 400])
      expect((await problem(answer)).errors?.map((e) => e.path)).toContain(path)
    }
    const rows = [{ from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z', g_per_kwh: 300 }]
    const series = { scenario_version: 1, id: 's', intensity: { series: { rows, source: 'mine' } } }
    const post = (query: string, body: unknown) =>
      fetch(`${server.api}/pareto?${CHAT}${query}`, { method: 'POST', body: JSON.stringify(body) })
    const refused = await post('', series)
    expect(refused.status).toBe(422)
    expect((await problem(refused)).detail).toContain('is a series over time (mine)')
    // A parameter stands in its place.
    expect((await post('&zone=DE', series)).status).toBe(200)
    expect((await post('', { ...series, nonsense: 1 })).status).toBe(422)
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
      expect.arrayContaining(['minimize', 'baseline', 'current', 'task', 'zone', 'pue']),
    )
    expect(Object.keys(openapi.components.schemas)).toEqual(
      expect.arrayContaining(['Pareto', 'Recommendation']),
    )
  })
})
