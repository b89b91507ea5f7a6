import type { ChunkKind } from '../../analysis/schema/stream.ts'

/** Token counts as an engine states them; null where it does not. */
export interface Usage {
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cached_input_tokens: number | null
  readonly reasoning_tokens: number | null
  readonly draft_accepted_tokens: number | null
  readonly draft_rejected_tokens: number | null
}

export interface AnswerError {
  readonly code: string
  readonly message: string
}

/** What one event of an answer says. It may be several things: tokens, then a finish, then usage. */
export interface AnswerEvent {
  readonly kind: ChunkKind
  /** Text of the token-bearing fields, in order. */
  readonly text: string
  /** Tokens by their ids; null: no ids given. */
  readonly token_ids: number | null
  readonly finish_reason: string | null
  readonly usage: Usage | null
  readonly error: AnswerError | null
}

type Json = Readonly<Record<string, unknown>>
const isObject = (v: unknown): v is Json => v !== null && typeof v === 'object' && !Array.isArray(v)
const count = (v: unknown): number | null =>
  typeof v === 'number' && Number.isInteger(v) && v >= 0 ? v : null
const filled = (v: unknown): string => (typeof v === 'string' ? v : '')

/**
 * Reads one streamed object or a whole answer (`message` in the place of `delta`) of /completions or /chat/completions.
 * Token-bearing are non-empty text, content, reasoning, tool calls, and token ids even without text: an engine
 * holds back the bytes of a character that is not whole. Role, empty text, finish and usage are not tokens.
 */
export function readAnswerEvent(value: unknown): AnswerEvent {
  const object: Json = isObject(value) ? value : {}
  if (object['error'] !== undefined && object['error'] !== null)
    return { ...NOTHING, kind: 'error', error: readError(object['error']) }
  const usage = readUsage(object)
  const choices = Array.isArray(object['choices']) ? object['choices'] : []
  if (choices.length > 1 || (isObject(choices[0]) && (choices[0]['index'] ?? 0) !== 0))
    return { ...NOTHING, kind: 'error', error: SEVERAL }
  const choice: Json = isObject(choices[0]) ? choices[0] : {}
  const finish_reason = typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : null
  const delta = isObject(choice['delta']) ? choice['delta'] : choice['message']
  const part: Json = isObject(delta) ? delta : {}
  const reasoning = filled(part['reasoning']) || filled(part['reasoning_content'])
  const content = filled(part['content']) + filled(choice['text'])
  const tool = toolText(part['tool_calls'])
  const ids = choice['token_ids']
  const token_ids = Array.isArray(ids) && ids.length > 0 ? ids.length : null
  return {
    kind: kindOf(),
    text: reasoning + content + tool,
    token_ids,
    finish_reason,
    usage,
    error: null,
  }

  function kindOf(): ChunkKind {
    if (content !== '') return 'content'
    if (reasoning !== '') return 'reasoning'
    if (tool !== '') return 'tool'
    if (token_ids !== null) return 'content'
    if (finish_reason !== null) return 'finish'
    if (usage !== null && choices.length === 0) return 'usage'
    if (typeof part['role'] === 'string') return 'role'
    return usage !== null && isEmptyChoice(choice) ? 'usage' : 'empty'
  }
}

/** Whether tokens come with this kind of chunk. */
export function bearsTokens(kind: ChunkKind): boolean {
  return kind === 'content' || kind === 'reasoning' || kind === 'tool'
}

const NOTHING = {
  text: '',
  token_ids: null,
  finish_reason: null,
  usage: null,
  error: null,
} as const
const SEVERAL: AnswerError = {
  code: 'several_choices',
  message: 'the engine answers with several choices at once, whose times can not be told apart',
}

function isEmptyChoice(choice: Json): boolean {
  return !('delta' in choice) && !('text' in choice) && !('message' in choice)
}

function toolText(calls: unknown): string {
  if (!Array.isArray(calls)) return ''
  return calls
    .map((call) => {
      const fn = isObject(call) && isObject(call['function']) ? call['function'] : {}
      return filled((fn as Json)['name']) + filled((fn as Json)['arguments'])
    })
    .join('')
}

/** `usage` of the OpenAI form, with what llama-server adds in `timings`. */
function readUsage(object: Json): Usage | null {
  const usage = object['usage']
  if (!isObject(usage)) return null
  const details = (key: string): Json => (isObject(usage[key]) ? usage[key] : {})
  const timings: Json = isObject(object['timings']) ? object['timings'] : {}
  const drafted = count(timings['draft_n'])
  const accepted = count(timings['draft_n_accepted'])
  return {
    input_tokens: count(usage['prompt_tokens']),
    output_tokens: count(usage['completion_tokens']),
    cached_input_tokens:
      count(details('prompt_tokens_details')['cached_tokens']) ?? count(timings['cache_n']),
    reasoning_tokens: count(details('completion_tokens_details')['reasoning_tokens']),
    draft_accepted_tokens: accepted,
    draft_rejected_tokens: drafted === null || accepted === null ? null : drafted - accepted,
  }
}

/** The error of an answer in the forms that engines use: a text, or an object with code, type, message, param. */
export function readError(error: unknown): AnswerError {
  if (!isObject(error)) return { code: 'error', message: short(String(error)) }
  const code = error['type'] ?? error['code'] ?? 'error'
  const message = error['message'] ?? error['detail'] ?? JSON.stringify(error)
  return { code: String(code), message: short(String(message)) }
}

/** One line of at most 300 characters, for a record. */
export function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= 300 ? line : `${line.slice(0, 299)}…`
}
