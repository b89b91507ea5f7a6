import type { RunData } from '../analysis/readings/run-data.ts'
import { type Answer, answersOf } from '../analysis/requests/answer.ts'
import { requestLatencies } from '../analysis/requests/latency-values.ts'
import { STREAMS } from '../analysis/schema/stream.ts'
import { absoluteTime } from '../analysis/schema/time.ts'
import { isClosedLoop } from '../analysis/window.ts'
import { loadRun } from './load-run.ts'
import type { Store } from './store/open.ts'
import type { RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/**
 * One request as it was recorded, with what is counted from it. A latency that is null has its reason in `reasons`,
 * `energy_j` in `energy_reason`.
 */
export type RequestView = Readonly<Record<string, unknown>> & { readonly request_id: string }

/** Requests of a run from the `offset`th on, each once, with their latencies and joules. */
export async function requestPage(
  { store, summaries }: { readonly store: Store; readonly summaries: Summaries },
  row: RunRow,
  offset: number,
  limit: number,
): Promise<{ requests: RequestView[]; next_cursor: string | null }> {
  const run = await loadRun(store, row, 'request')
  const latencies = Object.entries(requestLatencies(!isClosedLoop(run)))
  const answers = answersOf(run)
  const energyOf = await summaries.requestEnergies(row)
  const page = answers.slice(offset, offset + limit)
  return {
    requests: page.map((a) => ({
      ...requestView(run, a, latencies),
      ...energyOf(a.row.request_id),
    })),
    next_cursor: offset + limit < answers.length ? String(offset + limit) : null,
  }
}

function requestView(
  run: RunData,
  answer: Answer,
  latencies: ReturnType<typeof Object.entries<(a: Answer) => number | string>>,
): RequestView {
  const recorded = Object.entries(STREAMS.request).map(([name, { type }]) => {
    const cell = (answer.row as unknown as Record<string, unknown>)[name] ?? null
    if (cell === null) return [name, null]
    if (type === 'time') return [name, absoluteTime(cell as number, run.origin_ns)]
    if (type === 'time_list')
      return [name, Array.from(cell as number[], (t) => absoluteTime(t, run.origin_ns))]
    return [name, typeof cell === 'object' ? Array.from(cell as number[]) : cell]
  })
  const values = latencies.map(([id, of]) => [id, of(answer)] as const)
  return {
    ...(Object.fromEntries(recorded) as { request_id: string }),
    measured: answer.measured,
    succeeded: answer.succeeded,
    output_tokens_counted: answer.output_tokens,
    output_tokens_counted_from: answer.token_source,
    ...Object.fromEntries(values.map(([id, v]) => [id, typeof v === 'number' ? v : null])),
    reasons: Object.fromEntries(values.filter(([, v]) => typeof v === 'string')),
  }
}
