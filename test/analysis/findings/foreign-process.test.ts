import { describe, expect, test } from 'vitest'
import type { EventRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, GPU2, power, runOf, s } from '../../support/run-fixture.ts'

const AGENT = 10
const ENGINE = 60
const PROCESSES = [
  { process_id: 'p1', role: 'load', pid: AGENT },
  { process_id: 'p2', role: 'worker', pid: ENGINE, device_ids: [GPU] },
]
interface Listed {
  readonly pid: number
  readonly ancestors?: readonly number[]
  readonly group?: number
}
const worker: Listed = { pid: 70, ancestors: [ENGINE, 50], group: ENGINE }
const other: Listed = { pid: 4242, ancestors: [7], group: 4242 }
const listed = (t: number, on: readonly Listed[] | null, more: object = {}): EventRow => ({
  t_ns: s(t),
  code: 'gpu_processes',
  detail: JSON.stringify({
    mappable: true,
    devices: {
      [GPU]:
        on?.map((p) => ({ kind: 'compute', name: `n${p.pid}`, memory_bytes: 1e9, ...p })) ?? null,
    },
    ...more,
  }),
})
const foreign = (events: readonly EventRow[], more: Fixture = {}) =>
  summarise(
    runOf({
      processes: PROCESSES,
      samples: power({ from: -1, to: 61, every: 0.1, watts: () => 400 }),
      events,
      ...more,
    }),
  ).findings.filter((f) => f.code === 'foreign_process')

describe('a process on a used GPU', () => {
  test('that is neither the engine nor the agent is foreign', () => {
    const [finding] = foreign([listed(-1, [worker, other])])
    expect(finding).toMatchObject({
      severity: 'caution',
      evidence: {
        device_id: GPU,
        processes: [{ pid: 4242, name: 'n4242', kind: 'compute', memory_bytes: 1e9 }],
      },
    })
    expect(finding?.message).toContain('process 4242 (n4242)')
  })

  test.each([
    ['the engine itself', { pid: ENGINE }],
    ['a child of its children', { pid: 71, ancestors: [70, ENGINE, 50] }],
    ['of its group, started beside it', { pid: 72, ancestors: [1000], group: ENGINE }],
    ['the agent', { pid: AGENT }],
    ['a child of the agent', { pid: 11, ancestors: [AGENT] }],
  ])('is ours: %s', (_, process) => {
    expect(foreign([listed(-1, [worker, process])])).toEqual([])
  })

  test('of the same launcher as a worker is ours, whoever holds the port', () => {
    // The launcher 80 has the group 80; the engine's port is held by its child 60, the other child computes.
    const port: Listed = { pid: ENGINE, ancestors: [80], group: 80 }
    expect(foreign([listed(-1, [port, { pid: 81, ancestors: [80], group: 80 }])])).toEqual([])
  })

  test('counts while it is there: from what held at the start of the window to its end', () => {
    const gone = (from: number, to: number) => [
      listed(-2, [worker]),
      listed(from, [worker, other]),
      listed(to, [worker]),
    ]
    expect(foreign(gone(-1.5, -1))).toEqual([]) // before
    expect(foreign(gone(-1, 30))).toHaveLength(1)
    expect(foreign(gone(30, 31))).toHaveLength(1)
    expect(foreign(gone(61, 62))).toEqual([]) // after
  })

  test('is told once, however often it is listed', () => {
    const [finding, ...more] = foreign([listed(-1, [worker, other]), listed(20, [worker, other])])
    expect(more).toEqual([])
    expect(finding?.evidence['processes']).toHaveLength(1)
  })

  test('on a GPU that is not used is not ours to judge', () => {
    const detail = { devices: { [GPU]: [worker], [GPU2]: [other] } }
    expect(foreign([listed(-1, [], detail)])).toEqual([])
  })

  test('of another instance draws from the same GPU', () => {
    const devices = [
      { device_id: GPU, kind: 'gpu', tdp_w: 700 },
      { device_id: 'MIG-1', kind: 'gpu_instance', parent_device_id: GPU },
    ]
    const processes = [
      { process_id: 'p1', role: 'load', pid: AGENT },
      { process_id: 'p2', role: 'worker', pid: ENGINE, device_ids: ['MIG-1'] },
    ]
    expect(foreign([listed(-1, [worker, other])], { devices, processes })).toHaveLength(1)
  })
})

describe('is not judged', () => {
  test.each([
    [
      'where process numbers are those of another system',
      [listed(-1, [worker, other], { mappable: false })],
    ],
    ['where the engine itself is not seen: it may be one of them', [listed(-1, [other])]],
    ['where the driver does not tell', [listed(-1, null)]],
    ['where nothing was recorded', []],
  ])('%s', (_, events) => {
    expect(foreign(events)).toEqual([])
  })

  test('where the process of the engine is not known', () => {
    const processes = [{ process_id: 'p1', role: 'worker', device_ids: [GPU] }]
    expect(foreign([listed(-1, [other])], { processes })).toEqual([])
  })
})
