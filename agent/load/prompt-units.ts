import type { Experiment } from '../../analysis/schema/experiment.ts'
import {
  apiRoute,
  ask,
  type Endpoint,
  NoResponse,
  promptFields,
  promptTokens,
  tokenize,
} from '../engines/ask.ts'
import type { EngineInfo } from '../engines/engine.ts'
import { LETTERS, WORDS } from './words.ts'

/** Pieces of a prompt that are one token each, and what the engine adds around them. */
export interface PromptUnits {
  /** Token ids where the engine takes them, else pieces of text to be joined. */
  readonly units: readonly string[] | readonly number[]
  /** Tokens that a prompt has beyond its units: template, begin-of-sequence. */
  readonly overhead_tokens: number
  /** False: the engine tells no counts, so one token a unit is an assumption. */
  readonly measured: boolean
}

const PROBE = 16
const MIN_UNITS = 8
/** Units tried at once: a context of 256 tokens must hold them with the template. */
const GROUP = 64
type Count = (units: readonly (string | number)[]) => Promise<number | null>

/**
 * Finds the units of prompts for this engine, by asking it: token ids by /tokenize, else text whose count the
 * engine's own usage confirms.
 * Where the engine's counts fit no kind of unit, one token a word is assumed, and `measured` says so: the counts of the
 * answers are recorded all the same.
 * @param timeout_s how long any single response may take
 * @throws NoResponse at the first that takes longer; the signal's reason
 */
export async function findPromptUnits(
  endpoint: Endpoint,
  info: EngineInfo,
  api: Experiment['engine']['api'],
  signal: AbortSignal,
  timeout_s: number,
): Promise<PromptUnits> {
  const count: Count = (units) => countByUsage(endpoint, info, api, units, signal, timeout_s)
  if (api === 'completions' && info.capabilities.token_prompts && info.capabilities.tokenizer) {
    const text = WORDS.map((word) => ` ${word}`).join('')
    const ids = [...new Set(await tokenize(endpoint, info.model, text, signal, timeout_s))]
    const n = ids.length < MIN_UNITS ? null : await count(ids.slice(0, PROBE))
    if (n !== null && n >= Math.min(PROBE, ids.length))
      return { units: ids, overhead_tokens: n - Math.min(PROBE, ids.length), measured: true }
  }
  const words = WORDS.map((word) => ` ${word}`)
  for (const units of [words, LETTERS]) {
    const one = await count(units.slice(0, PROBE))
    if (one === null) return { units: words, overhead_tokens: 0, measured: false }
    const two = await count([...units.slice(0, PROBE), ...units.slice(0, PROBE)])
    if (two === null || two - one !== PROBE) continue
    const overhead_tokens = one - PROBE
    const good: string[] = []
    for (let at = 0; at < units.length; at += GROUP)
      good.push(
        ...(await wholeOnes(units.slice(at, at + GROUP), async (part) => {
          // One that is refused may exceed the context: its halves are tried. An engine that hangs would hang at each.
          const n = await count(part).catch((error: unknown) => {
            signal.throwIfAborted()
            if (error instanceof NoResponse) throw error
            return null
          })
          return n !== null && n - overhead_tokens === part.length
        })),
      )
    if (good.length >= MIN_UNITS) return { units: good, overhead_tokens, measured: true }
  }
  return { units: words, overhead_tokens: 0, measured: false }
}

/** Those that are one token each: a group that counts right is taken whole, else its halves are tried. */
async function wholeOnes(
  units: readonly string[],
  isRight: (part: readonly string[]) => Promise<boolean>,
): Promise<readonly string[]> {
  if (await isRight(units)) return units
  if (units.length <= MIN_UNITS) return []
  const half = Math.ceil(units.length / 2)
  const left = await wholeOnes(units.slice(0, half), isRight)
  return [...left, ...(await wholeOnes(units.slice(half), isRight))]
}

/** Joins units to the prompt that is sent. */
export function joinUnits(units: readonly (string | number)[]): string | readonly number[] {
  return typeof units[0] === 'number' ? (units as readonly number[]) : units.join('')
}

async function countByUsage(
  endpoint: Endpoint,
  info: EngineInfo,
  api: Experiment['engine']['api'],
  units: readonly (string | number)[],
  signal: AbortSignal,
  timeout_s: number,
): Promise<number | null> {
  const answer = await ask(
    endpoint,
    apiRoute(api),
    {
      model: info.model,
      ...promptFields(api, joinUnits(units)),
      [info.capabilities.max_tokens_field]: 1,
    },
    signal,
    timeout_s,
  )
  if (answer.status !== 200) return null
  return promptTokens(answer)
}
