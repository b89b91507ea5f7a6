import type { Comparison, StudyComparison } from '../../analysis/schema/comparison.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import { CommandError } from '../command-error.ts'
import { compareStored } from '../compare-stored.ts'
import { namedRun } from './named-run.ts'
import { numberText } from './number-text.ts'
import { columns } from './runs.ts'
import { validityLines } from './validity-lines.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** Two runs metric by metric; more: their experiments ranked. */
export async function compare(
  refs: readonly string[],
  options: { db: string; json: boolean },
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const rows = []
    for (const ref of refs) rows.push(await namedRun(store, ref))
    if (rows.length === 2 && rows[0]?.run_id === rows[1]?.run_id)
      throw new CommandError(
        2,
        `${refs.join(' and ')} are one run, ${rows[0]?.run_id}. Name two; llem-server runs lists them.`,
      )
    const comparison = await compareStored(summariesFor(store), rows)
    if (options.json) return printLine(toJson(comparison, 2))
    for (const line of 'ranking' in comparison ? ranked(comparison) : side(comparison))
      printLine(line)
    for (const line of validityLines(...(comparison.validity ?? []))) printLine(line)
    printLine('')
    printLine(comparison.sentence)
  })
}

const cell = (value: number | null): string => (value === null ? '-' : numberText(value))

const VERDICT_WORDS = { a: 'A', b: 'B', within_noise: 'within noise' } as const

function side({ a, b, metrics }: Comparison): string[] {
  return [
    ...columns([
      ['METRIC', 'UNIT', `A: ${a.label}`, `B: ${b.label}`, 'BETTER', 'BY'],
      ...Object.entries(metrics).map(([id, m]) => [
        id,
        m.unit,
        cell(m.a),
        cell(m.b),
        m.verdict === null ? '-' : VERDICT_WORDS[m.verdict],
        m.saving_pct === null ? '-' : `${numberText(m.saving_pct.value)} %`,
      ]),
    ]),
    ...undecided(metrics),
  ]
}

/** Why there is no better side, by reason, below the table: its columns hold one kind of thing each. */
function undecided(metrics: Comparison['metrics']): string[] {
  const by = new Map<string, string[]>()
  for (const [id, { verdict, reason }] of Object.entries(metrics))
    if (verdict === null && reason !== null)
      by.set(REASONS[reason], [...(by.get(REASONS[reason]) ?? []), id])
  return [...by].map(([words, ids]) => `No better side, as ${words}: ${ids.join(', ')}.`)
}

function ranked({ ranking, metric, unit }: StudyComparison): string[] {
  return columns([
    ['RANK', 'EXPERIMENT', metric, '95 % RANGE', 'RUNS', 'VALID'],
    ...ranking.map((r) => [
      r.rank === null ? '-' : String(r.rank),
      r.label,
      `${cell(r.value)} ${unit}`,
      r.low === null ? '' : `${cell(r.low)} to ${cell(r.high)}`,
      String(r.cycles),
      r.valid ? 'valid' : 'invalid',
    ]),
  ])
}
