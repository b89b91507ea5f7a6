import { parseJson, toJson } from '../analysis/schema/json.ts'
import { canonicalJson } from '../analysis/schema/key.ts'
import { redactRunFile, runRedactor } from '../analysis/schema/redact-run.ts'
import { cutAtRedacted, type Hide, sameButForSite } from '../analysis/schema/redacted.ts'

/**
 * The text of a run.json as it may be stored: as it came where nothing in it has to be redacted, else written anew. The
 * same text always gives the same, so that what comes again is known again.
 */
export function redactRunText(text: string, value: unknown, hide: Hide): string {
  const experiment = (value as { run?: { experiment?: unknown } } | null)?.run?.experiment
  const redacted = redactRunFile(value, runRedactor(experiment, hide))
  return redacted === value ? text : `${toJson(redacted, 2)}\n`
}

/**
 * Whether two texts of run.json hold the same, apart from values that two sites redacted: an agent and a server, or two
 * hosts, that do not share a secret can't compare these.
 */
export function sameRunText(a: string, b: string): boolean {
  if (a === b) return true
  if (cutAtRedacted(a).length === 1 || cutAtRedacted(b).length === 1) return false
  return sameButForSite(canonicalJson(parseJson(a)), canonicalJson(parseJson(b)))
}
