import { stringify } from 'yaml'
import { z } from 'zod'
import { studySpecSchema } from '../../analysis/schema/experiment.ts'
import { ownValue } from '../../analysis/schema/own.ts'
import { ConfigError, type Study } from '../../analysis/schema/study.ts'
import { loadStudy, storedExperiment } from '../config-file.ts'
import { PRESETS } from '../presets.ts'

export interface ConfigOptions {
  readonly set: readonly string[]
  readonly json?: boolean
}

const print = (text: string) => process.stdout.write(`${text}\n`)
const printJson = (value: unknown) => print(JSON.stringify(value, null, 2))

/** An experiment as `show` and `grid` print it: whole, as it would be stored, with its key. */
const keyed = ({ experiment, experiment_key }: Study['experiments'][number]) => ({
  experiment_key,
  ...storedExperiment(experiment),
})

/** `config show`: everything resolved, with the experiment's key. */
export function showConfig(source: string, options: ConfigOptions): void {
  const { study } = loadStudy(source, options.set)
  const shown = study.experiments.map(keyed)
  if (options.json) printJson(shown.length === 1 ? shown[0] : { experiments: shown })
  else print(shown.map((e) => stringify(e).trimEnd()).join('\n---\n'))
}

/** `config validate`: nothing but the verdict; faults are thrown as ConfigError. */
export function validateConfig(source: string, options: ConfigOptions): void {
  const { study, from } = loadStudy(source, options.set)
  const experiments = study.experiments.length
  const runs = study.items.length
  if (options.json) printJson({ valid: true, experiments, runs })
  else
    print(
      `${from} is valid: ${experiments} experiment${experiments === 1 ? '' : 's'}, ${runs} run${runs === 1 ? '' : 's'}.`,
    )
}

/** `config grid`: the experiments of a study, in the order of their keys' first appearance. */
export function gridConfig(source: string, options: ConfigOptions): void {
  const { study } = loadStudy(source, options.set)
  if (options.json) {
    printJson({ experiments: study.experiments.map(keyed) })
    return
  }
  for (const { experiment, experiment_key } of study.experiments)
    print(
      `${experiment_key}  ${experiment.model.id}  ${experiment.engine.name}  ${experiment.load.shape}` +
        `  concurrency ${experiment.load.concurrency ?? '-'}  rate ${experiment.load.rate ?? '-'}`,
    )
}

/** `config schema`: JSON Schema of everything that a configuration can say. */
export function schemaConfig(): void {
  printJson(z.toJSONSchema(studySpecSchema, { io: 'input', unrepresentable: 'any' }))
}

/** `config presets`: the ready-made studies; with a name, that one as a file to begin from. */
export function presetsConfig(name: string | undefined, options: { json?: boolean }): void {
  if (name === undefined) listPresets(options)
  else showPreset(name, options)
}

function listPresets(options: { json?: boolean }): void {
  const presets = Object.entries(PRESETS).map(([key, { about }]) => ({ name: key, about }))
  if (options.json) printJson({ presets })
  else for (const { name, about } of presets) print(`${name.padEnd(12)} ${about}`)
}

function showPreset(name: string, options: { json?: boolean }): void {
  const preset = ownValue(PRESETS, name)
  if (!preset)
    throw new ConfigError([
      { path: name, message: `is no preset; there are ${Object.keys(PRESETS).join(', ')}` },
    ])
  if (options.json) printJson(preset.study)
  else print(stringify(preset.study).trimEnd())
}
