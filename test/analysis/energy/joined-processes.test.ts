import { describe, expect, test } from 'vitest'
import { processFindings } from '../../../analysis/findings/process-findings.ts'
import { decodeRun } from '../../../analysis/readings/decode-run.ts'
import type { RunFileInput } from '../../../analysis/schema/run.ts'
import { summarise } from '../../../analysis/summary.ts'
import {
  chunksOf,
  type Fixture,
  GPU,
  GPU2,
  power,
  request,
  runFile,
  runOf,
} from '../../support/run-fixture.ts'

const found = (run: ReturnType<typeof runOf>, code: string) =>
  summarise(run).findings.filter((f) => f.code === code)

describe('clocks of the processes of a run', () => {
  const WALL = 1_784_000_000_000_000_000n
  const anchor = (t_ms: number, wall_ms: number, error_ms = 0) => ({
    t_ns: t_ms * 1e6,
    wall_unix_ns: WALL + BigInt(Math.round(wall_ms * 1e6)),
    error_ns: error_ms * 1e6,
  })
  /** p1 records readings each 100 ms, p2 the request; their clocks as given. */
  const two = (a: ReturnType<typeof anchor>[], b: ReturnType<typeof anchor>[], recorder = 'p2') => {
    const processes: RunFileInput['processes'] = [
      { process_id: 'p1', role: 'sampler', clock: a },
      { process_id: 'p2', role: 'load', clock: b },
      { process_id: 'p3', role: 'load' },
    ]
    const readings = { samples: power({ from: -1, to: 61, every: 0.1, watts: () => 300 }) }
    const requests = { requests: [request('a', 1, 2, 59, 100)] }
    return decodeRun(runFile({ processes }), [
      ...chunksOf(readings),
      ...chunksOf(requests).map((c) => ({ ...c, process_id: recorder })),
    ])
  }

  test('over one refresh apart do not join', () => {
    const [one, ...more] = found(two([anchor(0, 0)], [anchor(0, 101)]), 'clock_offset_large')
    expect(more).toEqual([])
    expect(one).toMatchObject({
      severity: 'invalid',
      evidence: { processes: ['p1', 'p2'], offset_ms: 101, limit_ms: 100 },
    })
    expect(found(two([anchor(0, 0)], [anchor(0, 99)]), 'clock_offset_large')).toEqual([])
  })
  test('are compared at their own times, as far as their anchors are sure', () => {
    // 7000 ms later by both clocks
    expect(found(two([anchor(0, 0)], [anchor(7000, 7000)]), 'clock_offset_large')).toEqual([])
    // 150 ms apart, sure to 30 ms each
    expect(found(two([anchor(0, 0, 30)], [anchor(0, 150, 30)]), 'clock_offset_large')).toEqual([])
  })
  test('that stepped are no worse than their best agreement', () => {
    const stepped = [anchor(0, 0), anchor(30_000, 31_000)]
    expect(found(two(stepped, [anchor(10_000, 10_000)]), 'clock_offset_large')).toEqual([])
    expect(found(two(stepped, [anchor(50_000, 51_000)]), 'clock_offset_large')).toEqual([])
  })
  test('are only told where one of both recorded nothing that is joined', () => {
    expect(found(two([anchor(0, 0)], [anchor(0, 500)], 'p3'), 'clock_offset_large')).toMatchObject([
      { severity: 'info' },
    ])
  })
})

describe('joules that processes claim', () => {
  const claims = (...list: (readonly [joules: number, ...devices: string[]])[]) => {
    const processes = list.map(([claimed_energy_j, ...device_ids], i) => ({
      process_id: `p${i}`,
      claimed_energy_j,
      ...(device_ids.length > 0 ? { device_ids } : {}),
    }))
    const devices = [GPU, GPU2].map((device_id) => ({ device_id, kind: 'gpu', tdp_w: 700 }))
    return processFindings(runOf({ processes, devices })).filter(
      (f) => f.code === 'double_count_suspected',
    )
  }

  test('alike within 4 % for devices that are shared or not named are one energy', () => {
    expect(claims([1000], [1000])).toMatchObject([
      { severity: 'invalid', evidence: { claims: { p0: 1000, p1: 1000 }, sum_j: 2000 } },
    ])
    expect(claims([1000, GPU, GPU2], [961, GPU2])).toHaveLength(1)
    // 4.1 % apart
    expect(claims([1000], [959])).toEqual([])
    expect(claims([1000, GPU], [1000, GPU2])).toEqual([])
    expect(claims([1000])).toEqual([])
    expect(claims([0], [0])).toEqual([])
  })
  test('over 1.05 times what their devices can draw are too many', () => {
    // Two GPUs of 700 W over 60 s: 84 000 J
    expect(claims([58_000, GPU], [30_300, GPU2])).toMatchObject([{ evidence: { rated_j: 84_000 } }])
    expect(claims([58_000, GPU], [30_100, GPU2])).toEqual([])
    // One GPU between both: 42 000 J
    expect(claims([30_000, GPU], [15_000, GPU])).toHaveLength(1)
  })
})

describe('work that leaves the GPUs', () => {
  const served: Fixture = {
    samples: power({ from: -1, to: 61, every: 0.5, watts: () => 300 }),
    requests: [request('a', 1, 2, 59, 100)],
  }
  const commanded = (command: unknown): Fixture => ({
    ...served,
    experiment: {
      model: 'm',
      engine: { name: 'openai', launcher: 'command', base_url: 'http://127.0.0.1:1/v1', command },
      phases: { window: 'phase' },
    },
  })
  const of = (fixture: Fixture) => found(runOf(fixture), 'scope_excludes_offload')

  test('by an argument of its command is outside of what is charged', () => {
    expect(of(commanded(['vllm', 'serve', 'm', '--cpu-offload-gb', '10']))).toMatchObject([
      { severity: 'caution', evidence: { flags: ['--cpu-offload-gb'], disaggregated: false } },
    ])
    expect(of(commanded('llama-server -nkvo --n-cpu-moe=4'))[0]?.evidence['flags']).toEqual([
      '-nkvo',
      '--n-cpu-moe',
    ])
    expect(of(commanded('vllm serve m --swap-space 0 --cpu-offload-gb=0'))).toEqual([])
    expect(of(commanded(null))).toEqual([])
  })
  test('between workers of one phase each is so too', () => {
    const processes = (['prefill', 'decode'] as const).map((phase, i) => ({
      process_id: `p${i}`,
      role: 'worker',
      phase,
      device_ids: [GPU],
    }))
    expect(of({ ...served, processes })).toMatchObject([{ evidence: { disaggregated: true } }])
    expect(of({ ...served, processes: processes.slice(0, 1) })).toEqual([])
  })
  test('is not judged where no GPU is charged', () => {
    expect(of({ ...commanded('vllm serve m --cpu-offload-gb 10'), samples: [] })).toEqual([])
  })
})
