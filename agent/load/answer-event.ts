import type { ChunkKind } from '../../analysis/schema/stream.ts'
import type { ReportedCounts } from '../../analysis/schema/token-count.ts'
import { findError, finishError, type ResponseError, short, textOf } from './response-error.ts'
import { readUsage } from './usage.ts'

/** What one event of an answer says. It may be several things: tokens, then a finish, then usage. */
export interface AnswerEvent {
  readonly kind: ChunkKind
  /** Text of the token-bearing fields, in order. */
  readonly text: string
  /** Tokens by their ids; null: no ids given. */
  readonly token_ids: number | null
  readonly finish_reason: string | null
  /** Counts as the engine reports them, not yet believed. */
  readonly usage: ReportedCounts | null
  /** A failure that the engine reports; with a finish reason of failure the event's tokens stay. */
  readonly error: ResponseError | null
  /** The event can't be read as one of a completion: what is wrong with it. */
  readonly unreadable: string | null
}

type Json = Readonly<Record<string, unknown>>
const isObject = (v: unknown): v is Json => v !== null && typeof v === 'object' && !Array.isArray(v)
const filled = (v: unknown): string => (typeof v === 'string' ? v : '')

/**
 * Reads one streamed object or a whole answer (`message` in the place of `delta`) of /completions or /chat/completions.
 * Token-bearing are non-empty text, content, reasoning, tool calls, and token ids even without text: an engine
 * holds back the bytes of a character that is not whole. Role, empty text, finish and usage are not tokens.
 */
export function readAnswerEvent(value: unknown): AnswerEvent {
  if (!isObject(value)) return unreadable(`the event is no JSON object: ${textOf(value)}`)
  const error = findError(value)
  if (error !== null) return { ...NOTHING, kind: 'error', error }
  const listed = value['choices'] ?? []
  if (!Array.isArray(listed)) return unreadable(`choices is no list: ${textOf(listed)}`)
  const usage = readUsage(value)
  const choices: readonly unknown[] = listed
  const first = choices[0] ?? {}
  if (!isObject(first)) return unreadable(`a choice is no object: ${textOf(first)}`)
  const choice: Json = first
  if (choices.length > 1 || (choice['index'] ?? 0) !== 0)
    return { ...NOTHING, kind: 'error', error: SEVERAL }
  const finish = readFinish(choice['finish_reason'])
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
    finish_reason: finish.reason,
    usage,
    error: finishError(finish.reason, finish.message),
    unreadable: null,
  }

  function kindOf(): ChunkKind {
    if (content !== '') return 'content'
    if (reasoning !== '') return 'reasoning'
    if (tool !== '') return 'tool'
    if (token_ids !== null) return 'content'
    if (finish.reason !== null) return 'finish'
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
  unreadable: null,
} as const
const unreadable = (why: string): AnswerEvent => ({
  ...NOTHING,
  kind: 'error',
  unreadable: short(why),
})
const SEVERAL: ResponseError = {
  code: 'several_choices',
  message: 'the response holds several choices at once, whose times cannot be separated',
}

/** A text, or SGLang's own object of type and message. */
function readFinish(value: unknown): { reason: string | null; message: unknown } {
  const reason = isObject(value) ? value['type'] : value
  return {
    reason: typeof reason === 'string' && reason !== '' ? reason : null,
    message: isObject(value) ? value['message'] : null,
  }
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
