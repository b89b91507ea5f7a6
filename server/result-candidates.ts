import type {
  Candidate,
  CandidateMetric,
  Candidates,
  Excluded,
} from '../analysis/choosing/candidate.ts'
import { ALIKE_FACTS, commonFacts } from '../analysis/schema/fact.ts'
import { canonicalJson } from '../analysis/schema/key.ts'
import { ownValue } from '../analysis/schema/own.ts'
import type { Result, ResultMetric } from '../analysis/schema/result.ts'
import { meanInterval } from '../analysis/stats/cycles.ts'
import type { Per } from './run-candidates.ts'
import { valuesOfResult } from './store/value-sets.ts'

/**
 * Results of others as candidates. Rows that are equal in all that names what was measured are replicates: their mean
 * stands for them, with the range that they give; a single one knows no range.
 */
export function resultsAsCandidates(
  results: readonly Result[],
  cautions: 'include' | 'exclude',
  per: Per,
): Candidates {
  const excluded: Excluded[] = []
  const groups = new Map<string, Result[]>()
  for (const result of results) {
    const codes = (severity: 'invalid' | 'caution') =>
      result.findings.filter((f) => f.severity === severity).map((f) => f.code)
    const out = { id: result.result_id, metric: null, why: null }
    if (!result.valid) excluded.push({ ...out, reason: 'invalid', codes: codes('invalid') })
    else if (cautions === 'exclude' && codes('caution').length > 0)
      excluded.push({ ...out, reason: 'caution', codes: codes('caution') })
    else {
      const { source, name, provenance } = result
      // What was published again is another measurement, or a correction, never a replicate.
      const facts = [
        source,
        name,
        provenance.revision,
        ...ALIKE_FACTS.map((f) => result[f]),
        result.setup,
      ]
      const key = per === 'run' ? result.result_id : canonicalJson(facts)
      groups.set(key, [...(groups.get(key) ?? []), result])
    }
  }
  return { candidates: [...groups.values()].map(candidateOf), excluded }
}

function candidateOf(results: readonly Result[]): Candidate {
  const first = results[0] as Result
  const ids = results.map((r) => r.result_id).sort()
  const metrics = [...new Set(results.flatMap((r) => Object.keys(r.metrics)))]
  return {
    id: ids[0] as string,
    kind: 'result',
    ...commonFacts(first),
    source: first.source,
    experiment_key: null,
    member_ids: ids,
    values: valuesOfResult(first),
    work: first.task === null ? 'neither task nor data told' : `task ${first.task}`,
    devices: [],
    cautions: [
      ...new Set(
        results.flatMap((r) =>
          r.findings.filter((f) => f.severity === 'caution').map((f) => f.code),
        ),
      ),
    ],
    metrics: Object.fromEntries(
      metrics.map((id) => [
        id,
        meanOf(
          results.flatMap((r) => r.metrics[id] ?? []),
          first.source,
        ),
      ]),
    ),
  }
}

/** Whose energy the joules of a source are, where its rows do not say. ML.ENERGY: all GPUs, by NVML. */
const SCOPES: Readonly<Record<string, string>> = { mlenergy: 'gpu' }

/** One number speaks for itself; of several the mean, with the t interval that they give. */
function meanOf(rows: readonly ResultMetric[], source: string): CandidateMetric {
  const first = rows[0] as ResultMetric
  const ofEnergy = first.unit.startsWith('J')
  const scope = first.scope ?? (ofEnergy ? (ownValue(SCOPES, source) ?? null) : null)
  const known = rows.flatMap((m) => m.value ?? [])
  if (known.length < 2) {
    const one = rows.find((m) => m.value !== null) ?? first
    return { ...one, scope }
  }
  const { mean, low, high } = meanInterval(known) as NonNullable<ReturnType<typeof meanInterval>>
  const { unit } = first
  return { value: mean, unit, low, high, repeat_low: low, repeat_high: high, reason: null, scope }
}
