import { nearest } from '../analysis/schema/did-you-mean.ts'
import type { Experiment } from '../analysis/schema/experiment.ts'
import { ownValue } from '../analysis/schema/own.ts'
import { redactExperiment } from '../analysis/schema/redact-run.ts'
import type { Hide } from '../analysis/schema/redacted.ts'
import { ConfigError, parseStudy, type Study, setPath } from '../analysis/schema/study.ts'
import { parseYaml, YamlError } from '../analysis/schema/yaml.ts'
import { PRESETS } from './presets.ts'
import { FileError, readText } from './read-file.ts'
import { redactorOfRun } from './run-secrets.ts'
import { hideOfSite } from './site-secret.ts'

export interface LoadedStudy {
  readonly study: Study
  /** Where it came from, in words: a file's path or a preset's name. */
  readonly from: string
}

/**
 * Reads FILE or PRESET, applies `--set key.path=value` and resolves it.
 * @throws ConfigError naming file, key, bad value and remedy
 */
export function loadStudy(
  source: string,
  settings: readonly string[],
  hide: Hide = hideOfSite(),
): LoadedStudy {
  const preset = ownValue(PRESETS, source)
  let written: unknown = preset ? preset.study : readConfig(source)
  for (const setting of settings) {
    const [path, value] = readSetting(setting)
    if (written === null || typeof written !== 'object') break
    written = dropFromSweep(setPath(written, path, value), path)
  }
  return { study: parseNamed(written, source, hide), from: preset ? `preset ${source}` : source }
}

/** An experiment as run.json will hold it. */
export const storedExperiment = (experiment: Experiment, hide: Hide = hideOfSite()): Experiment =>
  redactExperiment(experiment, redactorOfRun(experiment, process.env, hide).described)

/**
 * `key.path=value` of the command line; the value is YAML.
 * @throws ConfigError where it is not of that form
 */
export function readSetting(setting: string): readonly [path: string, value: unknown] {
  const cut = setting.indexOf('=')
  if (cut < 1)
    throw new ConfigError([
      { path: setting, message: 'is not of the form key.path=value, as in load.concurrency=4' },
    ])
  const [path, text] = [setting.slice(0, cut), setting.slice(cut + 1)]
  if (text.trim() === '')
    throw new ConfigError([
      { path: `--set ${path}`, message: 'has no value; write null where none is meant' },
    ])
  return [path, parsed(text, `--set ${setting}`)]
}

/** @throws ConfigError */
function parsed(text: string, from: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new ConfigError([{ path: from, message: error.message }])
  }
}

/** @throws ConfigError whose first words are the file, so that a script that reads several knows which */
function parseNamed(written: unknown, source: string, hide: Hide): Study {
  try {
    return parseStudy(written, (experiment) => storedExperiment(experiment, hide))
  } catch (error) {
    if (!(error instanceof ConfigError) || Object.hasOwn(PRESETS, source)) throw error
    throw new ConfigError(
      error.issues.map(({ path, message }) => ({
        path: `${source}: ${path || 'the configuration'}`,
        message,
      })),
    )
  }
}

/** A value given on the command line is meant: it wins over a sweep of the same key. */
function dropFromSweep(config: Record<string, unknown>, path: string): Record<string, unknown> {
  const sweep = config['sweep']
  if (sweep === null || typeof sweep !== 'object' || !(path in sweep)) return config
  const { [path]: _, ...rest } = sweep as Record<string, unknown>
  return { ...config, sweep: rest }
}

function readConfig(path: string): unknown {
  try {
    return parsed(readText(path, 'configuration'), path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new ConfigError([
      { path, message: error.code === 'ENOENT' ? noFile(path) : error.message },
    ])
  }
}

function noFile(path: string): string {
  const presets = Object.keys(PRESETS)
  const meant = nearest(path, presets)
  return `there is no such file, and no preset of that name (presets: ${presets.join(', ')})${meant === null ? '' : `; did you mean ${meant}?`}`
}
