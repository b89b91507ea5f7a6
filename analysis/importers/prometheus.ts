import { type Collector, createCollector } from './collector.ts'
import type { Fault, Importer, ImportFile, ImportOptions } from './importer.ts'
import { counted, type Held, type Window } from './prometheus-counted.ts'
import { deviceOf } from './prometheus-energy.ts'
import {
  joinedBy,
  type PromKind,
  type PromSeries,
  promKind,
  promMatrix,
  promSeries,
} from './prometheus-series.ts'
import { at, keep, textAt, toolResult } from './tool-result.ts'

const SOURCE = 'prometheus'

/** What a file told. */
interface Read {
  readonly file: ImportFile
  readonly held: readonly Held[]
  readonly faults: readonly Fault[]
  readonly fields: Readonly<Record<string, string | null>>
}

/**
 * Answers of Prometheus' range queries (`/api/v1/query_range`): energy or power of GPUs from DCGM's exporter and the token
 * counters of an engine. Files whose times meet are one result, over the time that all their series cover; what happened
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
    const all: Read[] = []
    return {
      take(file) {
        const matrix = file.content.form === 'json' ? promMatrix(file.content.value) : null
        if (matrix === null) {
          out.lost(file.path, null, 'is no answer of a range query: its resultType must be matrix')
          return
        }
        const faults: Fault[] = []
        const held: Held[] = []
        const fields: Record<string, string | null> = {}
        for (const [i, one] of matrix.entries()) {
          const series = promSeries(one, `data.result[${i}]`, faults)
          if (series === null) continue
          const kind = promKind(series.name)
          fields[series.name] = kind === undefined ? null : OURS[kind]
          if (kind !== undefined && !isUnfinished(series)) held.push({ kind, series })
        }
        all.push({ file, held, faults, fields })
      },
      done() {
        for (const read of meeting(all)) tell(read, options, out)
        return out.done(LACKS)
      },
    }
  },
}

/** One result of files that belong together. */
function tell(reads: readonly [Read, ...Read[]], options: ImportOptions, out: Collector): void {
  const [{ file }, ...more] = reads
  const faults = reads.flatMap((r) => r.faults)
  const held = joined(reads.flatMap((r) => r.held))
  const window = common(held)
  if (window === null) {
    const message =
      held.length === 0
        ? 'holds no series of two or more readings that is known here'
        : 'holds series that cover no time together'
    out.lost(file.path, null, message, faults)
    for (const r of more) out.lost(r.file.path, null, message)
    return
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
      ...(more.length > 0 ? [`read together with ${more.map((r) => r.file.path).join(', ')}`] : []),
    ],
  })
  const fields = Object.assign({}, ...reads.map((r) => r.fields)) as Read['fields']
  keep(out, prometheus.detect(file), result, faults, fields)
  for (const r of more) out.ignored(r.file.path, null, `is told with ${file.path}`)
}

/** Files in groups whose times meet; one without a reading is a group of its own. */
function meeting(all: readonly Read[]): [Read, ...Read[]][] {
  const spans = all
    .map((read) => {
      const times = read.held.flatMap((h) => h.series.t_s)
      return { read, from: least(times), to: -least(times.map((t) => -t)) }
    })
    .sort((a, b) => a.from - b.from)
  const groups: { readonly reads: [Read, ...Read[]]; to: number }[] = []
  for (const { read, from, to } of spans) {
    const last = groups.at(-1)
    if (last !== undefined && from <= last.to) {
      last.reads.push(read)
      last.to = Math.max(last.to, to)
    } else groups.push({ reads: [read], to })
  }
  return groups.map((g) => g.reads)
}

const least = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)

const OURS: Readonly<Record<PromKind, string>> = {
  gpu_energy_mj: 'energy_gpu_j',
  gpu_power_w: 'energy_gpu_j',
  output_tokens: 'output_tokens',
  input_tokens: 'input_tokens',
  requests: 'requests_completed',
}
const KINDS = Object.keys(OURS) as PromKind[]
const LACKS = [
  'latencies: an engine’s histograms are not read',
  'what happened between two readings',
  'which process used a GPU',
]

/** vLLM counts requests by how they ended, those that its client gave up and those that failed among them. */
const UNFINISHED = ['abort', 'error']
const isUnfinished = ({ labels }: PromSeries): boolean =>
  UNFINISHED.includes(labels['finished_reason'] ?? '')

/** What was read with one series a GPU or counter, less what is too short to tell a rise. */
const joined = (read: readonly Held[]): Held[] =>
  KINDS.flatMap((kind) =>
    joinedBy(
      read.filter((h) => h.kind === kind).map((h) => h.series),
      kind === 'gpu_energy_mj' || kind === 'gpu_power_w' ? deviceOf : nameAndLabels,
    )
      .filter((series) => series.t_s.length >= 2)
      .map((series) => ({ kind, series })),
  )

const nameAndLabels = ({ name, labels }: PromSeries): string =>
  JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))])

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
