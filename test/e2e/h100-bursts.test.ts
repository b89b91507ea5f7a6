import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { x as unpack } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seriesOf } from '../../analysis/readings/sample-table.ts'
import { nearestRank, percentile } from '../../analysis/stats/percentile.ts'
import {
  type BurstKind,
  ownScatter,
  type RecordedBurst,
  readBursts,
  type Told,
} from '../support/recorded-bursts.ts'
import { ROOT } from '../support/root.ts'

let dir: string
let recorded: ReturnType<typeof readBursts>

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-bursts-'))
  await unpack({ file: join(ROOT, 'test/fixtures/bundles/h100-bursts.tar.gz'), cwd: dir, strip: 1 })
  recorded = readBursts(dir, join(dir, 'bursts.ndjson'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const LOADS = ['full', 'constant'] as const
/** Length in ms, and by how much 95 % of single bursts may err at most, %. */
const GOALS = [
  [100, 8],
  [200, 4],
  [500, 1.5],
  [2000, 0.5],
] as const
const EACH = LOADS.flatMap((load) => GOALS.map(([ms, pct]) => [load, ms, pct] as const))

const of = (load: string, length_ms: number): BurstKind =>
  recorded.kinds.find((k) => k.load === load && k.length_ms === length_ms) as BurstKind
const joules = (b: RecordedBurst) => b.energy.energy_j as number
/** What 95 % of the bursts err by no more than, by rank, %. */
const most = (kind: BurstKind, truth: (b: RecordedBurst) => number) =>
  nearestRank(
    kind.bursts.map((b) => 100 * Math.abs(joules(b) / truth(b) - 1)),
    0.95,
  ) as number

describe('bursts of known work, recorded on an H100 by llem-agent measure --windows', () => {
  it('are all there, each with idle around it', () => {
    expect(recorded.kinds).toHaveLength(12)
    for (const { bursts } of recorded.kinds) {
      expect(bursts).toHaveLength(24)
      expect(new Set(bursts.map((b) => b.energy.method))).toEqual(new Set(['burst']))
    }
  })

  it.each(EACH)(
    '%s load, %i ms: 95 %% of single ones within %f %% of the mean of many',
    (load, length_ms, goal_pct) => {
      expect(most(of(load, length_ms), (b) => b.reference_j)).toBeLessThan(goal_pct)
    },
  )

  it.each(EACH)(
    '%s load, %i ms: 95 %% of single ones within %f %% of the counter around the same burst',
    (load, length_ms, goal_pct) => {
      expect(most(of(load, length_ms), (b) => b.own_counter_j)).toBeLessThan(goal_pct)
    },
  )

  it('have one mean by ring and counter: within 3 % at 20 and 50 ms, 0.8 % at 0.1 and 0.2 s, 0.1 % above', () => {
    for (const { load, length_ms, ring_j, counter_j } of recorded.kinds)
      expect(100 * Math.abs(counter_j / ring_j - 1), `${load} ${length_ms}`).toBeLessThan(
        length_ms < 100 ? 3 : length_ms < 500 ? 0.8 : 0.1,
      )
  })

  it('scatter in the ring itself by 2 J at most, by what ring and counter do not vary together', () => {
    for (const { load, length_ms, bursts } of recorded.kinds) {
      const [ring_j] = ownScatter(bursts.map((b) => [joules(b), b.own_counter_j] as const))
      expect(ring_j, `${load} ${length_ms}`).toBeLessThan(load === 'full' ? 2 : 0.6)
    }
  })

  it.each(['padded', 'alone'] as const)(
    'are within their stated range, 95 % of them, in the form %s',
    (form) => {
      const holds = (told: Told | null, truth_j: number) =>
        told !== null && Math.abs(told.energy_j - truth_j) <= told.doubt_j
      for (const load of LOADS) {
        const bursts = recorded.kinds.filter((k) => k.load === load).flatMap((k) => k.bursts)
        const held = bursts.filter((b) => holds(b[form], b.own_counter_j))
        expect(held.length / bursts.length).toBeGreaterThanOrEqual(0.95)
      }
    },
  )

  it('of zeros were made at constant clocks, which nothing held back', () => {
    const series = seriesOf(recorded.run.samples).filter((s) => s.device_id === recorded.device_id)
    const windows = of('constant', 2000).bursts.map((b) => b.window)
    const during = (metric: string) => {
      const own = series.find((s) => s.metric === metric)
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

  it('are told far better than by the other tools, at 0.1 s and full load', () => {
    const { bursts } = of('full', 100)
    const error = (told_j: number, b: RecordedBurst) => Math.abs(told_j / b.reference_j - 1)
    const median = (values: readonly number[]) => percentile(values, 0.5) as number
    const ours = median(bursts.map((b) => error(joules(b), b)))
    for (const tool of ['zeus', 'codecarbon', 'llenergymeasure']) {
      const theirs = bursts.flatMap((b) =>
        b.tool === tool && b.energy_j !== null ? [error(b.energy_j, b)] : [],
      )
      expect(theirs).toHaveLength(6)
      expect(median(theirs)).toBeGreaterThan(10 * ours)
    }
  })
})
