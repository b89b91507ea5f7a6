import { z } from 'zod'

/** What a fact is made of: `whole` is a count, `time` ISO 8601 in UTC. */
const TYPES = {
  text: z.string(),
  time: z.string(),
  whole: z.int(),
  number: z.number(),
} as const
export type FactType = keyof typeof TYPES
export type FactValue = string | number | null

/** What can be known of a run from its run.json, read once; each fact picks from it. */
export interface FactSource {
  readonly study_id: string | null
  readonly experiment_key: string
  readonly name: string | null
  readonly model: string | null
  readonly engine: string | null
  readonly precision: string | null
  /** The configuration as it was written. */
  readonly configuration: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, unknown>>
  readonly host: Readonly<Record<string, unknown>>
  /** ISO 8601 in UTC. */
  readonly started_at: string | null
  /** Models of the GPUs used, each once, sorted. */
  readonly gpu_models: readonly string[]
  readonly num_gpus: number
  /** What the configuration's engine or model, the environment or the tags state under a key, in this order; else null. */
  stated(key: string): unknown
  /** Value of a flag of the engine's command, under the first of these names that it has. */
  flag(...names: readonly string[]): string | null
}

/**
 * How lists use a fact: `filter` by it for equality, `sort` by it, `group` by it (totals, candidates, experiments).
 * `alike`: two results that differ in it are no replicates.
 */
type Use = 'filter' | 'sort' | 'group' | 'alike'

interface Fact {
  readonly type: FactType
  /** Of runs measured here, of results of other tools, or of both. */
  readonly of: 'run' | 'result' | 'both'
  readonly meaning: string
  readonly unit?: string
  readonly uses: readonly Use[]
  /** The parameter of lists, where it has another name. */
  readonly parameter?: string
  /** A run always has it; a result need not. */
  readonly required?: true
  /** From run.json. Without, the database itself knows it (when it was stored, what a person noted). */
  readonly read?: (run: FactSource) => unknown
  /**
   * Which tables have a column of this name: those that the first versions of the database had. Every other fact is kept
   * as a row of `value_set_value`, so that a new one needs no migration.
   */
  readonly column?: 'run' | 'both'
  /** The column of table `result` that stands for it there. */
  readonly result_column?: string
}

const LISTED = ['filter', 'sort', 'group'] as const
const MEASURED_BY = ['filter', 'sort', 'group', 'alike'] as const

/**
 * What is known of a run or of an imported result. One list: columns, filters, sorting, grouping, headers of every table
 * format, the schema of the API and the options of the programs derive from it.
 */
