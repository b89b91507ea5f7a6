import type { Token } from 'node-llama-cpp'
import { z } from 'zod'
import type { Generation } from './embedded-generate.ts'
import type { LoadedModel } from './embedded-model.ts'

const tokenIds = z.array(z.int().nonnegative())
const common = {
  max_tokens: z.int().min(1).default(16),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().default(false) }).nullish(),
  ignore_eos: z.boolean().default(false),
  min_tokens: z.int().nonnegative().default(0),
  return_token_ids: z.boolean().default(false),
  temperature: z.number().min(0).max(5).default(0),
  top_k: z.int().nonnegative().default(0),
  top_p: z.number().gt(0).max(1).default(1),
  seed: z.int().nullish(),
  n: z.literal(1, { error: 'must be 1' }).nullish(),
  stop: z.null({ error: 'stop texts are not supported' }).optional(),
}

export const completionSchema = z.looseObject({
  prompt: z.union([z.string(), tokenIds]),
  ...common,
})
export const chatSchema = z.looseObject({
  messages: z
    .array(z.looseObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .min(1),
  ...common,
})
export const tokenizeSchema = z.looseObject({
  prompt: z.string().optional(),
  content: z.string().optional(),
  add_special_tokens: z.boolean().default(false),
})
export const detokenizeSchema = z.looseObject({ tokens: tokenIds })

type Request = z.infer<typeof completionSchema> | z.infer<typeof chatSchema>

/** A request that can't be served, in words for the client. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

/** Parses, or throws RequestError with the path of the first bad field. */
export function parseBody<S extends z.ZodType>(schema: S, body: string): z.output<S> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    throw new RequestError(`the body is no JSON: ${(error as Error).message}`)
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new RequestError(`${issue?.path.join('.') || 'body'}: ${issue?.message}`)
}

/**
 * Token ids of a request's prompt, checked.
 * @throws RequestError for ids beyond the vocabulary, an empty prompt, or one that does not fit the context with its
 * answer: llama.cpp would shift its beginning out, slowly and without a word
 */
export function promptOf(loaded: LoadedModel, request: Request): readonly Token[] {
  const tokens =
    'messages' in request
      ? loaded.chatTokens(request.messages as Parameters<LoadedModel['chatTokens']>[0])
      : typeof request.prompt === 'string'
        ? loaded.promptTokens(request.prompt)
        : idsOf(loaded, request.prompt)
  if (tokens.length === 0) throw new RequestError('the prompt is empty')
  if (tokens.length + request.max_tokens > loaded.context_tokens)
    throw new RequestError(
      `the prompt of ${tokens.length} tokens and max_tokens ${request.max_tokens} exceed the context of ${loaded.context_tokens} tokens; ask for less, or set engine.context_tokens higher`,
    )
  return tokens
}

export function idsOf(loaded: LoadedModel, ids: readonly number[]): readonly Token[] {
  const beyond = ids.find((id) => id >= loaded.vocabulary)
  if (beyond !== undefined)
    throw new RequestError(`token ${beyond} is beyond the vocabulary of ${loaded.vocabulary}`)
  return ids as readonly Token[]
}

export function generationOf(
  request: Request,
  prompt: readonly Token[],
  signal: AbortSignal,
): Generation {
  const { max_tokens, ignore_eos, min_tokens, temperature, top_k, top_p, seed } = request
  return {
    prompt,
    signal,
    ...{ max_tokens, ignore_eos, min_tokens, temperature, top_k, top_p },
    seed: seed ?? null,
  }
}
