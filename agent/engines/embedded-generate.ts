import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import type { LoadedModel } from './embedded-model.ts'

export interface Generation {
  readonly prompt: readonly Token[]
  readonly max_tokens: number
  /** End tokens are generated like others, as vLLM does: the length is exact. */
  readonly ignore_eos: boolean
  readonly min_tokens: number
  readonly temperature: number
  readonly top_k: number
  readonly top_p: number
  readonly seed: number | null
  readonly signal: AbortSignal
}

export interface GeneratedToken {
  readonly token: Token
  /** Empty while a character is not whole, and for control tokens. */
  readonly text: string
}

/** A byte-level token holds part of a character; no character has more than four. */
const MAX_HELD = 4

/**
 * Generates token by token; requests on other sequences share llama.cpp's batches.
 * @returns why it ended
 */
export async function* generate(
  loaded: LoadedModel,
  sequence: LlamaContextSequence,
  generation: Generation,
): AsyncGenerator<GeneratedToken, 'stop' | 'length' | 'abort', void> {
  const { model } = loaded
  const { temperature, signal, max_tokens } = generation
  // Else llama.cpp would reuse what this prompt has in common with the sequence's last one.
  await sequence.clearHistory()
  let held: Token[] = []
  let n = 0
  const tokens = sequence.evaluate([...generation.prompt], {
    temperature,
    topK: generation.top_k,
    topP: generation.top_p,
    yieldEogToken: true,
    ...(generation.seed === null ? {} : { seed: generation.seed }),
  })
  for await (const token of tokens) {
    if (signal.aborted) return 'abort'
    n++
    held.push(token)
    const text = model.detokenize(held)
    const whole = !text.endsWith('\uFFFD') || held.length >= MAX_HELD
    if (whole) held = []
    yield { token, text: whole ? text : '' }
    const ends = model.isEogToken(token) && !generation.ignore_eos && n >= generation.min_tokens
    if (ends) return 'stop'
    if (n >= max_tokens) return 'length'
  }
  return 'abort'
}
