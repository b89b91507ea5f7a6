import type { ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { generate } from './embedded-generate.ts'
import type { chatSchema, completionSchema } from './embedded-request.ts'

export type Api = 'chat' | 'completions'
export type CompletionBody = z.infer<typeof completionSchema> | z.infer<typeof chatSchema>
type Tokens = ReturnType<typeof generate>

/** One event a token, then the finish, the usage where asked for, [DONE]. */
export async function answerStream(
  tokens: Tokens,
  api: Api,
  body: CompletionBody,
  about: object,
  prompt_tokens: number,
  answer: ServerResponse,
): Promise<undefined> {
  const object = api === 'chat' ? 'chat.completion.chunk' : 'text_completion'
  const send = (rest: object) =>
    answer.write(`data: ${JSON.stringify({ ...about, object, ...rest })}\n\n`)
  const choice = (part: object, finish_reason: string | null) => ({
    choices: [{ index: 0, ...part, logprobs: null, finish_reason }],
  })
  const textPart = (text: string) => (api === 'chat' ? { delta: { content: text } } : { text })
  answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  if (api === 'chat') send(choice({ delta: { role: 'assistant', content: '' } }, null))
  let completion_tokens = 0
  try {
    let next = await tokens.next()
    for (; !next.done; next = await tokens.next()) {
      const { token, text } = next.value
      completion_tokens++
      send(
        choice(
          { ...textPart(text), ...(body.return_token_ids ? { token_ids: [token] } : {}) },
          null,
        ),
      )
    }
    if (next.value === 'abort') {
      answer.destroy()
      return undefined
    }
    send(choice(api === 'chat' ? { delta: {} } : { text: '' }, next.value))
    if (body.stream_options?.include_usage === true)
      send({ choices: [], usage: usageOf(prompt_tokens, completion_tokens) })
    answer.end('data: [DONE]\n\n')
  } catch (error) {
    // The status is sent already: the error is an event.
    send({ error: { message: (error as Error).message, type: 'ServerError', code: 500 } })
    answer.end('data: [DONE]\n\n')
  }
  return undefined
}

/** The same in one piece. */
export async function answerWhole(
  tokens: Tokens,
  api: Api,
  body: CompletionBody,
  about: object,
  prompt_tokens: number,
): Promise<unknown> {
  const token_ids: number[] = []
  let text = ''
  let next = await tokens.next()
  for (; !next.done; next = await tokens.next()) {
    token_ids.push(next.value.token)
    text += next.value.text
  }
  if (next.value === 'abort') return undefined
  const part = api === 'chat' ? { message: { role: 'assistant', content: text } } : { text }
  return {
    ...about,
    object: api === 'chat' ? 'chat.completion' : 'text_completion',
    choices: [
      {
        index: 0,
        ...part,
        ...(body.return_token_ids ? { token_ids } : {}),
        logprobs: null,
        finish_reason: next.value,
      },
    ],
    usage: usageOf(prompt_tokens, token_ids.length),
  }
}

function usageOf(prompt_tokens: number, completion_tokens: number) {
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}
