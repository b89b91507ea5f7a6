import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { x as unpack } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { energyTimeline } from '../../analysis/energy/energy-timeline.ts'
import { runEnergy } from '../../analysis/energy/run-energy.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import type { RunData } from '../../analysis/readings/run-data.ts'
import { seriesOf } from '../../analysis/readings/sample-table.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import { runFileSchema } from '../../analysis/schema/run.ts'
import { STREAM_NAMES } from '../../analysis/schema/stream.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { summarise } from '../../analysis/summary.ts'
import { ROOT } from '../support/root.ts'

let dir: string
let run: RunData
let summary: Summary

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-h100-'))
  const archive = join(ROOT, 'test/fixtures/bundles/h100-torch-llama.tar.gz')
  await pipeline(createReadStream(archive), unpack({ cwd: dir, strip: 1 }))
  const file = runFileSchema.parse(parseJson(readFileSync(join(dir, 'run.json'), 'utf8')))
  const chunks = readdirSync(join(dir, 'streams'), { recursive: true, encoding: 'utf8' }).flatMap(
    (path) => {
      const [process_id, name, seq] = path.replace('.arrow', '').split('/')
      const stream = STREAM_NAMES.find((s) => s === name)
      return process_id !== undefined && stream !== undefined && seq !== undefined
        ? [
            {
              process_id,
              stream,
              seq: Number(seq),
              bytes: readFileSync(join(dir, 'streams', path)),
            },
          ]
        : []
    },
  )
  run = decodeRun(file, chunks)
  summary = summarise(run)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Joules by plain sums over the rows, written without the project's own energy code. */
function plainSums(): { ring_j: number; counter_j: number } {
  const all = seriesOf(run.samples)
  const counter = all.find((s) => s.metric === 'gpu_energy_mj')
  const ring = all.find((s) => s.metric === 'gpu_power_mw')
  if (!counter || !ring) throw new Error('the fixture holds ring and counter')
  const measure = run.phases.find((p) => p.phase === 'measure')
  const cooldown = run.phases.find((p) => p.phase === 'cooldown')
  const at = (t: number | undefined) => counter.t_ns.findLastIndex((x) => x <= (t as number))
  const [from, to] = [at(measure?.start_ns), at(cooldown?.start_ns)]
  const [start, end] = [counter.t_ns[from] as number, counter.t_ns[to] as number]
  let ring_j = 0
  for (let i = 1; i < ring.t_ns.length; i++) {
    const [a, b] = [ring.t_ns[i - 1] as number, ring.t_ns[i] as number]
    const seconds = Math.max(0, Math.min(b, end) - Math.max(a, start)) / 1e9
    ring_j += ((ring.value[i] as number) / 1e3) * seconds
  }
  return {
    ring_j,
    counter_j: ((counter.value[to] as number) - (counter.value[from] as number)) / 1e3,
  }
}

const metric = (id: string): number => summary.metrics[id]?.value ?? Number.NaN

describe('a run recorded on an H100', () => {
  it('has ring and counter in agreement to 1 % over half a minute', () => {
    const { ring_j, counter_j } = plainSums()
    expect(counter_j).toBeGreaterThan(4000)
    expect(Math.abs(ring_j / counter_j - 1)).toBeLessThan(0.01)
  })

  it('is valid, by the ring, with GPU energy alone in the headline', () => {
    expect(summary.valid).toBe(true)
    expect(summary.metrics['energy_per_output_token_j']).toMatchObject({
      provenance: 'nvml_power_ring',
      unit: 'J/token',
    })
    expect(metric('energy_gpu_j')).toBe(metric('energy_compute_j'))
    expect(summary.metrics['energy_total_j']).toMatchObject({
      value: null,
      reason: 'estimate_only',
    })
  })

  it('draws what the card said at idle, and more with the model loaded', () => {
    // nvidia-smi showed 70.99 W just before the run.
    expect(metric('idle_cold_w')).toBeGreaterThan(69)
    expect(metric('idle_cold_w')).toBeLessThan(73)
    expect(metric('idle_resident_w')).toBeGreaterThan(metric('idle_cold_w') + 30)
  })

  it('counts tokens and joules in one window', () => {
    const seconds = summary.window?.duration_s ?? Number.NaN
    expect(metric('output_tokens') / seconds).toBeCloseTo(metric('output_throughput_tok_s'), 6)
    expect(metric('energy_compute_j') / metric('output_tokens')).toBeCloseTo(
      metric('energy_per_output_token_j'),
      9,
    )
    expect(metric('tokens_per_joule')).toBeCloseTo(metric('throughput_per_watt_tok_s_w'), 6)
  })

  it('has a ledger that adds up', () => {
    const lines = Object.entries(summary.metrics).filter(([id]) =>
      /^energy_(baseline|load|idle|warmup|static|succeeded|failed|drain|cooldown|unattributed)_j$/.test(
        id,
      ),
    )
    expect(lines).toHaveLength(10)
    const sum = lines.reduce((total, [, m]) => total + (m.value ?? Number.NaN), 0)
    expect(sum).toBeCloseTo(metric('energy_recorded_j'), 6)
  })

  it('has one recorded energy: of the ledger, of totals and of cost', () => {
    const uj = Math.round(metric('energy_recorded_j') * 1e6)
    expect(metric('energy_recorded_j')).toBeCloseTo(12_495.031, 3)
    expect(runEnergy(run).hours.reduce((n, h) => n + h.gpu_uj, 0)).toBe(uj)
    const { intervals } = energyTimeline(run, { span: 'recorded' })
    expect(intervals.reduce((n, i) => n + Number(i.energies.gpu?.energy_uj), 0)).toBe(uj)
  })
})
