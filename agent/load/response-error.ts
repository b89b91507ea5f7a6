export interface ResponseError {
  readonly code: string
  readonly message: string
}

type Json = Readonly<Record<string, unknown>>
const isObject = (v: unknown): v is Json => v !== null && typeof v === 'object' && !Array.isArray(v)

/**
 * The error that an event or a whole document reports, in every form that an engine is known to use; null: none.
 * `{"error": ...}` with a text or an object (vLLM, llama-server, TRT-LLM, TGI with `error_type`, transformers
 * serve, OpenAI), `{"object": "error", ...}` (older vLLM, SGLang, TRT-LLM), `{"type": "error", ...}` (OpenAI
 * responses), `{"detail": ...}` (FastAPI, under transformers serve and SGLang), a message without choices, and
 * `choices[0].error` (gateways).
 */
export function findError(event: Json): ResponseError | null {
  const { error, choices, object, type, detail, message } = event
  if (isReported(error)) return readError(error, event)
  if (object === 'error' || type === 'error') return readError(event)
  const [choice] = Array.isArray(choices) ? choices : []
  if (isObject(choice) && isReported(choice['error'])) return readError(choice['error'], choice)
  if (choices !== undefined && choices !== null) return null
  if (isReported(detail)) return readError(isObject(detail) ? detail : { message: detail })
  return typeof message === 'string' && message !== '' ? readError(event) : null
}

// OpenAI's own objects carry `error: null` where all is well.
const isReported = (v: unknown): boolean =>
  v !== null && v !== undefined && v !== false && v !== '' && v !== 0

/**
 * The fields of a reported error: a text, or an object with code, type, message, param.
 * @param around the object in which it stands: TGI puts `error_type` beside a text
 */
export function readError(error: unknown, around: Json = {}): ResponseError {
  if (!isObject(error)) {
    return { code: codeOf(around['error_type'] ?? around['code']), message: short(textOf(error)) }
  }
  // Of `"type": "error"` only the code says which.
  const type = error['type'] === 'error' ? null : error['type']
  const message = error['message'] ?? error['detail'] ?? error['msg'] ?? error
  return {
    code: codeOf(type ?? error['code'] ?? error['error_type']),
    message: short(textOf(message)),
  }
}

function codeOf(code: unknown): string {
  if (code === null || code === undefined || code === '') return 'error'
  return short(textOf(code))
}

/**
 * Finish reasons of a response that the engine gave up: abort (vLLM, SGLang), error (vLLM, gateways), cancelled and
 * timeout (TRT-LLM), insufficient_system_resource (DeepSeek).
 */
const FAILED: ReadonlySet<string> = new Set([
  'abort',
  'aborted',
  'error',
  'failed',
  'cancelled',
  'canceled',
  'timeout',
  'insufficient_system_resource',
])

/** The failure that a finish reason means; null: the response ended as responses do. */
export function finishError(reason: string | null, message: unknown): ResponseError | null {
  if (reason === null || !FAILED.has(reason.toLowerCase())) return null
  const words = typeof message === 'string' && message !== '' ? `: ${message}` : ''
  return {
    code: `finish_${reason.toLowerCase()}`,
    message: short(`the engine ended the response with finish_reason ${reason}${words}`),
  }
}

/** A text as it is, anything else as JSON. Never throws: what is nested too deeply for JSON is reported as that. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return 'a value that is nested too deeply'
  }
}

/** One line of at most 300 characters, for a record. */
export function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length <= 300 ? line : `${line.slice(0, 299)}…`
}
