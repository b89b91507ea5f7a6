import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { onFrontier } from '../../../analysis/choosing/pareto.ts'
import { recommend } from '../../../analysis/choosing/recommend.ts'
import { type HardwareRow, hardwareGains, savingPct } from '../../../analysis/choosing/saving.ts'
import { ROOT } from '../../support/root.ts'
import { candidate } from './candidate-of.ts'

describe('a saving', () => {
  it('is a share of the baseline; more is a negative saving; of nothing there is none', () => {
    expect(savingPct(2, 1.5)).toBe(25)
    expect(savingPct(1.5, 3)).toBe(-100)
    expect(savingPct(0, 1)).toBeNull()
    expect(savingPct(-1, 1)).toBeNull()
  })
})

interface Row {
  readonly nickname: string
  readonly weight_precision: string
  readonly gpu_model: string
  readonly num_gpus: number
  readonly median_itl_ms: number
  readonly energy_per_token_joules: number
}
const published = (task: string): Row[] =>
  JSON.parse(readFileSync(`${ROOT}test/fixtures/mlenergy/tasks/${task}.json`, 'utf8'))
    .configurations

/** The board's own loop, word for word: a point goes where another is lower in both. */
function boardFrontier(rows: readonly Row[]): number[] {
  return rows.flatMap((p, i) =>
    rows.some(
      (q) =>
        q.median_itl_ms < p.median_itl_ms && q.energy_per_token_joules < p.energy_per_token_joules,
    )
      ? []
      : [i],
  )
}

describe.each(['gpqa', 'lm-arena-chat'])(
  "the published rows of %s by ML.ENERGY's own rules",
  (task) => {
    const rows = published(task)
    const models = [...new Set(rows.map((r) => r.nickname))]

    it('have the same frontier, of all rows and of each model', () => {
      for (const some of [rows, ...models.map((m) => rows.filter((r) => r.nickname === m))]) {
        const costs = [some.map((r) => r.median_itl_ms), some.map((r) => r.energy_per_token_joules)]
        const on = onFrontier(costs, 'mlenergy')
        expect([...on.keys()].filter((i) => on[i] === 1)).toEqual(boardFrontier(some))
        // Our own rule keeps no point that theirs drops.
        expect(onFrontier(costs).every((v, i) => v <= (on[i] as number))).toBe(true)
      }
    })

    it.each([20, 50, 100, 500])('have the same recommendation of each model at %d ms', (limit) => {
      const answer = recommend(
        rows.map((r, i) =>
          candidate(
            `row${String(i).padStart(4, '0')}`,
            r.energy_per_token_joules,
            r.median_itl_ms,
            {
              model: r.nickname,
              devices: [],
            },
          ),
        ),
        {
          minimize: 'energy_per_output_token_j',
          latency: 'itl_ms_p50',
          bounds: [{ metric: 'itl_ms_p50', bound: 'max', limit }],
          baseline: 'fastest_feasible',
          current: null,
          no_current: null,
          group_by: ['model'],
          hardware: null,
          pricing: null,
          quality_dataset: null,
          resamples: 1,
          seed: 1,
        },
      )
      // Theirs: the least joules of each model's rows with median_itl_ms <= the deadline, models by joules.
      const theirs = models
        .map((model) => ({
          model,
          least: Math.min(
            ...rows
              .filter((r) => r.nickname === model && r.median_itl_ms <= limit)
              .map((r) => r.energy_per_token_joules),
          ),
        }))
        .filter((m) => Number.isFinite(m.least))
        .sort((a, b) => a.least - b.least)
      const ours = answer.groups.filter((g) => g.recommended !== null)
      expect(ours.map((g) => [g.group?.['model'], g.recommended?.value])).toEqual(
        theirs.map((m) => [m.model, m.least]),
      )
      expect(answer.recommended?.value ?? null).toBe(theirs[0]?.least ?? null)
    })

    it('give what one GPU model saves against another, best against best', () => {
      const flat = rows.map(
        (r): HardwareRow => ({
          group: `${r.nickname} ${r.weight_precision}`,
          gpu_model: r.gpu_model,
          latency: r.median_itl_ms,
          energy: r.energy_per_token_joules,
        }),
      )
      const gains = hardwareGains(flat, 'H100', 'B200', [50, 100, 250])
      expect(gains.comparisons.length).toBeGreaterThan(10)
      for (const { group, deadline, gain_pct } of gains.comparisons) {
        const least = (gpu: string) =>
          flat
            .filter((r) => r.group === group && r.gpu_model === gpu && r.latency <= deadline)
            .map((r) => r.energy)
            .sort((a, b) => a - b)[0] as number
        expect(gain_pct).toBeCloseTo((100 * (least('H100') - least('B200'))) / least('H100'), 9)
      }
      expect(gains.wins).toBe(gains.comparisons.filter((c) => c.gain_pct > 0).length)
    })
  },
)

describe('what newer hardware saves', () => {
  const row = (gpu_model: string, latency: number, energy: number, group = 'm'): HardwareRow => ({
    group,
    gpu_model,
    latency,
    energy,
  })

  it('compares best with best within a deadline, where both have one', () => {
    const rows = [
      row('H100', 40, 2),
      row('H100', 90, 1),
      row('B200', 50, 1),
      row('B200', 60, 0.8),
      row('B200', 10, 1, 'n'),
    ]
    // At 50: 2 against 1, 50 %. At 100: 1 against 0.8, 20 %. At 30: the old one has none. Model n is on one only.
    expect(hardwareGains(rows, 'H100', 'B200', [30, 50, 100])).toEqual({
      comparisons: [
        { group: 'm', deadline: 50, old_best: 2, new_best: 1, gain_pct: 50 },
        { group: 'm', deadline: 100, old_best: 1, new_best: 0.8, gain_pct: expect.closeTo(20, 9) },
      ],
      wins: 2,
      median_pct: expect.closeTo(35, 9),
      low_pct: expect.closeTo(20, 9),
      high_pct: 50,
    })
    expect(hardwareGains(rows, 'H100', 'A100', [50])).toMatchObject({ wins: 0, median_pct: null })
  })
})
