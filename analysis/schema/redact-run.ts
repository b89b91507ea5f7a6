import { toJson } from './json.ts'
import { createRedactor, type Redactor, secretsIn } from './redact.ts'
import type { Hide } from './redacted.ts'
import { isSecretName } from './secret-name.ts'
import { hideInText } from './secret-text.ts'

type Fields = Readonly<Record<string, unknown>>

/** A configuration as it is stored, shown and keyed. Tags are their users' own and stay. */
export function redactExperiment<T extends Fields>(experiment: T, { value }: Redactor): T {
  const { tags, ...rest } = experiment
  return { ...value(rest), ...('tags' in experiment ? { tags } : {}) } as unknown as T
}

/** What a run redacts: `described` its configuration and environment, `heard` what programs wrote while it ran. */
export interface RunRedactor {
  readonly described: Redactor
  readonly heard: Redactor
}

/**
 * The redactors of one run. Its configuration holds the values that its engine may repeat in a log or an error, so
 * these are found wherever they stand. Values of ordinary variables (a model's name, a path) are looked for only in
 * what programs wrote: in a configuration or an environment they may stand on purpose.
 * @param experiment the configuration in clear
 * @param more further values that are secret, such as a key that the environment of the agent holds
 */
export function runRedactor(
  experiment: unknown,
  hide: Hide,
  more: readonly string[] = [],
): RunRedactor {
  const all = [...secretsIn(experiment), ...more]
  const sure = [...secretsIn(withoutOrdinary(experiment)), ...more]
  return { described: createRedactor(hide, sure), heard: createRedactor(hide, all) }
}

/**
 * A configuration without those variables of its engine that neither their name nor their form calls a key, and those
 * whose value it shows elsewhere too, such as a model's name.
 */
function withoutOrdinary(experiment: unknown): unknown {
  const { engine, ...others } = (experiment ?? {}) as { engine?: unknown }
  const { env, ...more } = (engine ?? {}) as { env?: unknown }
  if (env === null || typeof env !== 'object') return experiment
  const elsewhere = toJson(createRedactor(() => '').value([others, more]))
  const telling = Object.entries(env).filter(([name, value]) => {
    const text = String(value)
    if (isSecretName(name) || hideInText(text, () => '', []) !== text) return true
    return LIKE_A_KEY.test(text) && !elsewhere.includes(text)
  })
  return { ...others, engine: { ...more, env: Object.fromEntries(telling) } }
}

/** Long, without spaces or slashes, of letters and digits in no order that a word or a setting has. */
const LIKE_A_KEY = /^(?=.*\d)(?=.*[A-Z])(?=.*[a-z])[^\s/]{12,}$|^(?=.*\d)(?=.*[a-z])[^\s/_.]{20,}$/

/** run.json before or after parsing, redacted; the same object where nothing had to be. */
export function redactRunFile<T>(file: T, { described, heard }: RunRedactor): T {
  if (file === null || typeof file !== 'object') return file
  const { run, ...rest } = file as { run?: Fields | null }
  if (run === null || typeof run !== 'object') return file
  const { experiment, reason, ...facts } = run
  const redacted = {
    ...described.value(rest),
    run: {
      ...described.value(facts),
      ...('experiment' in run ? { experiment: redactedExperiment(experiment, described) } : {}),
      ...('reason' in run ? { reason: heard.value(reason) } : {}),
    },
  }
  return sameJson(redacted, file) ? file : inOrder(file, redacted)
}

const redactedExperiment = (experiment: unknown, redactor: Redactor): unknown =>
  experiment !== null && typeof experiment === 'object' && !Array.isArray(experiment)
    ? redactExperiment(experiment as Fields, redactor)
    : redactor.value(experiment)

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((k) => Object.hasOwn(b, k) && sameJson(at(a, k), at(b, k)))
  )
}

const at = (value: object, key: string): unknown => (value as Record<string, unknown>)[key]

/** Keys in the order in which they stood, so that the same file always gives the same text. */
function inOrder<T>(model: T, value: unknown): T {
  if (model === null || value === null || typeof model !== 'object' || typeof value !== 'object')
    return value as T
  if (Array.isArray(model)) return value as T
  return Object.fromEntries(
    Object.keys(model).map((key) => [key, inOrder(at(model, key), at(value, key))]),
  ) as T
}
