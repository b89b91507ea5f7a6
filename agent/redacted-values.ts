import { cutAtRedacted } from '../analysis/schema/redacted.ts'
import { ConfigError, type ConfigIssue } from '../analysis/schema/study.ts'

/**
 * A configuration that was copied from a stored run holds no values where it was redacted, and an engine would be
 * started with what stands for them.
 * @throws ConfigError naming each place and the remedy
 */
export function refuseRedacted(experiment: unknown): void {
  const issues = [...places(experiment, '')].map(
    (path): ConfigIssue => ({
      path,
      message: `was redacted when it was stored; write the value itself, as in --set ${path}=VALUE`,
    }),
  )
  if (issues.length > 0) throw new ConfigError(issues)
}

function* places(value: unknown, path: string): Generator<string> {
  if (typeof value === 'string' && cutAtRedacted(value).length > 1) yield path
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value))
    yield* places(inner, path === '' ? key : `${path}.${key}`)
}
