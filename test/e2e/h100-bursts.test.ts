import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { x as unpack } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DeviceEnergy, deviceEnergy } from '../../analysis/energy/device-energy.ts'
import { repeatable } from '../../analysis/estimators/uncertainty.ts'
import { marksOf } from '../../analysis/marked-windows.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'
import { ROOT } from '../support/root.ts'

/** What the program that made the bursts wrote of each: its own readings of the counter, in the gaps around it. */
interface Line {
  readonly id: number
  readonly load: 'full' | 'constant'
  readonly length_ms: number
  readonly tool: string
  readonly begin_ns: number
  readonly end_ns: number
  readonly energy_j: number | null
  readonly counter_before: readonly [t_ns: number, mj: number]
  readonly counter_after: readonly [t_ns: number, mj: number]
}
interface Burst extends Line {
  readonly energy: DeviceEnergy
  readonly counter_j: number
}

let dir: string
let bursts: Burst[]

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-bursts-'))
  await unpack({ file: join(ROOT, 'test/fixtures/bundles/h100-bursts.tar.gz'), cwd: dir, strip: 1 })
  const bundle = readBundle(dir)
  const run: RunData = decodeRun(
    bundle.run.file,
    bundle.chunks.map((c) => ({ ...c, bytes: c.read() })),
  )
  const gpu = run.devices.find((d) => d.kind === 'gpu')?.device_id ?? ''
  const marks = new Map(marksOf(run).map((m) => [m.id, m.window]))
  bursts = readFileSync(join(dir, 'bursts.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .flatMap((text) => {
      const line = JSON.parse(text) as Line
      const window = marks.get(line.id)
      if (window === undefined) return []
      const rest = {
        start_ns: window.start_ns - 3e8,
        end_ns: window.start_ns - 1e8,
        rule: 'marked',
      }
      const idle_w = (deviceEnergy(run, gpu, rest).energy_j ?? Number.NaN) / 0.2
      const [t1, mj1] = line.counter_before
      const [t2, mj2] = line.counter_after
      const added_s = (t2 - t1 - (line.end_ns - line.begin_ns)) / 1e9
      return [
        {
          ...line,
          energy: deviceEnergy(run, gpu, window),
          counter_j: (mj2 - mj1) / 1e3 - idle_w * added_s,
        },
      ]
    })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const of = (load: string, length_ms: number) =>
  bursts.filter((b) => b.load === load && b.length_ms === length_ms)
const joules = (b: Burst) => b.energy.energy_j as number
/** The mean of many bursts by two sources that share no reading: the padded ring, the counter from gap to gap. */
const reference = (group: readonly Burst[]) =>
  (mean(group.map(joules)) + mean(group.map((b) => b.counter_j))) / 2
/** 95 % of the values lie below it. */
const within95 = (errors: readonly number[]) =>
  [...errors].sort((a, b) => a - b)[Math.ceil(0.95 * errors.length) - 1] as number

describe('bursts of known work, recorded on an H100 by llem-agent measure --windows', () => {
  it('are all there, each with idle around it', () => {
    expect(bursts.length).toBe(363)
    expect(new Set(bursts.map((b) => b.energy.method))).toEqual(new Set(['burst']))
  })

  it.each([
    [100, 8],
    [200, 4],
    [500, 1.5],
    [2000, 0.5],
  ])('at full load, of %i ms: 95 %% of single ones within %f %%', (length_ms, goal_pct) => {
    const group = of('full', length_ms)
    const truth = reference(group)
    expect(group.length).toBeGreaterThanOrEqual(29)
    expect(within95(group.map((b) => 100 * Math.abs(joules(b) / truth - 1)))).toBeLessThan(goal_pct)
  })

  it('agree by ring and counter: within 3 % at 0.1 s, 2 % at 0.2 s, 0.3 % at 0.5 s and 0.2 % at 2 s', () => {
    for (const load of ['full', 'constant'])
      for (const [length_ms, pct] of [
        [100, 3],
        [200, 2],
        [500, 0.3],
        [2000, 0.2],
      ] as const) {
        const group = of(load, length_ms)
        const ratio = mean(group.map((b) => b.counter_j)) / mean(group.map(joules))
        expect(100 * Math.abs(ratio - 1)).toBeLessThan(pct)
      }
  })

  it('without what lies around them are within their stated range, 95 % of them', () => {
    for (const load of ['full', 'constant']) {
      const held = [20, 50, 100, 200, 500, 2000].flatMap((length_ms) => {
        const group = of(load, length_ms)
        const truth = reference(group)
        return group.map((b) => {
          const ring = b.energy.estimates.find((e) => e.method === 'ring')
          const doubt = 2 * repeatable(ring?.components ?? [])
          return Math.abs((ring?.energy_j ?? Number.NaN) - truth) <= doubt
        })
      })
      expect(held.filter(Boolean).length / held.length).toBeGreaterThanOrEqual(0.95)
    }
  })

  it('are told far better than by the other tools, at 0.1 s and full load', () => {
    const group = of('full', 100)
    const truth = reference(group)
    const median = (tool: string) => {
      const errors = group
        .filter((b) => b.tool === tool && b.energy_j !== null)
        .map((b) => 100 * Math.abs((b.energy_j as number) / truth - 1))
        .sort((a, b) => a - b)
      return errors[errors.length >> 1] as number
    }
    const ours = [...group.map((b) => 100 * Math.abs(joules(b) / truth - 1))].sort((a, b) => a - b)
    for (const tool of ['zeus', 'codecarbon', 'llenergymeasure'])
      expect(median(tool)).toBeGreaterThan(5 * (ours[ours.length >> 1] as number))
  })
})