export const FACTS = {
  source: {
    type: 'text',
    of: 'both',
    column: 'both',
    required: true,
    uses: LISTED,
    meaning: 'local: measured here; others: results of other tools',
  },
  state: {
    type: 'text',
    of: 'run',
    column: 'run',
    required: true,
    uses: ['filter'],
    meaning: 'open: still running; sealed: finished',
  },
  outcome: {
    type: 'text',
    of: 'run',
    column: 'run',
    uses: ['filter', 'sort'],
    meaning: 'completed, failed or interrupted',
  },
  reason: {
    type: 'text',
    of: 'run',
    column: 'run',
    uses: [],
    meaning: 'why it failed or was interrupted',
  },
  study_id: {
    type: 'text',
    of: 'run',
    column: 'run',
    uses: ['filter'],
    parameter: 'study',
    meaning: 'study that the run belongs to',
    read: (r) => r.study_id,
  },
  experiment_key: {
    type: 'text',
    of: 'run',
    column: 'run',
    required: true,
    uses: ['filter'],
    meaning: 'equal for configurations that measure the same',
    read: (r) => r.experiment_key,
  },
  name: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: ['filter', 'sort'],
    meaning: 'name in the configuration',
    read: (r) => r.name,
  },
  task: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'task of the configuration',
    read: (r) => r.configuration['task'] ?? record(r.configuration['tags'])['task'],
  },
  model: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'model',
    read: (r) => r.model,
  },
  engine: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'engine',
    read: (r) => r.engine,
  },
  engine_version: {
    type: 'text',
    of: 'run',
    uses: LISTED,
    meaning: 'version that the engine reports',
    read: (r) => record(r.environment['engine'])['version'],
  },
  gpu_model: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'GPU model of the GPUs used',
    read: (r) => (r.gpu_models.length > 0 ? r.gpu_models.join(', ') : null),
  },
  num_gpus: {
    type: 'whole',
    of: 'both',
    column: 'both',
    required: true,
    uses: MEASURED_BY,
    meaning: 'GPUs used',
    read: (r) => r.num_gpus,
  },
  precision: {
    type: 'text',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'precision, as the configuration or the environment states it',
    read: (r) => r.precision ?? r.stated('precision'),
  },
  batch_limit: {
    type: 'whole',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: "the engine's batch limit; of an image model its batch",
    read: (r) => r.stated('batch_limit') ?? r.flag('--max-num-seqs'),
  },
  tensor_parallel: {
    type: 'whole',
    of: 'both',
    column: 'both',
    uses: MEASURED_BY,
    meaning: 'tensor parallel size',
    read: (r) => r.stated('tensor_parallel') ?? r.flag('--tensor-parallel-size', '-tp'),
  },
  expert_parallel: {
    type: 'whole',
    of: 'result',
    uses: MEASURED_BY,
    meaning: 'expert parallel size',
  },
  data_parallel: {
    type: 'whole',
    of: 'result',
    uses: MEASURED_BY,
    meaning: 'data parallel size',
  },
  architecture: {
    type: 'text',
    of: 'result',
    uses: LISTED,
    meaning: 'architecture of the model',
  },
  total_params_billions: {
    type: 'number',
    of: 'result',
    unit: '1e9',
    uses: LISTED,
    meaning: 'parameters, 1e9',
  },
  activated_params_billions: {
    type: 'number',
    of: 'result',
    unit: '1e9',
    uses: LISTED,
    meaning: 'parameters active for a token, 1e9',
  },
  host: {
    type: 'text',
    of: 'run',
    column: 'run',
    uses: LISTED,
    meaning: 'host that measured',
    read: (r) => r.host['hostname'],
  },
  site: {
    type: 'text',
    of: 'run',
    column: 'run',
    uses: LISTED,
    meaning: 'site of the host',
    read: (r) => r.host['site'] ?? r.environment['site'],
  },
  cpu_model: {
    type: 'text',
    of: 'run',
    uses: LISTED,
    meaning: "the host's processor",
    read: (r) => r.host['cpu_model'],
  },
  driver_version: {
    type: 'text',
    of: 'run',
    uses: LISTED,
    meaning: "version of the GPUs' driver",
    read: (r) => record(r.environment['nvml'])['driver_version'],
  },
  started_at: {
    type: 'time',
    of: 'run',
    column: 'run',
    uses: ['sort'],
    meaning: 'start, UTC',
    read: (r) => r.started_at,
  },
  created_at: {
    type: 'time',
    of: 'run',
    column: 'run',
    result_column: 'imported_at',
    required: true,
    uses: ['sort'],
    meaning: 'when the database first stored it, UTC',
  },
  sealed_at: {
    type: 'time',
    of: 'run',
    column: 'run',
    uses: ['sort'],
    meaning: 'when it was finished, UTC',
  },
  note: { type: 'text', of: 'run', column: 'run', uses: [], meaning: 'note of a person' },
} as const satisfies Readonly<Record<string, Fact>>

export type FactName = keyof typeof FACTS
type Facts = typeof FACTS
/** Names of the facts that have a property of this kind. */
type NamesWith<P> = { [K in FactName]: Facts[K] extends P ? K : never }[FactName]

export type RunFactName = NamesWith<{ of: 'run' | 'both' }>
export type ResultFactName = Exclude<NamesWith<{ of: 'result' | 'both' }>, 'source' | 'name'>
export type CommonFact = NamesWith<{ of: 'both' }>
export type RunColumn = NamesWith<{ column: 'run' | 'both' }>
/** What the first versions of the database keep in columns of `run` and read from run.json. */
export type ReadColumn = Extract<RunColumn, NamesWith<{ read: unknown }>>

