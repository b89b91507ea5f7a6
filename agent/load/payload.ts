import { createHash } from 'node:crypto'
import type { Experiment } from '../../analysis/schema/experiment.ts'
import { EngineError, type RunningEngine } from '../engines/engine.ts'
import type { PlannedRequest } from './load.ts'

export interface Payload {
  readonly path: string
  readonly body: Buffer
}

/** A prompt as text: its token ids, where it has no other, as a JSON list. */
export const promptText = (prompt: string | readonly number[]): string =>
  typeof prompt === 'string' ? prompt : JSON.stringify(prompt)

/** SHA-256 of a prompt's text. */
export const promptHash = (prompt: string | readonly number[]): string =>
  createHash('sha256').update(promptText(prompt)).digest('hex')

/**
 * Puts planned requests into the shape of the engine's route: what the experiment's options say, then what holds
 * the length, as far as the engine was seen to take it.
 * @returns a function of the request, since all but prompt and length is the same for all
 * @throws EngineError (config) for options that the load itself must set, or that make times meaningless
 */
export function createPayloads(
  engine: Pick<RunningEngine, 'base_url' | 'info'>,
  experiment: Experiment,
): (request: Pick<PlannedRequest, 'prompt' | 'requested_output_tokens'>) => Payload {
  const { api, options } = experiment.engine
  for (const key of [
    'model',
    'prompt',
    'messages',
    'stream',
    'max_tokens',
    'max_completion_tokens',
  ])
    if (key in options)
      throw new EngineError(
        'config',
        `engine.options.${key} is set by the load itself; remove it (model: model.id, lengths: data.output_tokens)`,
      )
  for (const key of ['n', 'best_of'])
    if (key in options && options[key] !== 1)
      throw new EngineError(
        'config',
        `engine.options.${key} is ${JSON.stringify(options[key])}: times of several answers at once can't be told apart; remove it`,
      )
  const { capabilities, model } = engine.info
  const path = `${new URL(engine.base_url).pathname.replace(/\/$/, '')}${api === 'chat' ? '/chat' : ''}/completions`
  return ({ prompt, requested_output_tokens }) => {
    const probed: Record<(typeof capabilities.fields)[number], unknown> = {
      stream_options: { include_usage: true },
      ignore_eos: true,
      min_tokens: requested_output_tokens,
      return_token_ids: true,
    }
    const fields: Record<string, unknown> = { model }
    if (api === 'chat') fields['messages'] = [{ role: 'user', content: prompt }]
    else fields['prompt'] = prompt
    fields[capabilities.max_tokens_field] = requested_output_tokens
    fields['stream'] = true
    for (const field of capabilities.fields) fields[field] = probed[field]
    return { path, body: Buffer.from(JSON.stringify({ ...fields, ...options })) }
  }
}
