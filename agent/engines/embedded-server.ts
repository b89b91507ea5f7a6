import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { LlamaContextSequence } from 'node-llama-cpp'
import { type Api, answerStream, answerWhole, type CompletionBody } from './embedded-answer.ts'
import { generate } from './embedded-generate.ts'
import type { LoadedModel } from './embedded-model.ts'
import {
  chatSchema,
  completionSchema,
  detokenizeSchema,
  generationOf,
  idsOf,
  parseBody,
  promptOf,
  RequestError,
  tokenizeSchema,
} from './embedded-request.ts'
import { createSlots, type Slots } from './embedded-slots.ts'

const MAX_BODY_BYTES = 64 * 1024 * 1024

/** The OpenAI routes over one loaded model, on a loopback port. As many requests run as there are sequences; more wait. */
export function createEmbeddedServer(loaded: LoadedModel, name: string): Server {
  const slots = createSlots(loaded.sequences)
  const created = Math.floor(Date.now() / 1000)
  const routes: Record<string, (body: string, answer: ServerResponse) => unknown> = {
    'GET /health': () => ({ status: 'ok' }),
    'GET /v1/models': () => ({
      object: 'list',
      data: [
        {
          id: name,
          object: 'model',
          created,
          owned_by: 'llem',
          max_model_len: loaded.context_tokens,
        },
      ],
    }),
    'POST /v1/completions': (body, answer) =>
      complete(loaded, slots, name, 'completions', parseBody(completionSchema, body), answer),
    'POST /v1/chat/completions': (body, answer) =>
      complete(loaded, slots, name, 'chat', parseBody(chatSchema, body), answer),
    'POST /tokenize': (body) => {
      const { prompt, content, add_special_tokens } = parseBody(tokenizeSchema, body)
      const text = prompt ?? content
      if (text === undefined) throw new RequestError('prompt: is missing')
      const tokens = add_special_tokens ? loaded.promptTokens(text) : loaded.model.tokenize(text)
      return { count: tokens.length, tokens, max_model_len: loaded.context_tokens }
    },
    'POST /detokenize': (body) => {
      const { tokens } = parseBody(detokenizeSchema, body)
      const text = loaded.model.detokenize(idsOf(loaded, tokens))
      return { prompt: text, content: text }
    },
  }
  return createServer(
    { noDelay: true, keepAlive: true, keepAliveTimeout: 0 },
    (request, answer) => {
      void (async () => {
        try {
          const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
          const route = routes[`${request.method} ${pathname}`]
          if (route === undefined)
            return fail(answer, 404, 'NotFoundError', `there is no ${request.method} ${pathname}`)
          const said = await route(await readBody(request), answer)
          if (said !== undefined) json(answer, 200, said)
        } catch (error) {
          if (error instanceof RequestError) fail(answer, 400, 'BadRequestError', error.message)
          else fail(answer, 500, 'ServerError', (error as Error).message)
        }
      })()
    },
  )
}

async function complete(
  loaded: LoadedModel,
  slots: Slots<LlamaContextSequence>,
  model: string,
  api: Api,
  body: CompletionBody,
  answer: ServerResponse,
): Promise<unknown> {
  const prompt = promptOf(loaded, body)
  const gone = new AbortController()
  answer.once('close', () => gone.abort())
  const sequence = await slots.take(gone.signal)
  if (sequence === null) return undefined
  try {
    const about = {
      id: `${api === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model,
    }
    const tokens = generate(loaded, sequence, generationOf(body, prompt, gone.signal))
    return body.stream
      ? await answerStream(tokens, api, body, about, prompt.length, answer)
      : await answerWhole(tokens, api, body, about, prompt.length)
  } finally {
    slots.give(sequence)
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += (part as Buffer).length
    if (bytes > MAX_BODY_BYTES)
      throw new RequestError(`the body is longer than ${MAX_BODY_BYTES} bytes`)
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts).toString()
}

function json(answer: ServerResponse, status: number, value: unknown): void {
  if (answer.destroyed || answer.headersSent) return
  const body = JSON.stringify(value)
  answer.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  answer.end(body)
}

function fail(answer: ServerResponse, status: number, type: string, message: string): void {
  json(answer, status, { error: { message, type, code: status } })
}
