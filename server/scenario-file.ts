import { basename, dirname, extname, resolve } from 'node:path'
import { seriesRows } from '../analysis/cost/intensity-import.ts'
import { withPresets } from '../analysis/cost/scenario-presets.ts'
import { tariffFromUrdb, type UrdbOptions } from '../analysis/cost/tariff-urdb.ts'
import { type Scenario, scenarioSchema } from '../analysis/schema/scenario.ts'
import { parseYaml, YamlError } from '../analysis/schema/yaml.ts'
import { type BadField, badFields } from './bad-field.ts'
import { FileError, type FileKind, readText } from './read-file.ts'

type Mapping = Record<string, unknown>

/** A scenario that can't be read, in words: the file, the place, the value, the remedy. */
export class ScenarioError extends Error {
  readonly errors: readonly BadField[]
  constructor(where: string, errors: readonly BadField[]) {
    super(
      `${where}: ${errors.map((e) => [e.path, e.message].filter(Boolean).join(' ')).join('; ')}`,
    )
    this.name = 'ScenarioError'
    this.errors = errors
  }
}

/**
 * A scenario from what was written: rows that it names are put in, then all of it is checked.
 * @param where named in errors
 * @throws ScenarioError
 */
export function readScenario(raw: unknown, where: string): Scenario {
  if (!isMapping(raw)) throw new ScenarioError(where, [{ path: '', message: 'must be a mapping' }])
  try {
    const parsed = scenarioSchema.safeParse(withPresets(raw), { reportInput: true })
    if (parsed.success) return parsed.data
    throw new ScenarioError(where, badFields(parsed.error.issues, '', scenarioSchema))
  } catch (error) {
    if (error instanceof RangeError)
      throw new ScenarioError(where, [{ path: '', message: error.message }])
    throw error
  }
}

export interface ReadFile {
  readonly scenario: Scenario
  /** What of an imported tariff could not be taken. */
  readonly notes: readonly string[]
}

/**
 * A scenario file in YAML or JSON. Series and rates of the Utility Rate Database may stand in files of their own, named
 * beside it: `intensity.series.rows_file`, `tariff.spot.series_file`, `tariff.urdb_file`.
 * @throws ScenarioError
 */
export function readScenarioFile(path: string): ReadFile {
  const raw = parsed(path)
  if (!isMapping(raw)) throw new ScenarioError(path, [{ path: '', message: 'must be a mapping' }])
  const notes: string[] = []
  const beside = (name: unknown, place: string): string => {
    if (typeof name !== 'string' || name === '')
      throw new ScenarioError(path, [{ path: place, message: 'must name a file' }])
    return resolve(dirname(path), name)
  }
  const { intensity, tariff } = raw
  const whole: Mapping = {
    ...raw,
    id: raw['id'] ?? basename(path, extname(path)),
    ...(isMapping(intensity) ? { intensity: withRows(intensity, beside) } : {}),
    ...(isMapping(tariff) ? { tariff: withPrices(tariff, beside, notes) } : {}),
  }
  return { scenario: readScenario(whole, path), notes }
}

type Beside = (name: unknown, place: string) => string

function withRows(intensity: Mapping, beside: Beside): Mapping {
  const { series } = intensity
  if (!isMapping(series) || series['rows_file'] === undefined) return intensity
  const { rows_file, ...rest } = series
  const path = beside(rows_file, 'intensity.series.rows_file')
  const rows = imported(path, 'g_per_kwh').map(({ from, to, value }) => ({
    from,
    to,
    g_per_kwh: value,
  }))
  return { ...intensity, series: { source: basename(path), ...rest, rows } }
}

function withPrices(tariff: Mapping, beside: Beside, notes: string[]): Mapping {
  if (tariff['urdb_file'] !== undefined) {
    const path = beside(tariff['urdb_file'], 'tariff.urdb_file')
    try {
      const found = tariffFromUrdb(jsonOf(path), urdbOptions(tariff, path))
      notes.push(...found.notes)
      return found.tariff
    } catch (error) {
      if (error instanceof RangeError || error instanceof SyntaxError)
        throw new ScenarioError(path, [{ path: '', message: error.message }])
      throw error
    }
  }
  const { spot } = tariff
  if (!isMapping(spot) || spot['series_file'] === undefined) return tariff
  const { series_file, ...rest } = spot
  const path = beside(series_file, 'tariff.spot.series_file')
  const series = imported(path, 'per_mwh').map(({ from, to, value }) => ({
    from,
    to,
    per_mwh: value,
  }))
  return { ...tariff, spot: { ...rest, series } }
}

const URDB_KEYS = ['urdb_file', 'tz', 'currency', 'allocate', 'as_of']

function urdbOptions(tariff: Mapping, path: string): UrdbOptions {
  const odd = Object.keys(tariff).filter((k) => !URDB_KEYS.includes(k))
  if (odd.length > 0)
    throw new ScenarioError(path, [
      {
        path: `tariff.${odd[0]}`,
        message: `is not known beside urdb_file (${URDB_KEYS.join(', ')})`,
      },
    ])
  const { tz, currency, allocate, as_of } = tariff
  if (typeof tz !== 'string')
    throw new ScenarioError(path, [
      {
        path: 'tariff.tz',
        message: 'is missing: the hours of the rate are local, such as America/New_York',
      },
    ])
  return {
    tz,
    ...(typeof currency === 'string' ? { currency } : {}),
    ...(allocate === 'none' || allocate === 'time_share' ? { allocate } : {}),
    ...(typeof as_of === 'string' ? { as_of } : {}),
  }
}

function imported(path: string, column: string) {
  try {
    return seriesRows(textOf(path, 'csv'), column)
  } catch (error) {
    if (error instanceof RangeError)
      throw new ScenarioError(path, [{ path: '', message: error.message }])
    throw error
  }
}

/** @throws SyntaxError */
function jsonOf(path: string): unknown {
  try {
    return JSON.parse(textOf(path, 'tariff'))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ScenarioError(path, [{ path: '', message: 'is nested too deep' }])
  }
}

/** @throws ScenarioError for what is no plain file, too large, or not to be read */
function textOf(path: string, kind: FileKind): string {
  try {
    return readText(path, kind)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new ScenarioError(path, [{ path: '', message: error.message }])
  }
}

function parsed(path: string): unknown {
  try {
    return parseYaml(textOf(path, 'scenario'))
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new ScenarioError(path, [{ path: '', message: error.message }])
  }
}

const isMapping = (value: unknown): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
