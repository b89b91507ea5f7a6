import type { Answer } from '../requests/answer.ts'
import type { Span } from '../requests/run-span.ts'
import type { StepRow } from '../schema/stream.ts'
import { NS_PER_S } from '../schema/units.ts'
import { addNormal, addRow, emptyNormal, type Normal } from '../stats/nonnegative-fit.ts'
import { type JouleCurve, joulesTo } from './attribution-curve.ts'
import { uncachedPrompt } from './attribution-work.ts'

/** How many slices make one of those that check them. */
const LONGER = 8

/** Slices of a window, from its start on; what is left behind the last is one of its own. */
export interface Slices extends Span {
  readonly slice_ns: number
  readonly count: number
}

/** What was done in each slice beside the passing of time: the columns of the regression. */
export interface SlicedWork {
  readonly columns: readonly Float64Array[]
  /** What of each column's whole belongs to prefill, and to decode. */
  readonly prefill: readonly number[]
  readonly decode: readonly number[]
  /** Whether engine steps and context are told. */
  readonly by: 'steps' | 'tokens'
}

/** Uncached prompt tokens whose prefill ended, and output tokens that arrived. null: a prompt is not counted. */
export function slicedTokens(answers: readonly Answer[], slices: Slices): SlicedWork | null {
  const [prompt, output] = [column(slices), column(slices)]
  for (const a of answers) {
    if (a.first_ns !== null && within(a.first_ns, slices)) {
      const tokens = uncachedPrompt(a)
      if (tokens === null) return null
      put(prompt, a.first_ns, tokens, slices)
    }
    for (let i = 0; i < a.t_ns.length; i++) {
      const t = a.t_ns[i] as number
      if (within(t, slices)) put(output, t, a.tokens[i] as number, slices)
    }
  }
  return {
    columns: [prompt, output],
    prefill: [sum(prompt), 0],
    decode: [0, sum(output)],
    by: 'tokens',
  }
}

/**
 * Prompt tokens computed, engine steps (each reads the weights, those of prefill alone for prefill) and context of
 * the decoding ones, each where its step ended. null: the steps do not tell, or not of the tokens that arrived.
 */
export function slicedSteps(
  steps: readonly StepRow[],
  decoded: number,
  slices: Slices,
): SlicedWork | null {
  const [prompt, each, context] = [column(slices), column(slices), column(slices)]
  let tokens = 0
  let reading = 0
  for (const { end_t_ns, kind, prefill_tokens, decode_tokens, context_tokens } of steps) {
    if (end_t_ns == null || !within(end_t_ns, slices)) continue
    if (prefill_tokens == null || decode_tokens == null || context_tokens == null) return null
    put(prompt, end_t_ns, prefill_tokens, slices)
    put(each, end_t_ns, 1, slices)
    tokens += decode_tokens
    if (kind === 'prefill') reading += 1
    else put(context, end_t_ns, context_tokens, slices)
  }
  // Ranks that each tell the same steps, or an engine of which one of several tells, would be off by a factor.
  if (tokens === 0 || Math.abs(tokens - decoded) > STEPS_OFF * decoded) return null
  return {
    columns: [prompt, each, context],
    prefill: [sum(prompt), reading, 0],
    decode: [0, sum(each) - reading, sum(context)],
    by: 'steps',
  }
}

/** By how much the tokens that steps tell may miss those that arrived. */
const STEPS_OFF = 0.1

const column = ({ count }: Slices): Float64Array => new Float64Array(count + 1)

const within = (t_ns: number, { start_ns, end_ns }: Span): boolean =>
  t_ns > start_ns && t_ns <= end_ns

/** Left-open and right-closed. */
function put(into: Float64Array, t_ns: number, amount: number, slices: Slices): void {
  const i = Math.min(Math.ceil((t_ns - slices.start_ns) / slices.slice_ns) - 1, slices.count)
  into[i] = (into[i] as number) + amount
}

const sum = (list: Float64Array): number => list.reduce((x, y) => x + y, 0)

export interface SliceSums {
  /** Of each block of about root-of-the-count neighbouring slices. */
  readonly blocks: readonly Normal[]
  readonly all: Normal
  /** Of the whole slices of eight times the length. */
  readonly longer: Normal
}

/** Sums over the whole slices, seconds before the columns of work; what is left behind the last is in none. */
export function sliceSums(
  curves: readonly JouleCurve[],
  { columns }: SlicedWork,
  { start_ns, slice_ns, count }: Slices,
): SliceSums {
  const size = Math.ceil(Math.sqrt(count))
  const wide = columns.length + 1
  const blocks: Normal[] = []
  const longer = emptyNormal(wide)
  const seconds = slice_ns / NS_PER_S
  let before_j = joulesTo(curves, start_ns)
  let since = { work: columns.map(() => 0), energy_j: 0 }
  for (let i = 0; i < count; i++) {
    if (i % size === 0) blocks.push(emptyNormal(wide))
    const to_j = joulesTo(curves, start_ns + (i + 1) * slice_ns)
    const work = columns.map((c) => c[i] as number)
    addRow(blocks.at(-1) as Normal, [seconds, ...work], to_j - before_j)
    since = {
      work: since.work.map((w, k) => w + (work[k] as number)),
      energy_j: since.energy_j + to_j - before_j,
    }
    before_j = to_j
    if ((i + 1) % LONGER > 0) continue
    addRow(longer, [LONGER * seconds, ...since.work], since.energy_j)
    since = { work: columns.map(() => 0), energy_j: 0 }
  }
  const all = emptyNormal(wide)
  for (const b of blocks) addNormal(all, b)
  return { blocks, all, longer }
}
