import { DONE, text, usage } from './raw-server.ts'

/** A response and what it is: the body, and cells of its row. Two tokens are requested. */
export interface ResponseCase {
  readonly name: string
  readonly body: string
  readonly status?: number
  readonly type?: string
  readonly expected: Readonly<Record<string, unknown>>
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const chat = (delta: unknown, finish_reason: unknown = null): string =>
  event({ choices: [{ index: 0, delta, finish_reason }] })
const failed = (error_code: string, error_message: string) => ({
  outcome: 'error',
  error_layer: 'app',
  error_code,
  error_message,
})

/** Every form in which an engine is known to report a failure with HTTP 200. */
export const ERROR_CASES: readonly ResponseCase[] = [
  {
    name: 'vLLM: error object within the stream, then [DONE]',
    body: `${text('a')}${event({ error: { message: 'EngineCore died', type: 'InternalServerError', param: null, code: 500 } })}${DONE}`,
    expected: { ...failed('InternalServerError', 'EngineCore died'), output_tokens: 1 },
  },
  {
    name: 'older vLLM and TRT-LLM: object error at the top',
    body: `${text('a')}${event({ object: 'error', message: 'out of memory', type: 'BadRequestError', param: null, code: 400 })}${DONE}`,
    expected: { ...failed('BadRequestError', 'out of memory'), chunk_kind: ['content', 'error'] },
  },
  {
    name: 'SGLang: object error inside of error',
    body: `${event({ error: { object: 'error', message: 'Input length exceeds', type: 'BadRequestError', param: null, code: 400 } })}${DONE}`,
    expected: failed('BadRequestError', 'Input length exceeds'),
  },
  {
    name: 'vLLM: finish_reason abort without usage',
    body: `${text('a')}${text('', 'abort')}${DONE}`,
    expected: failed('finish_abort', 'the engine ended the response with finish_reason abort'),
  },
  {
    name: 'vLLM: finish_reason error with text in the same event',
    body: `${text('a')}${text('b', 'error')}${DONE}`,
    expected: { outcome: 'error', error_code: 'finish_error', output_tokens: 2 },
  },
  {
    name: 'SGLang: finish_reason as an object of type abort, with usage',
    body: `${text('a')}${chat({}, { type: 'abort', message: 'Aborted by the scheduler' })}${usage(5, 2)}${DONE}`,
    expected: failed(
      'finish_abort',
      'the engine ended the response with finish_reason abort: Aborted by the scheduler',
    ),
  },
  {
    name: 'TRT-LLM: finish_reason timeout',
    body: `${text('a')}${text('', 'timeout')}${DONE}`,
    expected: { outcome: 'error', error_code: 'finish_timeout' },
  },
  {
    name: 'TRT-LLM: finish_reason cancelled',
    body: `${text('a')}${text('', 'cancelled')}${DONE}`,
    expected: { outcome: 'error', error_code: 'finish_cancelled' },
  },
  {
    name: 'llama-server: error object',
    body: `${text('a')}${event({ error: { code: 500, message: 'Compute error.', type: 'server_error' } })}`,
    expected: failed('server_error', 'Compute error.'),
  },
  {
    name: 'older llama-server: a field error in the place of data',
    body: `${text('a')}error: {"code":500,"message":"Compute error.","type":"server_error"}\n\n`,
    expected: failed('server_error', 'Compute error.'),
  },
  {
    name: 'TGI: a text with error_type',
    body: `${text('a')}${event({ error: 'Request failed during generation', error_type: 'generation' })}`,
    expected: failed('generation', 'Request failed during generation'),
  },
  {
    name: 'transformers serve: a text',
    body: `${text('a')}${event({ error: 'CUDA error: out of memory' })}`,
    expected: failed('error', 'CUDA error: out of memory'),
  },
  {
    name: 'transformers serve: text that is not escaped',
    body: `${text('a')}data: {"error": "no kernel "x" here"}\n\n`,
    expected: { outcome: 'error', error_layer: 'parse', error_code: 'bad_json' },
  },
  {
    name: 'FastAPI: detail',
    body: event({ detail: 'Model is still loading' }),
    expected: failed('error', 'Model is still loading'),
  },
  {
    name: 'OpenAI: type error',
    body: `${text('a')}${event({ type: 'error', code: 'server_error', message: 'try again', param: null })}`,
    expected: failed('server_error', 'try again'),
  },
  {
    name: 'gateways: an error within the choice',
    body: event({
      choices: [
        { index: 0, delta: {}, finish_reason: 'error', error: { code: 502, message: 'upstream' } },
      ],
    }),
    expected: failed('502', 'upstream'),
  },
  {
    name: 'a message without choices',
    body: event({ message: 'no such route', status: 404 }),
    expected: failed('error', 'no such route'),
  },
  {
    name: 'an event named error',
    body: `${text('a')}event: error\ndata: {"message":"gone","code":1}\n\n`,
    expected: failed('1', 'gone'),
  },
  {
    name: 'JSON that is no object',
    body: `${text('a')}data: null\n\n`,
    expected: { outcome: 'error', error_layer: 'parse', error_code: 'bad_event' },
  },
  {
    name: 'choices that are no list',
    body: event({ choices: 'none' }),
    expected: { outcome: 'error', error_layer: 'parse', error_code: 'bad_event' },
  },
]

/** Responses of other kinds than a stream of events, with HTTP 200 or without a body. */
export const OTHER_CASES: readonly ResponseCase[] = [
  {
    name: 'an HTML page',
    body: '<!doctype html>\n<title>Sign in</title>\n<p>Please sign in.</p>',
    type: 'text/html; charset=utf-8',
    expected: { outcome: 'error', error_layer: 'http', error_code: 'html', output_tokens: 0 },
  },
  {
    name: 'an HTML page under the type of a stream',
    body: '<html><body>502 Bad Gateway</body></html>',
    expected: { outcome: 'error', error_layer: 'http', error_code: 'html' },
  },
  {
    name: 'JSON lines',
    body: '{"model":"m","response":"a","done":false}\n{"model":"m","response":"","done":true}\n',
    type: 'application/x-ndjson',
    expected: { outcome: 'error', error_layer: 'http', error_code: 'ndjson' },
  },
  {
    name: 'JSON lines under the type of JSON',
    body: '{"response":"a","done":false}\n{"response":"","done":true}\n',
    type: 'application/json',
    expected: { outcome: 'error', error_layer: 'http', error_code: 'ndjson' },
  },
  {
    name: 'plain text',
    body: 'Internal Server Error',
    type: 'text/plain',
    expected: {
      outcome: 'error',
      error_layer: 'http',
      error_code: 'no_events',
      error_message: 'HTTP 200 with a body that is no stream of events: Internal Server Error',
    },
  },
  {
    name: 'JSON that is no completion',
    body: '{"status":"ok"}',
    type: 'application/json',
    expected: { outcome: 'error', error_layer: 'parse', error_code: 'no_completion' },
  },
  {
    name: 'a JSON document that is an error of the older form',
    body: '{"object":"error","message":"busy","type":"Overloaded","code":503}',
    type: 'application/json',
    expected: failed('Overloaded', 'busy'),
  },
  {
    name: 'nothing, with 204',
    body: '',
    status: 204,
    expected: {
      outcome: 'error',
      error_layer: 'http',
      error_code: 'http_204',
      error_message: 'HTTP 204: a response without a body',
    },
  },
  {
    name: 'a whole completion under the type of a stream',
    body: JSON.stringify({
      choices: [{ index: 0, text: 'ab', finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 2 },
    }),
    expected: { outcome: 'ok', mode: 'per_request_batch', output_tokens: 2 },
  },
]

/** Streams that end properly, at the requested length or not. */
export const ENDED_CASES: readonly ResponseCase[] = [
  {
    name: 'an ordinary stream',
    body: `${text('a')}${text('b', 'length')}${usage(5, 2)}${DONE}`,
    expected: { outcome: 'ok', output_tokens: 2, error_code: null },
  },
  {
    name: 'a chat with role, reasoning and content, CRLF, comments and characters of several bytes',
    body: `: ping\n\n${chat({ role: 'assistant', content: '' })}${chat({ reasoning_content: 'hm' })}${chat({ content: 'é😀' }, 'length')}${usage(5, 2)}${DONE}`.replaceAll(
      '\n',
      '\r\n',
    ),
    expected: { outcome: 'ok', output_tokens: 2 },
  },
  {
    name: 'fewer tokens than requested',
    body: `${text('a', 'stop')}${usage(5, 1)}${DONE}`,
    expected: { outcome: 'length_mismatch', output_tokens: 1, error_code: null },
  },
  {
    name: 'more tokens than requested',
    body: `${text('a')}${text('b', 'length')}${usage(5, 7)}${DONE}`,
    expected: { outcome: 'length_mismatch', output_tokens: 7 },
  },
  {
    name: 'no token at all',
    body: `${text('', 'stop')}${usage(5, 0)}${DONE}`,
    expected: { outcome: 'length_mismatch', output_tokens: 0, error_code: 'no_tokens' },
  },
]