type ValueOf<N extends FactName> = z.infer<(typeof TYPES)[Facts[N]['type']]>
/** Facts of a run. */
export type RunValues<K extends FactName> = {
  readonly [N in K]: Facts[N] extends { required: true } ? ValueOf<N> : ValueOf<N> | null
}
/** Facts of a result of another tool. */
export type ResultValues<K extends FactName> = { readonly [N in K]: ValueOf<N> | null }

const NAMES = Object.keys(FACTS) as FactName[]
const rowOf = (name: FactName): Fact => FACTS[name]
const named = <K extends FactName>(test: (row: Fact) => boolean) =>
  NAMES.filter((n) => test(rowOf(n))) as K[]

/** The row of a fact; undefined: there is none of that name. */
export const factOf = (name: string): Fact | undefined =>
  Object.hasOwn(FACTS, name) ? rowOf(name as FactName) : undefined

/** What runs and results have in common: by these both are filtered, and candidates told apart. */
export const COMMON_FACTS = named<CommonFact>((f) => f.of === 'both')
export const RUN_FACTS = named<RunFactName>((f) => f.of !== 'result')
export const RESULT_FACTS = named<ResultFactName>((f) => f.of !== 'run').filter(
  (n) => n !== ('source' as string) && n !== ('name' as string),
)
/** In which two results must be equal to be replicates. */
export const ALIKE_FACTS = RESULT_FACTS.filter((n) => rowOf(n).uses.includes('alike'))
export const RUN_COLUMNS = named<RunColumn>((f) => f.column !== undefined)
export const READ_COLUMNS = named<ReadColumn>((f) => f.column !== undefined && f.read !== undefined)
/** Facts of runs that are rows of `value_set_value`. */
export const RUN_VALUES = named<RunFactName>((f) => f.of !== 'result' && f.column === undefined)
/** The same of results. */
export const RESULT_VALUES = named<ResultFactName>((f) => f.of !== 'run' && f.column === undefined)

export const usedFor = (use: Use): FactName[] => named((f) => f.uses.includes(use))

/** Parameter of lists by which one filters for a fact. */
export const parameterOf = (name: FactName): string => rowOf(name).parameter ?? name

/** The facts that runs and results have in common, of one of them. */
export const commonFacts = (row: ResultValues<CommonFact>): ResultValues<CommonFact> =>
  Object.fromEntries(COMMON_FACTS.map((f) => [f, row[f]])) as ResultValues<CommonFact>

const schemaOf = ({ type, meaning }: Fact, nullable: boolean): z.ZodType =>
  (nullable ? TYPES[type].nullable() : TYPES[type]).meta({ description: meaning })

/** The schema of some facts of a run, as documents of the API hold them. */
export const runShape = <K extends RunFactName>(names: readonly K[]) =>
  Object.fromEntries(
    names.map((name) => [name, schemaOf(rowOf(name), rowOf(name).required !== true)]),
  ) as unknown as { [N in K]: z.ZodType<RunValues<N>[N], RunValues<N>[N]> }

/** The same of a result. */
export const resultShape = <K extends FactName>(names: readonly K[]) =>
  Object.fromEntries(names.map((name) => [name, schemaOf(rowOf(name), true)])) as unknown as {
    [N in K]: z.ZodType<ResultValues<N>[N], ResultValues<N>[N]>
  }

/** A fact's value of a run, as its type: what is of another type is not known. */
export function readFact(name: FactName, source: FactSource): FactValue {
  const { read, type } = rowOf(name)
  const value = read?.(source) ?? null
  if (type === 'text' || type === 'time') return typeof value === 'string' ? value : null
  // Tags and arguments of a command are text.
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number') return null
  return type === 'whole' ? (Number.isSafeInteger(number) ? number : null) : number
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
