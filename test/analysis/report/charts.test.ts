import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHARTS, chartSpecs } from '../../../analysis/report/chart-specs.ts'
import {
  type LatencyPoint,
  latencyAxis,
  MOST_POINTS,
  thinned,
} from '../../../analysis/report/latency.ts'
import { LEDGER_IDS, ledgerLines } from '../../../analysis/report/ledger.ts'
import { reportTables } from '../../../analysis/report/report-tables.ts'
import { PAGE } from '../../../analysis/report/theme.ts'
import { summarise } from '../../../analysis/summary.ts'
import { drawSvg } from '../../../server/web/svg.ts'
import { simulatedRun } from '../../support/simulated-run.ts'

const small = { measure_s: 20, hz: 20, requests: 120 }

async function warningsOf(specs: ReturnType<typeof chartSpecs>): Promise<string[]> {
  const warnings: string[] = []
  for (const [name, spec] of Object.entries(specs)) {
    const svg = await drawSvg(spec, name, (message) => warnings.push(`${name}: ${message}`))
    expect(svg).toMatch(/^<svg /)
    expect(svg).not.toContain('NaN')
  }
  return warnings
}

describe('the charts of a run', () => {
  it('are drawn without a warning, wide and narrow, in plain colours and in those of a page', async () => {
    const run = simulatedRun({ ...small, gpus: 2, fail_every: 25 })
    const tables = reportTables(run, summarise(run))
    expect(Object.keys(chartSpecs(tables))).toEqual([...CHARTS])
    expect(await warningsOf(chartSpecs(tables))).toEqual([])
    expect(await warningsOf(chartSpecs(tables, { width: 320, palette: PAGE }))).toEqual([])
  })

  it('are absent where the run holds nothing of them', () => {
    const run = simulatedRun({ ...small, requests: 0 })
    const bare = {
      ...run,
      requests: [],
      phases: [],
      samples: {
        ...run.samples,
        series: [],
        length: 0,
        t_ns: new Float64Array(),
        value: new Float64Array(),
      },
    }
    expect(chartSpecs(reportTables(bare, summarise(bare)))).toEqual({})
  })

  it('carry their data within, and name no address to load from', () => {
    const run = simulatedRun(small)
    const specs = chartSpecs(reportTables(run, summarise(run)))
    for (const spec of Object.values(specs)) {
      const { $schema, ...rest } = spec
      expect($schema).toBe('https://vega.github.io/schema/vega-lite/v6.json')
      expect(JSON.stringify(rest)).not.toMatch(/https?:|"url"/)
    }
  })

  it('draw the same run the same way twice', () => {
    const run = simulatedRun(small)
    const draw = () => JSON.stringify(chartSpecs(reportTables(run, summarise(run))))
    expect(draw()).toBe(draw())
  })

  it('tint the window that the summary counted, in seconds from the start of the run', () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const window = reportTables(run, summary).power?.window
    // The run's clock and its record both begin at 0.
    expect(window?.start_s).toBeCloseTo(Number(summary.window?.start_t_ns) / 1e9, 6)
    expect(window?.end_s).toBeCloseTo(Number(summary.window?.end_t_ns) / 1e9, 6)
  })

  it('show distributions of exactly the values that the summary counted', () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const tables = reportTables(run, summary)
    expect(tables.ttft?.histogram.count).toBe(summary.metrics['ttft_ms_p50']?.n)
    expect(tables.itl?.histogram.count).toBe(summary.metrics['itl_ms_p50']?.n)
    expect(tables.ttft?.marks[0]).toEqual({
      label: 'p50',
      value: summary.metrics['ttft_ms_p50']?.value,
    })
  })
})

describe('power of many devices', () => {
  it('draws eight, those in use first, and says how many there are', () => {
    const run = simulatedRun({ measure_s: 5, hz: 20, requests: 20, gpus: 10 })
    const power = reportTables(run, summarise(run)).power
    expect(new Set(power?.power.map((p) => p.device)).size).toBe(8)
    expect(power?.devices).toBe(10)
  })

  it('stays below ten thousand points however many readings there are', () => {
    const run = simulatedRun({ measure_s: 60, hz: 500, requests: 20, gpus: 8 })
    const power = reportTables(run, summarise(run)).power
    expect(run.samples.length).toBeGreaterThan(300_000)
    expect(power?.power.length).toBeLessThanOrEqual(10_000)
  })
})

describe('the ledger', () => {
  it('has lines that add up to what was recorded', () => {
    const run = simulatedRun(small)
    const summary = summarise(run)
    const lines = ledgerLines(summary)
    const gross = summary.metrics['energy_recorded_j']?.value as number
    expect(lines.map((l) => l.line)).toContain('unattributed')
    expect(lines.reduce((sum, l) => sum + l.energy_j, 0)).toBeCloseTo(gross, 3)
    expect(lines.reduce((sum, l) => sum + l.share_pct, 0)).toBeCloseTo(100, 6)
  })

  it('is empty where the gross is not known', () => {
    const summary = summarise(simulatedRun(small))
    const metrics = { ...summary.metrics }
    delete metrics['energy_recorded_j']
    expect(ledgerLines({ ...summary, metrics })).toEqual([])
  })

  it('calls what is left of a measured program the program', () => {
    const summary = summarise(simulatedRun(small))
    const lines = ledgerLines({ ...summary, kind: 'measure' }).map((l) => l.line)
    expect(lines).toContain('the program')
    expect(lines).not.toContain('unattributed')
  })

  it('takes every joule line of the registry', () => {
    expect(LEDGER_IDS).toContain('energy_unattributed_j')
    expect(LEDGER_IDS).not.toContain('energy_recorded_j')
    expect(LEDGER_IDS).not.toContain('energy_wasted_pct')
  })
})

describe('the scatter of latencies', () => {
  const point = (i: number, failed = false): LatencyPoint => ({
    output_tokens: i,
    e2e_ms: i,
    sent_s: i,
    outcome: failed ? 'failed' : 'answered',
  })

  it('draws every point where there are few', () => {
    const points = [point(1), point(2)]
    expect(thinned(points)).toEqual(points)
  })

  it('thins evenly, always alike, and keeps every failure while they are few', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: MOST_POINTS, max: 20_000 }),
        fc.integer({ min: 50, max: 500 }),
        (n, step) => {
          const points = Array.from({ length: n }, (_, i) => point(i, i % step === 0))
          const kept = thinned(points)
          expect(kept).toHaveLength(MOST_POINTS)
          expect(kept).toEqual(thinned(points))
          expect(new Set(kept).size).toBe(MOST_POINTS)
          expect(kept.filter((p) => p.outcome === 'failed')).toHaveLength(Math.ceil(n / step))
        },
      ),
      { numRuns: 20 },
    )
  })

  it('takes the time of sending where all answers are equally long', () => {
    expect(latencyAxis([point(64), point(64)])).toBe('sent_s')
    expect(latencyAxis([point(64), point(65)])).toBe('output_tokens')
  })
})
