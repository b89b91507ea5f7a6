import { NoAnswer } from './ask-json.ts'
import type { SensorOptions } from './sensor.ts'

/**
 * Name and password from the environment.
 * @returns null: none are configured @throws NoAnswer naming the variable that is not set
 */
export function loginOf(
  meter: { readonly user_env: string | null; readonly password_env: string | null },
  env: SensorOptions['env'],
): { user: string; password: string } | null {
  if (meter.user_env === null || meter.password_env === null) return null
  return { user: secretOf(meter.user_env, env), password: secretOf(meter.password_env, env) }
}

/** @throws NoAnswer naming the variable that is not set */
export function secretOf(name: string, env: SensorOptions['env']): string {
  const value = env[name]
  if (value === undefined || value === '')
    throw new NoAnswer(
      'permission_denied',
      `needs the environment variable ${name}, which is not set`,
    )
  return value
}

export const basicAuth = (login: { user: string; password: string }): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`,
})
