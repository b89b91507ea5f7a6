import type { Finding } from '../schema/finding.ts'
import type { Result } from '../schema/result.ts'
import type { Collector } from './collector.ts'
import { isObject, type JsonObject, shown } from './fields.ts'
import { histogramFindings, histogramSum } from './mlenergy-histogram.ts'
import { flatModelRow, publishedResult } from './mlenergy-row.ts'

/** A task or model file as it was parsed. */
export interface PublishedFile {
  readonly path: string
  readonly sha256: string
  readonly notes: readonly string[]
  readonly value: JsonObject
}

export interface Published {
  readonly index: JsonObject | null
  readonly tasks: readonly PublishedFile[]
  readonly models: readonly PublishedFile[]
  readonly revision: string | null
}

interface TaskRow {
  readonly result: Result
  readonly read: ReturnType<typeof publishedResult>
  readonly row: JsonObject
}

/**
 * Every row of the task files, each with the histogram of its model file. A model file holds the rows of its model in
 * the order of the task file and repeats no name, so that they are joined by position and their joules compared.
 */
export function readPublished(published: Published, out: Collector): void {
  const byModel = new Map<string, TaskRow[]>()
  const rows = published.tasks.flatMap((file) => taskRows(file, published, out))
  for (const row of rows) {
    const key = joinKey(row.result.task, row.result.model)
    byModel.set(key, [...(byModel.get(key) ?? []), row])
  }
  const enriched = new Map<TaskRow, Result>()
  for (const file of published.models) {
    const known = byModel.get(joinKey(text(file.value['task']), text(file.value['model_id'])))
    if (known === undefined) readAlone(file, published, out)
    else join(file, known, enriched, out)
  }
  for (const it of rows) out.mapped(enriched.get(it) ?? it.result, it.read.faults, it.read.fields)
}

function taskRows(file: PublishedFile, published: Published, out: Collector): TaskRow[] {
  const task = text(file.value['task'])
  return configurations(file).flatMap((row, at) => {
    if (!isObject(row)) {
      out.lost(file.path, at, `is ${shown(row)}; a row is a mapping`)
      return []
    }
    const read = publishedResult({ ...rowContext(file, published, row['model_id'], task), row, at })
    if (read.result !== null) return [{ result: read.result, read, row }]
    out.lost(file.path, at, 'does not name its model', read.faults)
    return []
  })
}

/** A model file whose task file is not there: its own rows are the results. */
function readAlone(file: PublishedFile, published: Published, out: Collector): void {
  const task = text(file.value['task'])
  const sum = histogramSum(file.value)
  for (const [at, config] of configurations(file).entries()) {
    if (!isObject(config)) {
      out.lost(file.path, at, `is ${shown(config)}; a row is a mapping`)
      continue
    }
    const row = flatModelRow(file.value, config)
    const read = publishedResult({ ...rowContext(file, published, row['model_id'], task), row, at })
    if (read.result === null) out.lost(file.path, at, 'does not name its model', read.faults)
    else out.mapped(withHistogram(read.result, config, sum), read.faults, read.fields)
  }
}

function join(
  file: PublishedFile,
  rows: readonly TaskRow[],
  enriched: Map<TaskRow, Result>,
  out: Collector,
): void {
  const configs = configurations(file)
  if (configs.length !== rows.length) {
    out.lost(
      file.path,
      null,
      `holds ${configs.length} rows, and the task file ${rows.length} of this model; they can't be joined by position`,
    )
    return
  }
  const sum = histogramSum(file.value)
  let joined = 0
  for (const [at, config] of configs.entries()) {
    const it = rows[at] as TaskRow
    const unlike = isObject(config)
      ? differingField(flatModelRow(file.value, config), it.row)
      : null
    if (!isObject(config) || unlike !== null) {
      const where = `row ${it.result.provenance.row} of ${it.result.provenance.file}`
      out.lost(
        file.path,
        at,
        isObject(config)
          ? `stands where ${where} does and differs from it in ${unlike}`
          : `is ${shown(config)}; a row is a mapping`,
      )
      continue
    }
    joined++
    enriched.set(it, withHistogram(it.result, config, sum))
  }
  if (joined > 0)
    out.ignored(file.path, null, `${joined} rows joined to those of the task file by position`)
}

/** The first field that both have and that differs. */
function differingField(a: JsonObject, b: JsonObject): string | null {
  for (const [name, value] of Object.entries(a)) {
    if (name === 'nickname' || !Object.hasOwn(b, name) || Object.is(value, b[name])) continue
    if (typeof value === 'object' && typeof b[name] === 'object') continue
    return `${name} (${shown(value)}, ${shown(b[name])})`
  }
  return null
}

/** The histogram of output lengths under its own name, checked; and the notes on how the model was laid out. */
function withHistogram(result: Result, config: JsonObject, sum: Finding | null): Result {
  const { parallelization, output_length_distribution: histogram } = config
  const said = isObject(parallelization) ? parallelization['notes'] : null
  const notes = typeof said === 'string' && said !== '' ? [said] : []
  const provenance = { ...result.provenance, notes: [...result.provenance.notes, ...notes] }
  if (histogram === undefined) return { ...result, provenance }
  const own = histogramFindings(histogram)
  const findings = [...result.findings, ...own, ...(sum === null ? [] : [sum])]
  return {
    ...result,
    provenance,
    foreign: { ...result.foreign, output_length_distribution: histogram },
    findings,
    valid: findings.every((f) => f.severity !== 'invalid'),
  }
}

/** What a file and the index tell of each of its rows. */
export function rowContext(
  file: PublishedFile,
  { index, revision }: Published,
  model: unknown,
  task: string | null,
) {
  const entry =
    isObject(index?.['models']) && typeof model === 'string' ? own(index['models'], model) : null
  return {
    task,
    nickname: isObject(entry) ? text(entry['nickname']) : null,
    modality:
      modalityOf(index, task) ??
      text(file.value['architecture'] === 'diffusion' ? 'diffusion' : null),
    revision,
    file: file.path,
    file_sha256: file.sha256,
    notes: file.notes,
    task_display_name: text(file.value['task_display_name']),
  }
}

/** The index alone tells a task's kind. */
function modalityOf(index: JsonObject | null, task: string | null): string | null {
  const kinds = index?.['architectures']
  if (!isObject(kinds) || task === null) return null
  const found = Object.entries(kinds).find(([, ids]) => Array.isArray(ids) && ids.includes(task))
  return found?.[0] ?? null
}

const configurations = ({ value }: { readonly value: JsonObject }): readonly unknown[] =>
  Array.isArray(value['configurations']) ? value['configurations'] : []
const own = (of: JsonObject, name: string): unknown => (Object.hasOwn(of, name) ? of[name] : null)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const joinKey = (task: string | null, model: string | null): string => JSON.stringify([task, model])
