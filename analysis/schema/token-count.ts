/**
 * Most tokens that one response or its prompt can have: ten times the longest context of a released model
 * (10 million). A count above it is a fault of the engine, whatever column could hold it.
 */
export const MOST_TOKENS = 100_000_000

/** Most tokens that can arrive in one chunk. */
export const MOST_CHUNK_TOKENS = 1_000_000

/** Counts that an engine reports of one request. */
export const TOKEN_COUNTS = [
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'draft_accepted_tokens',
  'draft_rejected_tokens',
] as const
export type TokenCountName = (typeof TOKEN_COUNTS)[number]

/** Counts as they were reported, of any type; absent or null: not reported. */
export type ReportedCounts = { readonly [K in TokenCountName]?: unknown }

/** Whether it is a whole number of tokens that one response can have. */
export function isTokenCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS
}

/** Whether it is the tokens of one chunk; -1: unknown, which is no fault. */
export function isChunkTokens(value: number): boolean {
  return Number.isInteger(value) && value >= -1 && value <= MOST_CHUNK_TOKENS
}

const NONE: readonly TokenCountName[] = []

/**
 * The reported counts that no response can have, which are read as absent (`implausible`): no whole number from 0
 * to {@link MOST_TOKENS}; zero output tokens although token chunks arrived; a part above its whole, of cached in
 * input tokens and of reasoning in output tokens.
 * @param token_chunks how many chunks with tokens arrived
 * Source: docs/metrics.md, "Latency".
 */
export function unbelievableCounts(
  reported: ReportedCounts,
  token_chunks: number,
): readonly TokenCountName[] {
  let found: TokenCountName[] | null = null
  for (const name of TOKEN_COUNTS) {
    const value = reported[name]
    if (value === null || value === undefined) continue
    if (isTokenCount(value) && !contradicted(name, value, reported, token_chunks)) continue
    found ??= []
    found.push(name)
  }
  return found ?? NONE
}

function contradicted(
  name: TokenCountName,
  value: number,
  reported: ReportedCounts,
  token_chunks: number,
): boolean {
  const above = (whole: unknown) => isTokenCount(whole) && value > whole
  if (name === 'output_tokens') return value === 0 && token_chunks > 0
  if (name === 'cached_input_tokens') return above(reported.input_tokens)
  if (name === 'reasoning_tokens') return above(reported.output_tokens)
  return false
}

/** A reported value as text, for the record: at most 60 characters. */
export function reportedText(value: unknown): string {
  if (value !== null && typeof value === 'object')
    return Array.isArray(value) ? 'a list' : 'an object'
  const text = String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
