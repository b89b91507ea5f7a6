import { firstAbove } from '../estimators/power-curve.ts'
import type { Answer } from '../requests/answer.ts'
import type { Span } from '../requests/run-span.ts'
import type { StepRow } from '../schema/stream.ts'

/**
 * What a request's decoding costs: of each step that it took part in its share among those decoded with it, and its
 * own context at the price of context. A chunk came of the last step that had ended when it arrived.
 * @param step_j joules of a step  @param context_j of one token of context
 * @returns joules before scaling, of the chunks within a span (left-open, right-closed), or of all
 */
export function stepWeights(
  steps: readonly StepRow[],
  step_j: number,
  context_j: number,
): (a: Answer, span: Span | null) => number {
  const ended = steps
    .flatMap(({ end_t_ns, kind, decode_tokens, batch_size }) =>
      end_t_ns == null || kind === 'prefill'
        ? []
        : [{ end_ns: end_t_ns, sharers: Math.max(1, decode_tokens ?? batch_size ?? 1) }],
    )
    .sort((a, b) => a.end_ns - b.end_ns)
  const ends = Float64Array.from(ended, (s) => s.end_ns)
  return (a, span) => {
    let joules = 0
    let context = (a.row.input_tokens ?? 0) + (a.tokens[0] ?? 0)
    for (let i = 1; i < a.t_ns.length; i++) {
      const t = a.t_ns[i] as number
      const inside = span === null || (t > span.start_ns && t <= span.end_ns)
      const sharers = ended[firstAbove(ends, t) - 1]?.sharers ?? 1
      if (inside) joules += step_j / sharers + context_j * context
      context += a.tokens[i] as number
    }
    return joules
  }
}
