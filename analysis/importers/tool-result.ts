import { identityBroken } from '../findings/identity-findings.ts'
import { noMetric } from '../metric-value.ts'
import type { Finding, FindingCode, Severity } from '../schema/finding.ts'
import { type Result, type ResultMetric, resultId } from '../schema/result.ts'
import type { Collector } from './collector.ts'
import { isObject } from './fields.ts'
import type { Fault, ImportFile, ImportOptions } from './importer.ts'

/** What a tool's file tells of one result; what is left out is null, empty or none. */
export interface Told extends Partial<Omit<Result, 'result_id' | 'provenance'>> {
  readonly source: string
  /** What makes the row itself: its own values, so that the same row gets the same id. */
  readonly itself: unknown
  readonly row: number | null
  readonly notes?: readonly string[]
}

/** A whole result of what a file tells: valid unless a finding says otherwise, such as that its numbers contradict one another. */
export function toolResult(file: ImportFile, options: ImportOptions, told: Told): Result {
  const { itself, row, notes = [], ...facts } = told
  const findings = [...(told.findings ?? []), ...identityBroken(told.metrics ?? {}, null)]
  return {
    ...NOTHING,
    ...facts,
    result_id: resultId(told.source, itself, options.revision),
    findings,
    valid: findings.every((f) => f.severity !== 'invalid'),
    provenance: {
      file: file.path,
      file_sha256: file.sha256,
      row,
      revision: options.revision,
      notes: [...file.notes, ...notes],
    },
  }
}

/** A result of which nothing is told yet. */
export const NOTHING = {
  kind: 'run',
  name: null,
  task: null,
  model: null,
  engine: null,
  gpu_model: null,
  num_gpus: null,
  precision: null,
  batch_limit: null,
  tensor_parallel: null,
  expert_parallel: null,
  data_parallel: null,
  architecture: null,
  total_params_billions: null,
  activated_params_billions: null,
  setup: {},
  metrics: {},
  foreign: {},
} as const

export const finding = (
  code: FindingCode,
  severity: Severity,
  message: string,
  evidence: Record<string, unknown>,
): Finding => ({ code, severity, message, evidence })

type Scalar = string | number | boolean | null

/**
 * Every single value of a row under the tool's own name, `PREFIX.field` and `PREFIX.field.part`; lists stay in the file.
 * @param depth how many levels of mappings are opened
 */
export function foreignOf(prefix: string, row: object, depth = 3): Record<string, Scalar> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([key, value]): [string, Scalar][] => {
      const name = `${prefix}.${key}`
      if (isObject(value)) return depth > 0 ? Object.entries(foreignOf(name, value, depth - 1)) : []
      if (value === null || typeof value === 'string' || typeof value === 'boolean')
        return [[name, value]]
      return typeof value === 'number' ? [[name, Number.isFinite(value) ? value : null]] : []
    }),
  )
}

/** A value some levels down, or undefined where any of them is no mapping or lacks it. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let here = value
  for (const key of keys) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}

/** A finite number, else null: for values that a file may leave out. */
export const numberAt = (value: unknown, ...keys: readonly string[]): number | null => {
  const found = at(value, ...keys)
  return typeof found === 'number' && Number.isFinite(found) ? found : null
}

/** A whole number, 0 or more, else null. */
export const wholeAt = (value: unknown, ...keys: readonly string[]): number | null => {
  const found = numberAt(value, ...keys)
  return found !== null && Number.isSafeInteger(found) && found >= 0 ? found : null
}

export const textAt = (value: unknown, ...keys: readonly string[]): string | null => {
  const found = at(value, ...keys)
  return typeof found === 'string' ? found : null
}

/** A single value that JSON can hold, else null. */
export function scalarAt(value: unknown, ...keys: readonly string[]): Scalar {
  const found = at(value, ...keys)
  if (typeof found === 'number') return Number.isFinite(found) ? found : null
  return typeof found === 'string' || typeof found === 'boolean' ? found : null
}

/**
 * Keeps a result. What tells no number and doesn't look like the tool's file, as it may where a format was forced, is
 * lost; a number beyond all bounds (two large ones multiplied) is null.
 * @param looks whether the file is one of the tool's by its content
 */
export function keep(
  out: Collector,
  looks: boolean,
  result: Result,
  faults: readonly Fault[],
  fields: Readonly<Record<string, string | null>>,
): void {
  const { file, row } = result.provenance
  if (!looks && Object.values(result.metrics).every((m) => m.value === null)) {
    out.lost(file, row, 'tells no number that is known here', faults)
    return
  }
  const metrics = Object.fromEntries(
    Object.entries(result.metrics).map(([id, m]) => [id, bounded(m)]),
  )
  out.mapped({ ...result, metrics }, faults, fields)
}

function bounded(m: ResultMetric): ResultMetric {
  const numbers = [m.value, m.low, m.high, m.repeat_low, m.repeat_high]
  if (numbers.every((n) => n === null || Number.isFinite(n))) return m
  return { ...noMetric(m.unit, 'implausible', m.n), window: m.window }
}
