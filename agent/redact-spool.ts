import { parseJson } from '../analysis/schema/json.ts'
import { redactChunk } from '../analysis/schema/redact-chunk.ts'
import { redactRunFile, runRedactor } from '../analysis/schema/redact-run.ts'
import type { Hide } from '../analysis/schema/redacted.ts'
import type { RunFileInput } from '../analysis/schema/run.ts'
import type { Spool } from './spool.ts'

/**
 * Redacts a run that an earlier version recorded in clear and that only waits to be shipped: run.json, texts of chunks,
 * the reason in its seal; the manifest follows. Doing it twice, or after being killed halfway, gives the same.
 * @returns whether anything had to be redacted
 * @throws SpoolError where a file can't be read or written
 */
export async function redactSpool(spool: Spool, hide: Hide): Promise<boolean> {
  const run = asObject(await spool.readRun())
  if (run === null) return false
  const experiment = (run['run'] as { experiment?: unknown } | null | undefined)?.experiment
  const redactor = runRedactor(experiment, hide)
  let changed = false
  // run.json comes last: until then it still holds what is to be found in the rest.
  for (const key of await spool.chunks()) {
    const bytes = await spool.readChunk(key)
    const kept = readable(() => redactChunk(key.stream, bytes, redactor.heard), bytes)
    if (kept === bytes) continue
    await spool.writeChunk(key, kept)
    changed = true
  }
  const seal = await spool.readSeal()
  const reason = seal?.reason == null ? null : redactor.heard.text(seal.reason)
  if (seal !== null && reason !== (seal.reason ?? null)) {
    await spool.end({ ...seal, reason })
    changed = true
  }
  const kept = redactRunFile(run, redactor)
  if (kept !== run) {
    await spool.writeRun(kept as unknown as RunFileInput)
    changed = true
  }
  if (seal !== null && changed) await spool.writeManifest()
  return changed
}

function asObject(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** A damaged chunk is for the server to judge. */
function readable(work: () => Uint8Array, else_: Uint8Array): Uint8Array {
  try {
    return work()
  } catch {
    return else_
  }
}
