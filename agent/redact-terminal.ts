import { createRedactor } from '../analysis/schema/redact.ts'
import { secretsOfEnvironment } from './run-secrets.ts'

/** A message as it may be printed: what it quotes of keys and logins is hidden. */
export const redactForTerminal = (
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): string => createRedactor(() => '(hidden)', secretsOfEnvironment(env)).text(text)
