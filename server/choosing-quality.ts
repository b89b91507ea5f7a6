import type { Candidate } from '../analysis/choosing/candidate.ts'
import {
  ratedCandidate,
  type ScoredRun,
  scoredCandidate,
} from '../analysis/choosing/quality-candidate.ts'
import type { RatedBy } from '../analysis/schema/quality.ts'
import { isOnDataset } from '../analysis/schema/quality-metric.ts'
import type { MetricValue } from '../analysis/schema/summary.ts'
import { storedRatings } from './answers/ratings.ts'
import { QualityError } from './quality-error.ts'
import type { Store } from './store/open.ts'
import { allScores } from './store/scores.ts'
import { cachedSummary } from './store/summaries.ts'

/** What a question says of quality. */
interface QualityAsked {
  /** The metrics that it is about. */
  readonly asked: readonly { readonly metric: string }[]
  readonly quality: {
    /** Whose scores count; null: that on which all scores are. */
    readonly quality_dataset: string | null
    readonly rated_by: RatedBy
  }
}

/** Candidates made ready to be judged by their quality. */
export interface Judge {
  /** On what the scores are that candidates are judged by; null: none is asked for, or there is none. */
  readonly quality_dataset: string | null
  judge(candidate: Candidate): Candidate
}

/**
 * Scores and ratings of the candidates, where the question asks for them. Scores on unlike datasets are never compared.
 * @param candidates all that are to be judged; their runs have summaries
 * @throws QualityError where their scores are on several datasets and none is named, or nothing has one on the named
 */
export async function judgeFor(
  store: Store,
  { asked, quality: { quality_dataset, rated_by } }: QualityAsked,
  candidates: readonly Candidate[],
): Promise<Judge> {
  const judges: ((candidate: Candidate) => Candidate)[] = []
  const onDataset = asked.some(({ metric }) => isOnDataset(metric))
  const scores = onDataset ? await scoresFor(store, quality_dataset, candidates) : null
  if (scores !== null)
    judges.push((c) =>
      scoredCandidate(
        c,
        c.member_ids.flatMap((id) => scores.runs.get(id) ?? []),
      ),
    )
  if (asked.some(({ metric }) => metric === 'quality_rating')) {
    const ratings = await storedRatings(store, { by: rated_by, format: 'json' })
    judges.push((c) => ratedCandidate(c, ratings))
  }
  return {
    quality_dataset: scores?.dataset ?? null,
    judge: (candidate) => judges.reduce((c, judge) => judge(c), candidate),
  }
}

interface Scores {
  readonly dataset: string | null
  readonly runs: ReadonlyMap<string, ScoredRun>
}

async function scoresFor(
  store: Store,
  named: string | null,
  candidates: readonly Candidate[],
): Promise<Scores> {
  const all = await allScores(store.db)
  const members = new Set(candidates.flatMap((c) => c.member_ids))
  const own = all.filter((s) => members.has(s.run_id))
  const on = (scores: typeof all) => [...new Set(scores.map((s) => s.dataset))].sort()
  if (named !== null && !all.some((s) => s.dataset === named))
    throw new QualityError('unknown_dataset', unknownWords(named, on(all)))
  const [only, ...others] = on(own)
  if (named === null && others.length > 0)
    throw new QualityError(
      'mixed_definition',
      `The scores of these configurations are on ${on(own).join(', ')}, and scores on unlike datasets are never compared. Name one, such as quality_dataset=${only}.`,
    )
  const dataset = named ?? only ?? null
  const runs = new Map<string, ScoredRun>()
  for (const { run_id, value, low, high } of own.filter((s) => s.dataset === dataset))
    runs.set(run_id, { value, low, high, energy: await energyOf(store, run_id) })
  return { dataset, runs }
}

async function energyOf(store: Store, run_id: string): Promise<MetricValue | null> {
  return (await cachedSummary(store.db, run_id))?.metrics['energy_compute_j'] ?? null
}

const unknownWords = (named: string, known: readonly string[]): string =>
  known.length === 0
    ? `No run has a score on ${named}, or on anything. llem-server score attaches one (docs/quality.md).`
    : `No run has a score on ${named}; there are scores on ${known.join(', ')}.`
