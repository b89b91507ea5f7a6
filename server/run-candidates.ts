import { setImmediate } from 'node:timers/promises'
import type {
  Candidate,
  CandidateMetric,
  Candidates,
  Excluded,
} from '../analysis/choosing/candidate.ts'
import { aggregateRuns } from '../analysis/comparing/aggregate.ts'
import { commonFacts } from '../analysis/schema/fact.ts'
import { canonicalJson } from '../analysis/schema/key.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import type { RunListRow } from './store/run-list.ts'
import type { RunRow } from './store/tables.ts'
import type { Values } from './store/value-sets.ts'

/** Of what one candidate is made: of all runs of an experiment on alike hardware, or of one run. */
export type Per = 'experiment' | 'run'

interface Run {
  readonly row: RunRow
  readonly summary: Summary
}

/**
 * Runs as candidates: those of one experiment on alike hardware as their mean, or each alone. Open runs, and those whose
 * rows can't be read, are none.
 */
export async function runsAsCandidates(
  rows: readonly RunListRow[],
  cautions: 'include' | 'exclude',
  per: Per,
  sets: ReadonlyMap<number, Values>,
): Promise<Candidates> {
  const excluded: Excluded[] = []
  const groups = new Map<string, Run[]>()
  for (const [i, row] of rows.entries()) {
    // Whoever sends readings meanwhile is let in.
    if (i % 100 === 99) await setImmediate()
    if (row.state === 'open' || row.summary_json === null) continue
    // Times above 2^53 are rounded here, and not looked at; reading them exactly takes several times as long.
    const summary = JSON.parse(row.summary_json) as Summary
    const out = exclusion(row.run_id, summary, cautions)
    if (out !== null) {
      excluded.push(out)
      continue
    }
    const key = per === 'run' ? row.run_id : `${row.experiment_key} ${hardwareOf(summary)}`
    groups.set(key, [...(groups.get(key) ?? []), { row, summary }])
  }
  const candidates = [...groups.values()].flatMap((runs): Candidate[] => {
    const summaries = runs.map((r) => r.summary)
    const [first] = runs
    if (first && (runs.length === 1 || aggregateRuns(summaries).valid))
      return [
        runCandidate(
          first.row,
          summaries,
          sharedValues(runs.map((r) => sets.get(r.row.value_set_id ?? -1) ?? NO_VALUES)),
        ),
      ]
    // Runs that are no replicates of one another, such as of other weights under one name.
    for (const { row } of runs)
      excluded.push({ ...NOTHING, id: row.run_id, reason: 'invalid', codes: ['mixed_definition'] })
    return []
  })
  return { candidates: distinct(candidates), excluded }
}

const NO_VALUES: Values = new Map()

/** The values that all of some runs have. */
function sharedValues(all: readonly Values[]): Values {
  const [first = NO_VALUES, ...others] = [...new Set(all)]
  return others.length === 0
    ? first
    : new Map([...first].filter(([path, value]) => others.every((o) => o.get(path) === value)))
}

const NOTHING = { codes: [], metric: null, why: null } as const

function exclusion(id: string, summary: Summary, cautions: 'include' | 'exclude'): Excluded | null {
  if (!summary.valid)
    return { ...NOTHING, id, reason: 'invalid', codes: codesOf(summary, 'invalid') }
  const doubts = codesOf(summary, 'caution')
  return cautions === 'exclude' && doubts.length > 0
    ? { ...NOTHING, id, reason: 'caution', codes: doubts }
    : null
}

/** Codes of a run's findings, each once. */
export const codesOf = (summary: Summary, severity: 'invalid' | 'caution'): string[] => [
  ...new Set(summary.findings.filter((f) => f.severity === severity).map((f) => f.code)),
]

/** The same configuration on other hardware is no replicate: a key tells what was asked, not what it ran on. */
const hardwareOf = ({ devices }: Summary): string =>
  canonicalJson(
    devices
      .filter((d) => d.used)
      .map((d) => `${d.kind} ${d.model ?? ''}`)
      .sort(),
  )

/** An experiment that ran on several kinds of hardware is several candidates: each then goes by a run. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  const times = new Map<string, number>()
  for (const { id } of candidates) times.set(id, (times.get(id) ?? 0) + 1)
  return candidates.map((c) =>
    (times.get(c.id) ?? 0) > 1 ? { ...c, id: c.member_ids[0] ?? c.id } : c,
  )
}

/** One run, or several that replicate one another, as a candidate: one speaks with its own ranges. */
export function runCandidate(
  row: RunRow,
  summaries: readonly Summary[],
  values: Values,
): Candidate {
  const [only] = summaries
  const metrics = summaries.length === 1 && only ? only.metrics : meansOf(summaries)
  const used = summaries.flatMap((s) => s.devices.filter((d) => d.used).map((d) => d.device_id))
  return {
    id: summaries.length === 1 ? row.run_id : row.experiment_key,
    kind: summaries.length === 1 ? 'run' : 'experiment',
    ...commonFacts(row),
    source: row.source,
    experiment_key: row.experiment_key,
    member_ids: summaries.map((s) => s.run_id).sort(),
    values,
    work: workOf(row.task, only?.definition?.dataset ?? null),
    devices: [...new Set(used)].sort(),
    cautions: [...new Set(summaries.flatMap((s) => codesOf(s, 'caution')))],
    metrics,
  }
}

function meansOf(summaries: readonly Summary[]): Record<string, CandidateMetric> {
  const { metrics } = aggregateRuns(summaries)
  return Object.fromEntries(
    Object.entries(metrics).map(([id, m]) => {
      const scopes = new Set(summaries.flatMap((s) => s.metrics[id]?.scope ?? []))
      return [id, { ...m, value: m.mean, scope: [...scopes].sort().join(', ') || null }]
    }),
  )
}

/** A task says what was done; without one the data do. */
const workOf = (task: string | null, dataset: string | null): string =>
  task !== null
    ? `task ${task}`
    : dataset !== null
      ? `data ${dataset}`
      : 'neither task nor data told'
