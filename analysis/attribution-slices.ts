import type { Answer } from './answer.ts'
import { type JouleCurve, joulesTo } from './attribution-curve.ts'
import { uncachedPrompt } from './attribution-work.ts'
import type { Span } from './run-span.ts'
import { NS_PER_S } from './schema/units.ts'
import { addNormal, addRow, emptyNormal, type Normal, type Three } from './stats/nonnegative-fit.ts'

/** How many slices make one of those that check them. */
const LONGER = 8

/** Tokens of each slice, and of the whole window. */
export interface SlicedWork {
  readonly prompt: Float64Array
  readonly output: Float64Array
  readonly prompt_total: number
  readonly output_total: number
}

/** Tokens by slice, left-open and right-closed; the totals reach to the window's end. null: a prompt is not counted. */
export function slicedWork(
  answers: readonly Answer[],
  { start_ns, end_ns }: Span,
  slice_ns: number,
  count: number,
): SlicedWork | null {
  const prompt = new Float64Array(count + 1)
  const output = new Float64Array(count + 1)
  const put = (into: Float64Array, t_ns: number, tokens: number) => {
    const i = Math.min(Math.ceil((t_ns - start_ns) / slice_ns) - 1, count)
    into[i] = (into[i] as number) + tokens
  }
  for (const a of answers) {
    if (a.first_ns !== null && a.first_ns > start_ns && a.first_ns <= end_ns) {
      const tokens = uncachedPrompt(a)
      if (tokens === null) return null
      put(prompt, a.first_ns, tokens)
    }
    for (let i = 0; i < a.t_ns.length; i++) {
      const t = a.t_ns[i] as number
      if (t > start_ns && t <= end_ns) put(output, t, a.tokens[i] as number)
    }
  }
  const sum = (list: Float64Array) => list.reduce((x, y) => x + y, 0)
  return { prompt, output, prompt_total: sum(prompt), output_total: sum(output) }
}

export interface SliceSums {
  /** Of each block of about root-of-the-count neighbouring slices. */
  readonly blocks: readonly Normal[]
  readonly all: Normal
  /** Of the whole slices of eight times the length. */
  readonly longer: Normal
}

/** Sums over the whole slices; what is left behind the last is in none. */
export function sliceSums(
  curves: readonly JouleCurve[],
  work: SlicedWork,
  { start_ns }: Span,
  slice_ns: number,
  count: number,
): SliceSums {
  const size = Math.ceil(Math.sqrt(count))
  const blocks: Normal[] = []
  const longer = emptyNormal()
  const seconds = slice_ns / NS_PER_S
  let before_j = joulesTo(curves, start_ns)
  let [prompt, output, energy_j] = [0, 0, 0]
  for (let i = 0; i < count; i++) {
    if (i % size === 0) blocks.push(emptyNormal())
    const to_j = joulesTo(curves, start_ns + (i + 1) * slice_ns)
    const row: Three = [seconds, work.prompt[i] as number, work.output[i] as number]
    addRow(blocks.at(-1) as Normal, row, to_j - before_j)
    prompt += row[1]
    output += row[2]
    energy_j += to_j - before_j
    before_j = to_j
    if ((i + 1) % LONGER > 0) continue
    addRow(longer, [LONGER * seconds, prompt, output], energy_j)
    prompt = output = energy_j = 0
  }
  const all = emptyNormal()
  for (const b of blocks) addNormal(all, b)
  return { blocks, all, longer }
}
