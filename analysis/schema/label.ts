import { precisionName, shortGpuName } from './alike-names.ts'
import { type ConfiguredValue, configuredValues } from './configured.ts'
import type { Summary } from './summary.ts'

/** What a run, an experiment or an imported result is labelled by. */
export interface Labelled {
  readonly name: string | null
  /** Its configured values by path, without those that are facts. */
  readonly values: ReadonlyMap<string, ConfiguredValue>
  readonly facts: LabelFacts
}

/** Facts in a label, in the order of their worth to a reader. */
const LABEL_FACTS = [
  'model',
  'engine',
  'gpu_model',
  'num_gpus',
  'precision',
  'batch_limit',
  'tensor_parallel',
  'source',
  'engine_version',
  'driver_version',
  'host',
] as const
type LabelFacts = Readonly<Partial<Record<(typeof LABEL_FACTS)[number], ConfiguredValue | null>>>

/** Said by a fact, or without effect on what is measured: where an engine listens, how a result is read. */
const SKIPPED =
  /^(model\.id|engine\.(name|base_url|command|env\b.*|api_key_env|ready_timeout_s)|(sensors|slo)\..*|load\.(seed|timeout_s)|setup\.(endpoint|task_name)|kind)$/
/** More differences than these read as a list of settings, not as a name. */
const MOST = 3

/** What {@link runLabels} needs of a run. @param configuration with its defaults */
export function labelled(
  name: string | null,
  configuration: Readonly<Record<string, unknown>>,
  facts: LabelFacts,
): Labelled {
  return { name, values: labelledValues(configuredValues(configuration)), facts }
}

/** Of configured values those that tell what was measured. */
export const labelledValues = (values: ReadonlyMap<string, ConfiguredValue>) =>
  new Map([...values].filter(([path]) => !SKIPPED.test(path)))

/**
 * What to call each of the runs at hand: by what varies among them (`concurrency 4, model qwen-8b`), else by their names
 * where these vary, else by model, engine and GPU. Equal runs have equal labels: who needs them apart adds the cycle or
 * the id. Of many differences those are taken that set most runs apart.
 */
export function runLabels(runs: readonly Labelled[]): string[] {
  const rows = runs.map(cellsOf)
  const varying = chosen(rows, differing(rows))
  if (varying.length > 0)
    return rows.map((row) => varying.map((path) => phrase(path, row.get(path), varying)).join(', '))
  const names = new Set(runs.map((r) => r.name))
  return runs.map((run) => (names.size > 1 && run.name !== null ? run.name : plainLabel(run)))
}

/** The same, with a number behind equal ones: for a sentence that must keep its subjects apart. */
export function distinctLabels(runs: readonly Labelled[]): string[] {
  const labels = runLabels(runs)
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  const seen = new Map<string, number>()
  return labels.map((label) => {
    if (counts.get(label) === 1) return label
    const place = (seen.get(label) ?? 0) + 1
    seen.set(label, place)
    return `${label} (${place})`
  })
}

/** A run by its summary. @param configuration with its defaults; absent: only what the summary holds is known */
export function labelledSummary(
  { name, definition, devices }: Pick<Summary, 'name' | 'definition' | 'devices'>,
  configuration: Readonly<Record<string, unknown>> = {},
): Labelled {
  const gpus = devices.filter((d) => d.used && (d.kind === 'gpu' || d.kind === 'gpu_instance'))
  const models = [...new Set(gpus.flatMap((d) => d.model ?? []))].sort()
  return labelled(name, configuration, {
    model: definition?.model ?? null,
    engine: definition?.engine ?? null,
    precision: definition?.precision ?? null,
    gpu_model: models.length > 0 ? models.join(', ') : null,
    num_gpus: gpus.length > 0 ? gpus.length : null,
  })
}

/** The configured paths whose values differ among runs, in order. */
export function varyingPaths(all: readonly ReadonlyMap<string, ConfiguredValue>[]): string[] {
  const rows = all.map(labelledValues)
  return [...new Set(rows.flatMap((r) => [...r.keys()]))]
    .filter((path) => new Set(rows.map((r) => r.get(path))).size > 1)
    .sort()
}

/** Model, engine and GPU of a run alone; of a measured program its name or command. */
export function plainLabel({ name, facts, values }: Labelled): string {
  const { model, engine, gpu_model, num_gpus, precision } = facts
  const gpu = typeof gpu_model === 'string' ? shortGpuName(gpu_model) : null
  const parts = [
    [model, typeof precision === 'string' ? precisionName(precision) : null]
      .filter(Boolean)
      .join(' '),
    engine ?? '',
    gpu === null
      ? ''
      : `${typeof num_gpus === 'number' && num_gpus !== 1 ? `${num_gpus} × ` : ''}${gpu}`,
  ].filter((p) => p !== '')
  return parts.length > 0
    ? parts.join(', ')
    : (name ?? commandText(values.get('command')) ?? 'unnamed run')
}

