import type { ReportedCounts } from '../../analysis/schema/token-count.ts'

type Json = Readonly<Record<string, unknown>>
const isObject = (v: unknown): v is Json => v !== null && typeof v === 'object' && !Array.isArray(v)

/**
 * `usage` of the OpenAI form, with what llama-server adds in `timings`: every count as the engine reports it, not
 * yet believed. Null: the event has no usage.
 */
export function readUsage(event: Json): ReportedCounts | null {
  const usage = event['usage']
  if (!isObject(usage)) return null
  const details = (key: string): Json => (isObject(usage[key]) ? usage[key] : {})
  const timings: Json = isObject(event['timings']) ? event['timings'] : {}
  const { draft_n, draft_n_accepted, cache_n } = timings
  return {
    input_tokens: usage['prompt_tokens'],
    output_tokens: usage['completion_tokens'],
    cached_input_tokens: details('prompt_tokens_details')['cached_tokens'] ?? cache_n,
    reasoning_tokens: details('completion_tokens_details')['reasoning_tokens'],
    draft_accepted_tokens: draft_n_accepted,
    draft_rejected_tokens: difference(draft_n, draft_n_accepted),
  }
}

/** Drafted less accepted; of what are no numbers, that one, so that it is on record as it came. */
function difference(drafted: unknown, accepted: unknown): unknown {
  if (drafted === null || drafted === undefined) return null
  if (accepted === null || accepted === undefined) return null
  if (typeof drafted !== 'number') return drafted
  return typeof accepted === 'number' ? drafted - accepted : null
}
