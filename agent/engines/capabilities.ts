import type { Experiment } from '../../analysis/schema/experiment.ts'
import type { Outcome } from '../../analysis/schema/stream.ts'
import { createAnswerRecord } from '../load/answer-record.ts'
import { createBodyReader } from '../load/body-reader.ts'
import { short } from '../load/response-error.ts'
import {
  type Answer,
  apiRoute,
  ask,
  type Endpoint,
  promptFields,
  promptTokens,
  tokenize,
} from './ask.ts'
import { type EngineCapabilities, EngineError, PROBED_FIELDS, type ProbedField } from './engine.ts'

/** Ids that every vocabulary has and that are no control tokens of the usual ones. */
const SOME_IDS = [100, 101, 102, 103]
/** What is not an engine's main work, s at most. */
export const SMALL_PROBE_S = 60
const PROBE_TEXT = 'Count to ten: one two three'

/**
 * Finds what an engine takes, by real one-token requests: all wanted fields first; of those that HTTP 400 or 422
 * names (or of all, when it names none) the request is sent again without. An engine that fails at answering is no
 * reason to measure nothing: the trouble is told, and the load's own requests will say how often.
 * @param timeout_s how long any single response may take
 * @throws NoResponse; EngineError when the engine refuses such requests (key, model, address), with its own words
 */
export async function probeCapabilities(
  endpoint: Endpoint,
  model: string,
  engine: Pick<Experiment['engine'], 'api' | 'options'>,
  signal: AbortSignal,
  timeout_s: number,
): Promise<EngineCapabilities> {
  const { api, options } = engine
  let fields: readonly ProbedField[] = PROBED_FIELDS
  let max_tokens_field: EngineCapabilities['max_tokens_field'] = 'max_tokens'
  let answer: Answer
  for (;;) {
    const body = {
      model,
      ...promptFields(api, PROBE_TEXT),
      [max_tokens_field]: 2,
      stream: true,
      ...Object.fromEntries(fields.map((field) => [field, PROBE_VALUES[field]])),
      ...options,
    }
    answer = await ask(endpoint, apiRoute(api), body, signal, timeout_s)
    if (answer.status !== 400 && answer.status !== 422) break
    // Both names of the length's field are tried before anything is given up.
    if (max_tokens_field === 'max_tokens' && /max_completion_tokens/.test(answer.text)) {
      max_tokens_field = 'max_completion_tokens'
      continue
    }
    const named = fields.filter((field) => answer.text.includes(field))
    const refused = named.length > 0 ? named : fields
    if (refused.length === 0) break
    fields = fields.filter((field) => !refused.includes(field))
  }
  // What the engine need not have is not waited for as long as its first response, before which some load the model.
  const small_s = Math.min(SMALL_PROBE_S, timeout_s)
  const { streams, outcome, trouble } = await readProbe(endpoint, model, answer)
  return {
    fields,
    stripped_fields: PROBED_FIELDS.filter((field) => !fields.includes(field)),
    max_tokens_field,
    streams,
    exact_length:
      outcome === 'ok' && (fields.includes('ignore_eos') || fields.includes('min_tokens')),
    token_prompts: api === 'completions' && (await takesTokenIds(endpoint, model, signal, small_s)),
    tokenizer:
      (await tokenize(endpoint, model, ' the', signal, small_s).catch(() => null)) !== null,
    trouble,
  }
}

const PROBE_VALUES: Readonly<Record<ProbedField, unknown>> = {
  stream_options: { include_usage: true },
  ignore_eos: true,
  min_tokens: 2,
  return_token_ids: true,
}

interface Probed {
  readonly streams: boolean
  readonly outcome: Outcome | null
  readonly trouble: string | null
}

async function readProbe(endpoint: Endpoint, model: string, answer: Answer): Promise<Probed> {
  if (answer.status >= 500)
    return {
      streams: true,
      outcome: null,
      trouble: `${endpoint.base_url} answered HTTP ${answer.status} to a two-token request: ${short(answer.text) || 'nothing'}`,
    }
  if (answer.status !== 200)
    throw new EngineError(
      answer.status === 401 || answer.status === 403 || answer.status === 404 ? 'config' : 'failed',
      `${endpoint.base_url} answered HTTP ${answer.status} to a two-token request for model ${JSON.stringify(model)}: ${short(answer.text) || 'nothing'}${remedy(answer.status)}`,
    )
  const record = createAnswerRecord()
  const reader = createBodyReader(answer.status, {}, record, { now: () => 0 })
  reader.push(Buffer.from(answer.text), 0)
  await reader.end(0, true)
  const row = record.cells('complete', 2)
  const failed =
    row.outcome === 'error' || row.outcome === 'truncated' || row.error_code === 'no_tokens'
  return {
    streams: row.mode === 'streamed',
    outcome: row.outcome as Outcome,
    trouble: failed
      ? `${endpoint.base_url} answered a two-token request with HTTP 200 and no tokens (${row.error_message ?? row.error_code})`
      : null,
  }
}

function remedy(status: number): string {
  if (status === 401 || status === 403)
    return '; set engine.api_key_env to the variable that holds its key'
  if (status === 404) return '; check model.id and engine.base_url (it usually ends in /v1)'
  return ''
}

/** Token ids as a prompt are taken when as many come back in the usage. */
async function takesTokenIds(
  endpoint: Endpoint,
  model: string,
  signal: AbortSignal,
  timeout_s: number,
): Promise<boolean> {
  const answer = await ask(
    endpoint,
    '/completions',
    { model, prompt: SOME_IDS, max_tokens: 1 },
    signal,
    timeout_s,
  ).catch(() => null)
  const n = answer?.status === 200 ? promptTokens(answer) : null
  return n === SOME_IDS.length || n === SOME_IDS.length + 1
}
