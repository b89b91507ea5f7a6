import { z } from 'zod'
import { CANDIDATE_FIELDS } from '../analysis/choosing/candidate.ts'
import { type BoardSide, compareBoards } from '../analysis/comparing/compare-boards.ts'
import type { BoardComparison } from '../analysis/schema/leaderboard.ts'
import { wholeBoard } from './leaderboard.ts'
import { type LeaderboardQuery, leaderboardQuerySchema } from './leaderboard-query.ts'
import type { Store } from './store/open.ts'
import type { Summaries } from './summaries.ts'

/** What a side may be chosen by. */
const SIDE_FIELDS = ['revision', ...CANDIDATE_FIELDS] as const

const side = z
  .string()
  .transform((text, ctx) => {
    const parts = text.split(',').map((part) => {
      const cut = part.indexOf(':')
      return { field: part.slice(0, cut), value: part.slice(cut + 1) }
    })
    if (
      parts.every((p) => SIDE_FIELDS.some((f) => f === p.field) && p.value !== '') &&
      new Set(parts.map((p) => p.field)).size === parts.length
    )
      return parts
    ctx.addIssue({
      code: 'custom',
      message: `must be FIELD:VALUE, or several with commas, each FIELD once, of ${SIDE_FIELDS.join(', ')}`,
      input: text,
    })
    return z.NEVER
  })
  .meta({
    description:
      'one side, e.g. gpu_model:H100 or source:mlenergy,revision:2026-02-16; the filters of /leaderboard hold for both',
  })

export interface BoardsQuery {
  readonly label_a: string
  readonly label_b: string
  readonly a: LeaderboardQuery
  readonly b: LeaderboardQuery
  /** What the sides are chosen by. */
  readonly fields: ReadonlySet<string>
}

/** Two sides, and the filters of every list for both. */
export const boardsQuerySchema = z
  .object({ a: side, b: side })
  .catchall(z.string())
  .transform((given, ctx): BoardsQuery => {
    const { a, b, ...filters } = given
    const read = (parts: typeof a): LeaderboardQuery => {
      const own = Object.fromEntries(parts.map((p) => [p.field, p.value]))
      const result = leaderboardQuerySchema.safeParse({ ...filters, ...own }, { reportInput: true })
      if (result.success) return result.data
      for (const issue of result.error.issues) ctx.addIssue(issue as never)
      return z.NEVER
    }
    const label = (parts: typeof a) => parts.map((p) => p.value).join(', ')
    return {
      label_a: label(a),
      label_b: label(b),
      a: read(a),
      b: read(b),
      fields: new Set([...a, ...b].map((p) => p.field)),
    }
  })

/** Two boards, dates, GPUs, ... of what is stored, configuration by configuration. */
export async function compareStoredBoards(
  store: Store,
  summaries: Summaries,
  asked: BoardsQuery,
): Promise<BoardComparison> {
  const read = async (label: string, query: LeaderboardQuery): Promise<BoardSide> => ({
    label,
    rows: await wholeBoard(store, summaries, query),
  })
  const a = await read(asked.label_a, asked.a)
  const b = await read(asked.label_b, asked.b)
  return compareBoards(a, b, asked.fields)
}
