import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BoardValue, type OwnRun, placement } from '../../../analysis/comparing/placement.ts'
import { neighboursSpec } from '../../../analysis/report/neighbours.ts'
import { precisionName, shortGpuName } from '../../../analysis/schema/alike-names.ts'
import { drawSvg } from '../../../server/web/svg.ts'

const METRIC = 'energy_per_output_token_j'
const rows = (values: number[], window = 'steady'): BoardValue[] =>
  values.map((value, i) => ({ id: `r${i}`, model: `m${i}`, value, window }))
const run = (
  value: number,
  change: Partial<OwnRun> = {},
  range: [number, number] | null = null,
): OwnRun => ({
  task: 'gpqa',
  gpu_model: 'NVIDIA H100 80GB HBM3',
  precision: 'bf16',
  valid: true,
  value: (window) =>
    window === 'steady' ? { value, low: range?.[0] ?? null, high: range?.[1] ?? null } : null,
  ...change,
})

describe('placing a run', () => {
  it('counts worse rows and half of equal ones', () => {
    // Of 1, 2, 2, 4, 8 against 2: worse are 4 and 8, equal two: (2 + 1) / 5.
    const { placed, group } = placement(run(2), rows([8, 2, 1, 4, 2]), METRIC)
    expect(group).toEqual({ task: 'gpqa', gpu_model: 'H100', precision: 'bfloat16' })
    expect(placed).toMatchObject({ rank: 2, of: 6, percentile: 60, window: 'steady' })
    expect(placed?.better.map((n) => [n.value, n.ratio])).toEqual([[1, 0.5]])
    expect(placed?.worse.map((n) => n.id)).toEqual(['r1', 'r4'])
  })

  it('turns round where more is better', () => {
    const { placed } = placement(run(3), rows([1, 2, 4]), 'output_throughput_tok_s')
    expect(placed).toMatchObject({ rank: 2, of: 4 })
    expect(placed?.percentile).toBeCloseTo(66.67, 2)
    expect(placed?.better.map((n) => n.value)).toEqual([4])
  })

  it("gives the place a range where the run's number has one", () => {
    const { placed } = placement(run(2.5, {}, [1.5, 3.5]), rows([1, 2, 3, 4]), METRIC)
    expect(placed).toMatchObject({ percentile: 50, low: 25, high: 75 })
  })

  it.each<[string, OwnRun, BoardValue[], string]>([
    ['task_unknown', run(1, { task: null }), rows([1]), METRIC],
    ['gpu_unknown', run(1, { gpu_model: null }), rows([1]), METRIC],
    ['precision_unknown', run(1, { precision: null }), rows([1]), METRIC],
    ['invalid', run(1, { valid: false }), rows([1]), METRIC],
    ['no_comparable_results', run(1), [], METRIC],
    ['metric_not_ranked', run(1), rows([1]), 'power_mean_w'],
    ['window_mismatch', run(1), rows([1], 'run'), METRIC],
  ])('says %s and places nothing', (reason, own, board, metric) => {
    expect(placement(own, board, metric)).toMatchObject({ placed: null, reason })
  })

  it('does not depend on the order of rows, and better values never stand lower', () => {
    const value = fc.double({ min: 0.001, max: 100, noNaN: true })
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), value, value, (values, a, b) => {
        const board = rows(values)
        const place = (v: number, of = board) => placement(run(v), of, METRIC).placed
        expect(place(a, [...board].reverse())).toEqual(place(a))
        const [low, high] = a < b ? [a, b] : [b, a]
        expect(place(low)?.percentile).toBeGreaterThanOrEqual(place(high)?.percentile as number)
        expect(place(low)?.rank).toBeLessThanOrEqual(place(high)?.rank as number)
      }),
    )
  })

  it('is drawn between its neighbours, or not at all', async () => {
    const spec = neighboursSpec(placement(run(2), rows([1, 2, 4]), METRIC), 'mine')
    const warnings: string[] = []
    const svg = await drawSvg(spec as never, 'neighbours', (w) => warnings.push(w))
    expect(warnings).toEqual([])
    expect(svg).toContain('mine (2 of 4)')
    expect(neighboursSpec(placement(run(2), [], METRIC), 'mine')).toBeNull()
  })
})

describe('names by which GPUs and precisions are alike', () => {
  it.each([
    ['NVIDIA H100 80GB HBM3', 'H100'],
    ['H100', 'H100'],
    ['NVIDIA H100 PCIe', 'H100 PCIe'],
    ['NVIDIA H100 NVL', 'H100 NVL'],
    ['NVIDIA A100-SXM4-80GB', 'A100'],
    ['NVIDIA A100-PCIE-40GB', 'A100 PCIe'],
    ['NVIDIA B200', 'B200'],
    ['NVIDIA GH200 480GB', 'GH200'],
    ['AMD Instinct MI300X', 'MI300X'],
    ['NVIDIA L40S', 'L40S'],
    ['NVIDIA GeForce RTX 4090', 'RTX 4090'],
    ['Tesla V100-SXM2-16GB', 'V100'],
    ['Apple M3 Max', 'Apple M3 Max'],
    ['NVIDIA H100 80GB HBM3 MIG 1g.10gb', 'NVIDIA H100 80GB HBM3 MIG 1g.10gb'],
    [null, null],
  ])('%s is %s', (given, short) => expect(shortGpuName(given)).toBe(short))

  it.each([
    ['bf16', 'bfloat16'],
    ['BF16', 'bfloat16'],
    ['torch.float16', 'float16'],
    ['half', 'float16'],
    ['fp8', 'fp8'],
    ['Q4_K_M', 'q4_k_m'],
    [null, null],
  ])('%s is %s', (given, name) => expect(precisionName(given)).toBe(name))
})
