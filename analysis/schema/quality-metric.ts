import type { CanonMetric } from './canon.ts'

/** A metric of quality: nobody measures it with a run; it is attached to one, or comes from votes on its answers. */
export type QualityMetric = Omit<CanonMetric, 'section'> & { readonly section: 'quality' }

const quality = (unit: QualityMetric['unit'], title: string, formula: string): QualityMetric => ({
  unit,
  title,
  formula,
  kind: 'scalar',
  section: 'quality',
  better: 'high',
})

/** What of quality one may choose by, beside the metrics of runs and results. */
export const QUALITY_METRICS = {
  quality_score: quality(
    '1',
    'quality score',
    "score of a run's answers on one dataset, as it was attached; over the runs of an experiment their mean",
  ),
  quality_per_joule: quality(
    '1/J',
    'quality per joule',
    'quality_score / energy_compute_j of the run that was scored',
  ),
  quality_rating: quality(
    '1',
    'quality rating',
    'log odds of being chosen over the average entrant in blind votes (Bradley-Terry)',
  ),
} as const satisfies Record<string, QualityMetric>

export type QualityId = keyof typeof QUALITY_METRICS

/** The row of a metric of quality; undefined: it is none. */
export const qualityMetricOf = (id: string): QualityMetric | undefined =>
  Object.hasOwn(QUALITY_METRICS, id) ? QUALITY_METRICS[id as QualityId] : undefined

/** Whether a metric is a number on a dataset, so that those of unlike datasets are never compared. */
export const isOnDataset = (id: string): boolean =>
  id === 'quality_score' || id === 'quality_per_joule'
