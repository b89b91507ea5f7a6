import { dividedParts, summed, withRange } from '../estimators/uncertainty.ts'
import type { ResultMetric } from '../schema/result.ts'
import type { Component } from '../schema/summary.ts'
import type { Unit } from '../schema/units.ts'
import { createCollector } from './collector.ts'
import type { Fault, Importer, ImportFile } from './importer.ts'
import { gpuEnergies, type PromEnergy } from './prometheus-energy.ts'
import {
  counterRise,
  type PromKind,
  type PromSeries,
  promKind,
  promMatrix,
  promSeries,
  readingInterval,
} from './prometheus-series.ts'
import { resultMetric } from './result-metric.ts'
import { at, keep, textAt, toolResult } from './tool-result.ts'

const SOURCE = 'prometheus'

interface Held {
  readonly kind: PromKind
  readonly series: PromSeries
}
interface Window {
  readonly start: number
  readonly end: number
}

/**
 * Answers of Prometheus' range queries (`/api/v1/query_range`): energy or power of GPUs from DCGM's exporter and the token
 * counters of an engine. All files of an import are one result over the time that all their series cover; what happened
 * between two readings is an uncertainty by their interval.
 */
export const prometheus: Importer = {
  name: SOURCE,
  title: 'Prometheus query_range, DCGM and engine counters',
  detect: ({ content }) =>
    content.form === 'json' &&
    (promMatrix(content.value) ?? []).some(
      (s) => promKind(textAt(at(s, 'metric'), '__name__') ?? '') !== undefined,
    ),
  begin(options) {
    const out = createCollector()
    const files: ImportFile[] = []
    const held: Held[] = []
    const faults: Fault[] = []
    const fields: Record<string, string | null> = {}
    return {
      take(file) {
        const matrix = file.content.form === 'json' ? promMatrix(file.content.value) : null
        if (matrix === null) {
          out.lost(file.path, null, 'is no answer of a range query: its resultType must be matrix')
          return
        }
        files.push(file)
        for (const [i, one] of matrix.entries()) {
          const series = promSeries(one, `data.result[${i}]`, faults)
          if (series === null) continue
          const kind = promKind(series.name)
          fields[series.name] = kind === undefined ? null : OURS[kind]
          if (kind !== undefined && series.t_s.length >= 2) held.push({ kind, series })
        }
      },
      done() {
        const [file, ...more] = files
        if (file === undefined) return out.done([])
        const window = common(held)
        if (held.length === 0 || window === null) {
          const message =
            held.length === 0
              ? 'holds no series of two or more readings that is known here'
              : 'holds series that cover no time together'
          out.lost(file.path, null, message, faults)
          return out.done(LACKS)
        }
        const { metrics, energies } = counted(held, window)
        const result = toolResult(file, options, {
          source: SOURCE,
          itself: [...held]
            .map((h) => [h.series.name, h.series.labels, h.series.t_s, h.series.value])
            .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
          row: null,
          model: only(held, ['model_name']),
          gpu_model: only(held, ['modelName']),
          num_gpus: energies.length === 0 ? null : energies.length,
          setup: { seconds: window.end - window.start },
          metrics,
          foreign: {
            'prometheus.start_s': window.start,
            'prometheus.end_s': window.end,
            'prometheus.devices': energies.map((e) => e.device),
          },
          notes: [
            'GPUs alone, all that their exporter tells of, whatever else ran on them',
            ...(more.length > 0
              ? [`read together with ${more.map((f) => f.path).join(', ')}`]
              : []),
          ],
        })
        keep(out, prometheus.detect(file), result, faults, fields)
        for (const f of more) out.ignored(f.path, null, `is told with ${file.path}`)
        return out.done(LACKS)
      },
    }
  },
}

const OURS: Readonly<Record<PromKind, string>> = {
  gpu_energy_mj: 'energy_gpu_j',
  gpu_power_w: 'energy_gpu_j',
  output_tokens: 'output_tokens',
  input_tokens: 'input_tokens',
  requests: 'requests_completed',
}
const LACKS = [
  'latencies: an engine’s histograms are not read',
  'what happened between two readings',
  'which process used a GPU',
]