type Cells = ReadonlyMap<string, ConfiguredValue>

function cellsOf({ values, facts }: Labelled): Cells {
  const cells = new Map<string, ConfiguredValue>()
  for (const name of LABEL_FACTS) {
    const value = facts[name] ?? null
    if (value !== null)
      cells.set(name, name === 'gpu_model' ? (shortGpuName(String(value)) as string) : value)
  }
  for (const [path, value] of values) cells.set(path, value)
  return cells
}

/** The paths whose values differ, a missing value being one: in the order of their worth. */
function differing(rows: readonly Cells[]): string[] {
  const paths = [...new Set(rows.flatMap((r) => [...r.keys()]))].filter(
    (path) => new Set(rows.map((r) => r.get(path))).size > 1,
  )
  return paths.sort((a, b) => worth(a) - worth(b) || (a < b ? -1 : 1))
}

/** Sweeps vary the load, the data and the engine's options; how long a phase lasts is of little interest. */
const SECTIONS = ['load', 'data', 'engine', 'power', 'model', 'setup', 'phases']

function worth(path: string): number {
  const fact = (LABEL_FACTS as readonly string[]).indexOf(path)
  // Model, engine and GPU before any setting, what follows from a machine after all of them.
  if (fact >= 0) return fact < 7 ? fact : 100 + fact
  const section = SECTIONS.indexOf(path.split('.')[0] as string)
  return 20 + (section < 0 ? SECTIONS.length : section)
}

/**
 * The paths that make the labels: each that says what no earlier one determines; of more than {@link MOST} the ones that
 * set most runs apart. In the order in which they are written: settings, then what the runs ran on.
 */
function chosen(rows: readonly Cells[], paths: readonly string[]): string[] {
  const kept: string[] = []
  for (const path of paths)
    if (!kept.some((earlier) => sameFamily(earlier, path) && determines(rows, earlier, path)))
      kept.push(path)
  const taken = kept.length <= MOST ? kept : sharpest(rows, kept)
  return [...taken].sort((a, b) => Number(isFact(a)) - Number(isFact(b)) || worth(a) - worth(b))
}

const isFact = (path: string) => LABEL_FACTS.some((f) => f === path)

/** A model brings its path, tokenizer and precision; an engine its version and options; a GPU its host and driver. */
function sameFamily(a: string, b: string): boolean {
  if (a === 'model') return b.startsWith('model.') || b === 'precision'
  if (a === 'engine') return b.startsWith('engine.') || b === 'engine_version'
  if (a === 'gpu_model') return ['host', 'driver_version', 'num_gpus'].includes(b)
  return a.startsWith('engine.options.') && (b === 'batch_limit' || b === 'tensor_parallel')
}

function determines(rows: readonly Cells[], a: string, b: string): boolean {
  const known = new Map<ConfiguredValue | undefined, ConfiguredValue | undefined>()
  return rows.every((row) => {
    const [x, y] = [row.get(a), row.get(b)]
    if (!known.has(x)) known.set(x, y)
    return known.get(x) === y
  })
}

function sharpest(rows: readonly Cells[], paths: readonly string[]): string[] {
  const apart = (some: readonly string[]) =>
    new Set(rows.map((r) => JSON.stringify(some.map((p) => r.get(p) ?? null)))).size
  const taken: string[] = []
  while (taken.length < MOST) {
    const now = apart(taken)
    const gains = paths.map((p) => (taken.includes(p) ? 0 : apart([...taken, p]) - now))
    const most = Math.max(...gains)
    if (most <= 0) break
    taken.push(paths[gains.indexOf(most)] as string)
  }
  return taken
}

function phrase(
  path: string,
  value: ConfiguredValue | undefined,
  beside: readonly string[],
): string {
  if (value === undefined) return `${words(path, beside)} unset`
  if (path === 'command') return clipped(commandText(value) ?? '')
  if (path === 'num_gpus') return `${value} ${value === 1 ? 'GPU' : 'GPUs'}`
  return `${words(path, beside)} ${clipped(String(value))}`
}

/** A measured program's words, which are configured as a list; null: there is none. */
function commandText(value: ConfiguredValue | undefined): string | null {
  if (typeof value !== 'string') return null
  return (JSON.parse(value) as unknown[]).map(String).join(' ')
}

/** The last key of a path in words; with its section where another path ends in the same. */
function words(path: string, beside: readonly string[]): string {
  const last = path.split('.').at(-1) as string
  const shared = beside.some((p) => p !== path && p.split('.').at(-1) === last)
  const text = shared ? path.replaceAll('.', ' ') : last
  return text.replaceAll('_', ' ').replace(/^gpu model$/, 'GPU')
}

const LONGEST = 40
const clipped = (text: string) => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`)
