import type { RunData } from '../readings/run-data.ts'
import { ownValue } from '../schema/own.ts'
import { REASONS, type Reason } from '../schema/reason.ts'

/** One of the sensors that the agent looked for and did not get, as run.json's environment lists them. */
interface MissingSensor {
  readonly source?: unknown
  readonly device_id?: unknown
  readonly reason?: unknown
}

/** What the agent looked for and did not get: the source, why, and its sentence with the remedy. */
export function missingSensors(
  run: Pick<RunData, 'environment'>,
): { readonly source: string; readonly reason: string; readonly fix: string }[] {
  const listed = run.environment['missing_sensors']
  if (!Array.isArray(listed)) return []
  return listed.flatMap((m: (MissingSensor & { readonly fix?: unknown }) | null) =>
    typeof m?.source === 'string' && typeof m.fix === 'string'
      ? [{ source: m.source, reason: String(m.reason), fix: m.fix }]
      : [],
  )
}

/**
 * Why nothing was recorded by any of these sources, where the agent said so.
 * @param device only what it said of devices whose id begins so
 * @returns `not_recorded` where it said nothing
 */
export function missingReason(
  run: Pick<RunData, 'environment'>,
  sources: readonly string[],
  device = '',
): Reason {
  const listed = run.environment['missing_sensors']
  if (!Array.isArray(listed)) return 'not_recorded'
  const found = (listed as (MissingSensor | null)[]).find(
    (m) =>
      sources.includes(String(m?.source)) &&
      (device === '' || String(m?.device_id).startsWith(device)),
  )
  const reason = String(found?.reason)
  return ownValue(REASONS, reason) === undefined ? 'not_recorded' : (reason as Reason)
}