/** The time that all series cover: joules and tokens are counted between the same two instants. */
function common(held: readonly Held[]): Window | null {
  const start = Math.max(...held.map((h) => h.series.t_s[0] as number))
  const end = Math.min(...held.map((h) => h.series.t_s.at(-1) as number))
  return held.length > 0 && end > start ? { start, end } : null
}

/** The value of a label where all series that have it agree. */
function only(held: readonly Held[], names: readonly string[]): string | null {
  const found = new Set(
    held.flatMap((h) =>
      names.flatMap((n) => (Object.hasOwn(h.series.labels, n) ? [h.series.labels[n]] : [])),
    ),
  )
  return found.size === 1 ? ([...found][0] ?? null) : null
}

function counted(held: readonly Held[], window: Window) {
  const seconds = window.end - window.start
  const of = (kind: PromKind) => held.filter((h) => h.kind === kind).map((h) => h.series)
  const energies = gpuEnergies(of('gpu_energy_mj'), of('gpu_power_w'), window.start, window.end)
  const metrics: Record<string, ResultMetric> = {}
  const put = (
    id: string,
    unit: Unit,
    told: { value: number; parts: readonly Component[]; from: string } | null,
    reason: 'not_recorded' | 'counter_reset' = 'not_recorded',
  ) => {
    const beside = { window: 'query', reason }
    metrics[id] =
      told === null
        ? resultMetric(id, null, beside)
        : {
            ...withRange({ value: told.value, unit, parts: told.parts, provenance: told.from }),
            window: 'query',
          }
  }
  const energy = totalEnergy(energies)
  const energyReason = energies.some((e) => e.reset) ? 'counter_reset' : 'not_recorded'
  put('energy_gpu_j', 'J', energy, energyReason)
  put('power_mean_w', 'W', divided(energy, seconds, 0, 'u_window'), energyReason)
  const output = risen(of('output_tokens'), window)
  const input = risen(of('input_tokens'), window)
  const requests = risen(of('requests'), window)
  put('output_tokens', 'token', output.told, output.reason)
  put('input_tokens', 'token', input.told, input.reason)
  put('requests_completed', 'request', requests.told, requests.reason)
  put(
    'output_throughput_tok_s',
    'token/s',
    divided(output.told, seconds, 0, 'u_window'),
    output.reason,
  )
  const each = (n: typeof output) =>
    n.told === null ? null : divided(energy, n.told.value, n.u, 'u_tokens')
  put('energy_per_output_token_j', 'J/token', each(output), output.reason)
  put('energy_per_request_j', 'J/request', each(requests), requests.reason)
  return { metrics, energies }
}

interface ToldValue {
  readonly value: number
  readonly parts: readonly Component[]
  readonly from: string
}

/** null: a GPU's energy is missing, and a sum without it would be too low. */
function totalEnergy(energies: readonly PromEnergy[]): ToldValue | null {
  const known = energies.flatMap((e) => (e.energy_j === null ? [] : [e.energy_j]))
  const [first] = energies
  if (first === undefined || known.length < energies.length) return null
  return {
    value: known.reduce((a, b) => a + b, 0),
    parts: summed(energies.map((e) => e.parts)),
    from: first.from,
  }
}

/** Rise of counters together, with what of it may lie before or after its edges. */
function risen(
  series: readonly PromSeries[],
  window: Window,
): { told: ToldValue | null; u: number; reason: 'not_recorded' | 'counter_reset' } {
  const rises = series.map((s) => counterRise(s, window.start, window.end))
  if (series.length === 0) return { told: null, u: 0, reason: 'not_recorded' }
  if (rises.includes(null)) return { told: null, u: 0, reason: 'counter_reset' }
  const value = (rises as number[]).reduce((a, b) => a + b, 0)
  const seconds = window.end - window.start
  // Two edges, each late by up to one interval at the mean rate.
  const u = Math.hypot(
    ...series.map((s, i) => (readingInterval(s) * (rises[i] as number)) / seconds / Math.sqrt(6)),
  )
  const parts = u === 0 ? [] : [{ name: 'u_scrape', value: u, shared: false }]
  return { told: { value, parts, from: series[0]?.name ?? '' }, u, reason: 'not_recorded' }
}

function divided(told: ToldValue | null, by: number, u: number, name: string): ToldValue | null {
  if (told === null || by <= 0) return null
  return { value: told.value / by, parts: dividedParts(told, by, u, name), from: told.from }
}
