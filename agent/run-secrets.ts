import { type RunRedactor, runRedactor } from '../analysis/schema/redact-run.ts'
import type { Hide } from '../analysis/schema/redacted.ts'
import { isSecretName } from '../analysis/schema/secret-name.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Shorter values of variables stand in many a text by chance. */
const LEAST = 8

/** What the agent's own environment holds of secrets: engines and programs inherit it, and may write it into a log. */
export const secretsOfEnvironment = (env: Environment): string[] =>
  Object.entries(env).flatMap(([name, value]) =>
    isSecretName(name) && value !== undefined && value.length >= LEAST ? [value] : [],
  )

/**
 * The redactors of a run: they know what its configuration holds in clear, what the variables hold that the
 * configuration names (keys of engines, logins of meters), and the agent's other secrets.
 * @param configuration of an experiment, a measured program or a calibration
 */
export function redactorOfRun(configuration: unknown, env: Environment, hide: Hide): RunRedactor {
  const named = [...variablesNamed(configuration)].flatMap((name) => env[name] ?? [])
  return runRedactor(configuration, hide, [...named, ...secretsOfEnvironment(env)])
}

/** The variables that `api_key_env`, `password_env` and the like name, wherever they stand. */
function* variablesNamed(value: unknown): Generator<string> {
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value))
    if (key.endsWith('_env') && typeof inner === 'string') yield inner
    else yield* variablesNamed(inner)
}
