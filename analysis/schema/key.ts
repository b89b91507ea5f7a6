import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { isRedacted } from './redacted.ts'

/** JSON with sorted keys and without undefined: the same for equal values, whatever order they were written in. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`
}

export const sha256Hex = (bytes: Uint8Array): string => bytesToHex(sha256(bytes))

/** What names an experiment or says where and how its results are read, and does not change what is measured. */
const WITHOUT = new Set(['name', 'tags', 'slo', 'repeat', 'sweep', 'sensors'])
const WITHOUT_IN: Readonly<Record<string, ReadonlySet<string>>> = {
  engine: new Set(['base_url', 'api_key_env', 'ready_timeout_s', 'env', 'command']),
  data: new Set(['keep_answers']),
}

/**
 * Canonical key of an experiment: 32 hexadecimal digits, equal for configurations that measure the same.
 * Source: SHA-256 of the canonical JSON of the resolved configuration, without names and addresses.
 * @param experiment as it is stored: of the engine's environment the redacted values belong to the key, so that two
 *   experiments that differ in one of them stay apart; in clear they would not be seen
 */
export function experimentKey(experiment: Readonly<Record<string, unknown>>): string {
  const kept = Object.fromEntries(
    Object.entries(experiment)
      .filter(([k]) => !WITHOUT.has(k))
      .map(([k, v]) => [
        k,
        Object.hasOwn(WITHOUT_IN, k) && v !== null && typeof v === 'object'
          ? Object.fromEntries(Object.entries(v).filter(([e]) => !WITHOUT_IN[k]?.has(e)))
          : v,
      ]),
  )
  const env = redactedVariables(experiment['engine'])
  if (env !== null) kept['engine'] = { ...(kept['engine'] as object), env }
  return sha256Hex(utf8ToBytes(canonicalJson(kept))).slice(0, 32)
}

function redactedVariables(engine: unknown): Record<string, unknown> | null {
  const env = (engine as { env?: unknown } | null | undefined)?.env
  if (env === null || typeof env !== 'object') return null
  const redacted = Object.entries(env).filter(([, v]) => typeof v === 'string' && isRedacted(v))
  return redacted.length === 0 ? null : Object.fromEntries(redacted)
}
