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
import { seriesOf } from '../../analysis/readings/sample-table.ts'
import { mean } from '../../analysis/stats/moments.ts'
import { nearestRank, percentile } from '../../analysis/stats/percentile.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'
import { ROOT } from '../support/root.ts'

/** What the program that made the bursts wrote of each: its own readings of the counter as it stepped, in the gaps around it. */
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
  readonly window: { readonly start_ns: number; readonly end_ns: number }
}

let dir: string
let bursts: Burst[]
let run: RunData
let gpu: string

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-bursts-'))
  await unpack({ file: join(ROOT, 'test/fixtures/bundles/h100-bursts.tar.gz'), cwd: dir, strip: 1 })
  const bundle = readBundle(dir)
  run = decodeRun(
    bundle.run.file,
    bundle.chunks.map((c) => ({ ...c, bytes: c.read() })),
  )
  gpu = run.devices.find((d) => d.kind === 'gpu')?.device_id ?? ''
  const marks = new Map(marksOf(run).map((m) => [m.id, m.window]))
  bursts = readFileSync(join(dir, 'bursts.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .flatMap((text) => {
      const line = JSON.parse(text) as Line
      const window = marks.get(line.id)
      if (window === undefined) return []
      const idle = (start_ns: number) =>
        (deviceEnergy(run, gpu, { start_ns, end_ns: start_ns + 2e8, rule: 'marked' }).energy_j ??
          Number.NaN) / 0.2
      const [t1, mj1] = line.counter_before
      const [t2, mj2] = line.counter_after
      const before_w = idle(window.start_ns - 3e8)
      const after_w = idle(window.end_ns + 2.5e8)
      const idle_j = (before_w * (line.begin_ns - t1) + after_w * (t2 - line.end_ns)) / 1e9
      return [
        {
          ...line,
          energy: deviceEnergy(run, gpu, window),
          counter_j: (mj2 - mj1) / 1e3 - idle_j,
          window,
        },
      ]
    })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const LENGTHS_MS = [20, 50, 100, 200, 500, 2000] as const
const LOADS = ['full', 'constant'] as const
const of = (load: string, length_ms: number) =>
  bursts.filter((b) => b.load === load && b.length_ms === length_ms)
const joules = (b: Burst) => b.energy.energy_j as number
/** By what share the ring, with idle around, differs from the counter around the same burst; they share no reading. */
const errors = (group: readonly Burst[]) => group.map((b) => Math.abs(joules(b) / b.counter_j - 1))
const within95 = (values: readonly number[]) => nearestRank(values, 0.95) as number
const meanOf = (values: readonly number[]) => mean(values) as number

describe('bursts of known work, recorded on an H100 by llem-agent measure --windows', () => {
  it('are all there, each with idle around it', () => {
    expect(bursts.length).toBe(289)
    for (const load of LOADS)
      for (const length_ms of LENGTHS_MS) expect(of(load, length_ms).length).toBeGreaterThan(23)
    expect(new Set(bursts.map((b) => b.energy.method))).toEqual(new Set(['burst']))
  })

  it.each([
    ['full', 100, 8],
    ['full', 200, 4],
    ['full', 2000, 0.5],
    ['constant', 100, 8],
    ['constant', 200, 4],
    ['constant', 500, 1.5],
    ['constant', 2000, 0.5],
  ])('%s load, %i ms: 95 %% of single ones within %f %%', (load, length_ms, goal_pct) => {
    expect(100 * within95(errors(of(load, length_ms)))).toBeLessThan(goal_pct)
  })

  it('miss the goal of 1.5 % in one place, at full load and 500 ms, by a hair', () => {
    const error_pct = 100 * within95(errors(of('full', 500)))
    expect(error_pct).toBeGreaterThan(1.5)
    expect(error_pct).toBeLessThan(1.52)
  })

  it('lie between steps of a counter that keeps its beat: 100.002 ms, 90 % of them within 1.5 ms over 500 s', () => {
    const PERIOD_NS = 100.002e6
    const steps_ns = bursts.flatMap((b) => [b.counter_before[0], b.counter_after[0]])
    const first_ns = Math.min(...steps_ns)
    const phases = steps_ns.map((t) => ((t - first_ns + PERIOD_NS / 2) % PERIOD_NS) - PERIOD_NS / 2)
    const middle = percentile(phases, 0.5) as number
    const off_ns = phases.map((p) => Math.abs(p - middle))
    expect(nearestRank(off_ns, 0.9)).toBeLessThan(1.5e6)
  })

  it('were no two alike: at 2 s by up to 2.4 %, while each agrees with its own counter within 0.3 %', () => {
    for (const load of LOADS) expect(Math.max(...errors(of(load, 2000)))).toBeLessThan(0.003)
    const zeros = of('constant', 2000).map((b) => b.counter_j)
    expect(Math.max(...zeros) / meanOf(zeros) - 1).toBeGreaterThan(0.01)
    expect(1 - Math.min(...zeros) / meanOf(zeros)).toBeGreaterThan(0.02)
  })

  it('of zeros were made at constant clocks, which nothing held back', () => {
    const series = seriesOf(run.samples).filter((s) => s.device_id === gpu)
    const during = (metric: string) => {
      const own = series.find((s) => s.metric === metric)
      const windows = of('constant', 2000).map((b) => b.window)
      return [...(own?.t_ns ?? [])].flatMap((t, i) =>
        windows.some((w) => t > w.start_ns + 1e8 && t < w.end_ns - 1e8)
          ? [own?.value[i] as number]
          : [],
      )
    }
    expect(during('gpu_sm_clock_mhz').length).toBeGreaterThan(24 * 15)
    expect(new Set(during('gpu_sm_clock_mhz'))).toEqual(new Set([1980]))
    expect(new Set(during('gpu_throttle_reasons'))).toEqual(new Set([0]))
  })

  it('agree in the mean by ring and counter: within 3 % at 20 and 50 ms, 0.6 % at 0.1 and 0.2 s, 0.1 % above', () => {
    for (const load of LOADS)
      for (const length_ms of LENGTHS_MS) {
        const group = of(load, length_ms)
        const ratio = meanOf(group.map((b) => b.counter_j)) / meanOf(group.map(joules))
        const pct = length_ms < 100 ? 3 : length_ms < 500 ? 0.6 : 0.15
        expect(100 * Math.abs(ratio - 1), `${load} ${length_ms}`).toBeLessThan(pct)
      }
  })

  it.each(['burst', 'ring'])(
    'are within their stated range, 95 % of them, in the form of method %s',
    (method) => {
      for (const load of LOADS) {
        const held = LENGTHS_MS.flatMap((length_ms) =>
          of(load, length_ms).map((b) => {
            const own = b.energy.estimates.find((e) => e.method === method)
            const doubt = 2 * repeatable(own?.components ?? [])
            return Math.abs((own?.energy_j ?? Number.NaN) - b.counter_j) <= doubt
          }),
        )
        expect(held.filter(Boolean).length / held.length).toBeGreaterThanOrEqual(0.95)
      }
    },
  )

  it('are told far better than by the other tools, at 0.1 s and full load', () => {
    const group = of('full', 100)
    const median = (values: readonly number[]) => percentile(values, 0.5) as number
    const ours = median(errors(group))
    for (const tool of ['zeus', 'codecarbon', 'llenergymeasure']) {
      const theirs = group.flatMap((b) =>
        b.tool === tool && b.energy_j !== null ? [Math.abs(b.energy_j / b.counter_j - 1)] : [],
      )
      expect(median(theirs)).toBeGreaterThan(5 * ours)
    }
  })
})
