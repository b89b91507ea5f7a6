import { v7 as uuid } from 'uuid'
import type { Data, Experiment, Length } from '../../analysis/schema/experiment.ts'
import { EngineError, type RunningEngine } from '../engines/engine.ts'
import type { RequestSource } from './load.ts'
import { promptHash } from './payload.ts'
import { findPromptUnits, joinUnits } from './prompt-units.ts'
import { createRandom } from './random.ts'

/** All probes of lengths together. */
export const PROBES_LIMIT_S = 300

/**
 * Seeded synthetic requests of exact token lengths for this engine, found by a few probes of it. Each prompt begins
 * with its own number in units, so that no two share a prefix that an engine could have kept.
 * @throws EngineError when data.input_tokens is below what the engine adds by itself, or it does not respond in time; the
 * signal's reason
 */
export async function createRequestSource(
  experiment: Experiment,
  engine: Pick<RunningEngine, 'base_url' | 'headers' | 'info'>,
  signal: AbortSignal,
): Promise<RequestSource> {
  const { data, load } = experiment
  const late = AbortSignal.timeout(PROBES_LIMIT_S * 1000)
  const found = await findPromptUnits(
    engine,
    engine.info,
    experiment.engine.api,
    AbortSignal.any([signal, late]),
    load.timeout_s,
  ).catch((error: unknown) => {
    if (signal.aborted || !late.aborted) throw error
    throw new EngineError(
      'failed',
      `The engine needs more than ${PROBES_LIMIT_S} s for the short requests by which lengths of prompts are found; see why it is so slow`,
    )
  })
  const least = shortest(data.input_tokens)
  if (least <= found.overhead_tokens)
    throw new EngineError(
      'config',
      `data.input_tokens is ${least}, yet the engine adds ${found.overhead_tokens} tokens to each prompt (api: ${experiment.engine.api}); ask for at least ${found.overhead_tokens + 1}`,
    )
  const units = shuffled(found.units, load.seed)
  return {
    measured: found.measured,
    async request(purpose, i) {
      const { requested_input_tokens, requested_output_tokens } = drawLengths(
        data,
        load.seed,
        purpose,
        i,
      )
      const length = requested_input_tokens - found.overhead_tokens
      const prompt = joinUnits(drawUnits(units, length, load.seed, purpose, i))
      return {
        request_id: uuid(),
        prompt,
        requested_input_tokens,
        requested_output_tokens,
        prompt_sha256: promptHash(prompt),
      }
    },
  }
}

/** The lengths of one request, from a random stream of its own: whatever came before, they are the same. */
export function drawLengths(
  data: Pick<Data, 'input_tokens' | 'output_tokens'>,
  seed: number,
  purpose: string,
  i: number,
) {
  const random = createRandom(seed, 'lengths', purpose, i)
  const draw = (length: Length): number => {
    if (typeof length === 'number') return length
    if (length.dist === 'uniform') return random.int(length.min, length.max)
    const n = Math.round((length.mean ?? 0) + (length.sd ?? 0) * random.normal())
    return Math.min(length.max, Math.max(length.min, n))
  }
  return {
    requested_input_tokens: draw(data.input_tokens),
    requested_output_tokens: draw(data.output_tokens),
  }
}

/** The least and the most that a length can come to. */
export function shortest(length: Length): number {
  return typeof length === 'number' ? length : length.min
}
export function longest(length: Length): number {
  return typeof length === 'number' ? length : length.max
}

/**
 * Units of one prompt: first the request's number, lowest digit first so that neighbours differ in the first unit,
 * even for warm-up and odd for measured requests; then random ones.
 */
function drawUnits(
  units: readonly (string | number)[],
  length: number,
  seed: number,
  purpose: 'warmup' | 'measure',
  i: number,
): readonly (string | number)[] {
  const random = createRandom(seed, 'text', purpose, i)
  const digits = Math.ceil(32 / Math.log2(units.length))
  let number = 2 * i + (purpose === 'measure' ? 1 : 0)
  return Array.from({ length }, (_, k) => {
    if (k >= digits) return units[random.int(0, units.length - 1)] as string | number
    const digit = number % units.length
    number = Math.floor(number / units.length)
    return units[digit] as string | number
  })
}

function shuffled(list: readonly (string | number)[], seed: number): readonly (string | number)[] {
  const random = createRandom(seed, 'units')
  const out: (string | number)[] = [...list]
  for (let k = out.length - 1; k > 0; k--) {
    const j = random.int(0, k)
    ;[out[k], out[j]] = [out[j] as string | number, out[k] as string | number]
  }
  return out
}
