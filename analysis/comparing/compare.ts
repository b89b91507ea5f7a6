import { canonOf } from '../schema/canon.ts'
import type { Comparison, Ranked, StudyComparison } from '../schema/comparison.ts'
import type { FindingCode } from '../schema/finding.ts'
import { distinctLabels, labelledSummary } from '../schema/label.ts'
import type { Summary } from '../schema/summary.ts'
import { type Aggregate, aggregateRuns } from './aggregate.ts'
import { compareMetric, type Estimate } from './compare-metric.ts'
import { comparisonSentence } from './compare-sentence.ts'
import { configurationDifferences } from './configuration-differences.ts'

type Configuration = Readonly<Record<string, unknown>>

export const HEADLINE = 'energy_per_output_token_j'
/** Of two measured programs that do the same work. */
const PROGRAM_HEADLINE = 'energy_compute_j'

/** What a comparison tells of: joules, rates, the latencies that a user feels, and what must fit. */
export const COMPARED = [
  HEADLINE,
  'energy_per_request_j',
  'power_mean_w',
  'output_throughput_tok_s',
  'request_throughput_req_s',
  'goodput_req_s',
  'ttft_ms_p50',
  'ttft_ms_p95',
  'tpot_ms_p50',
  'itl_ms_p50',
  'itl_ms_p95',
  'e2e_ms_p50',
  'e2e_ms_p95',
  'gpu_memory_peak_mib',
] as const

/**
 * Compares two runs on every metric of {@link COMPARED} that both have a row of.
 * @param configurations of a and b: names what sets them apart; without, the runs' names or ids stand
 * Source: docs/metrics.md, "Uncertainty" and "Choosing a configuration".
 */
export function compareRuns(
  a: Summary,
  b: Summary,
  configurations: readonly [Configuration, Configuration] | null = null,
): Comparison {
  return compareSides(sideOf([a], configurations?.[0]), sideOf([b], configurations?.[1]))
}

/**
 * Compares the experiments of a study, each over its cycles: ranked by energy per output token, invalid ones never,
 * those with cautions marked; the best against each other one.
 */
export function compareStudy(
  summaries: readonly Summary[],
  experiments: readonly { readonly experiment_key: string; readonly experiment: Configuration }[],
): StudyComparison {
  const sides = [...new Set(summaries.map((s) => s.experiment_key))].map((key) =>
    sideOf(
      summaries.filter((s) => s.experiment_key === key),
      experiments.find((e) => e.experiment_key === key)?.experiment,
    ),
  )
  const labels = labelsOf(sides)
  const rows = sides.map((side, i) => rankedOf(side, labels[i] as string))
  const order = sides
    .map((_, i) => i)
    .sort((i, j) => worth(rows[i] as Ranked) - worth(rows[j] as Ranked) || i - j)
  const ranking = order.map((i, place): Ranked => {
    const row = rows[i] as Ranked
    return { ...row, rank: Number.isFinite(worth(row)) ? place + 1 : null }
  })
  const [best, ...others] = order.filter((i) => Number.isFinite(worth(rows[i] as Ranked)))
  const comparisons =
    best === undefined
      ? []
      : others.map((i) =>
          compareSides(sides[best] as Side, sides[i] as Side, [
            labels[best] as string,
            labels[i] as string,
          ]),
        )
  return {
    metric: HEADLINE,
    unit: 'J/token',
    ranking,
    best: ranking[0]?.rank === 1 ? ranking[0].experiment_key : null,
    comparisons,
    sentence: studySentence(ranking, comparisons),
  }
}

interface Side {
  readonly summaries: readonly Summary[]
  readonly aggregate: Aggregate
  readonly configuration: Configuration | undefined
}

function sideOf(summaries: readonly Summary[], configuration: Configuration | undefined): Side {
  return { summaries, aggregate: aggregateRuns(summaries), configuration }
}

/** One run speaks with its own ranges, several with those over cycles. */
function estimate(side: Side, key: string): Estimate | null {
  const [first] = usedOf(side)
  if (side.aggregate.cycles === 1 && first) return first.metrics[key] ?? null
  const row = side.aggregate.metrics[key]
  return row === undefined ? null : { ...row, value: row.mean }
}

const usedOf = (side: Side): Summary[] =>
  side.summaries.filter((s) => side.aggregate.run_ids.includes(s.run_id))

function compareSides(a: Side, b: Side, labels = labelsOf([a, b])): Comparison {
  const same_devices = sameDevices(a, b)
  const metrics: Comparison['metrics'] = {}
  const programs = [a, b].every((side) => side.summaries.every((s) => s.kind === 'measure'))
  for (const key of programs ? [PROGRAM_HEADLINE, ...COMPARED] : COMPARED) {
    const [x, y] = [estimate(a, key), estimate(b, key)]
    const better = key === PROGRAM_HEADLINE ? 'low' : (canonOf(key)?.better ?? null)
    if (x && y) metrics[key] = compareMetric(x, y, better, same_devices)
  }
  const id = programs ? PROGRAM_HEADLINE : HEADLINE
  const [labelA, labelB] = labels as [string, string]
  const headline = metrics[id]
  return {
    a: describe(a, labelA),
    b: describe(b, labelB),
    same_devices,
    differences: differencesOf([a, b]).map(({ path, values }) => ({
      path,
      a: values[0] ?? null,
      b: values[1] ?? null,
    })),
    headline: id,
    metrics,
    verdict: headline?.verdict ?? null,
    sentence: headline
      ? comparisonSentence(id, headline, labelA, labelB) + doubts([a, b], labels)
      : `${labelA} and ${labelB} can't be compared: neither has ${canonOf(id)?.title}`,
  }
}

function describe(side: Side, label: string) {
  return {
    label,
    experiment_key: side.aggregate.experiment_key,
    run_ids: [...side.aggregate.run_ids],
    valid: side.aggregate.valid,
    cautions: codes(side, 'caution'),
  }
}

function rankedOf(side: Side, label: string): Ranked {
  const row = estimate(side, HEADLINE)
  return {
    ...describe(side, label),
    rank: null,
    cycles: side.aggregate.cycles,
    value: row?.value ?? null,
    low: row?.low ?? null,
    high: row?.high ?? null,
    reason: row === null ? 'not_recorded' : row.reason,
  }
}

/** Its place in the ranking: the value, or last where it has none or is invalid. */
const worth = (row: Ranked): number =>
  row.valid && row.value !== null ? row.value : Number.POSITIVE_INFINITY

const codes = (side: Side, severity: 'caution' | 'invalid'): FindingCode[] => [
  ...new Set(side.aggregate.findings.filter((f) => f.severity === severity).map((f) => f.code)),
]

function doubts(sides: readonly Side[], labels: readonly string[]): string {
  const invalid = sides.flatMap((side, i) =>
    side.aggregate.valid ? [] : [`${labels[i]} is not valid: ${codes(side, 'invalid').join(', ')}`],
  )
  const all = [...invalid, ...unrepeated(sides, labels)]
  return all.length === 0 ? '' : ` (${all.join('; ')})`
}

function differencesOf(sides: readonly Side[]) {
  const configurations = sides.map((s) => s.configuration)
  return configurations.every((c) => c !== undefined)
    ? configurationDifferences(configurations)
    : []
}

/** What to call each side beside the others, never the same twice. */
const labelsOf = (sides: readonly Side[]): string[] =>
  distinctLabels(
    sides.map(({ summaries, configuration }) =>
      labelledSummary(summaries[0] as Summary, configuration),
    ),
  )

/** Whose range holds no run-to-run variation. */
function unrepeated(sides: readonly Side[], labels: readonly string[]): string[] {
  const single = sides.flatMap((side, i) => (side.aggregate.cycles < 2 ? [labels[i]] : []))
  if (single.length === 0) return []
  return single.length === sides.length
    ? ['one run of each: the range excludes run-to-run variation']
    : [`one run of ${single.join(', ')}: its range excludes run-to-run variation`]
}

/** Whether both sides used the very same devices, so that a common gain cancels. */
function sameDevices(a: Side, b: Side): boolean {
  const used = (side: Side) =>
    [
      ...new Set(
        usedOf(side).flatMap((s) => s.devices.filter((d) => d.used).map((d) => d.device_id)),
      ),
    ]
      .sort()
      .join(' ')
  return used(a) !== '' && used(a) === used(b)
}

function studySentence(ranking: readonly Ranked[], comparisons: readonly Comparison[]): string {
  const [best] = ranking
  if (!best || best.rank === null)
    return `none of ${ranking.length} configurations has a valid energy per output token`
  const last = comparisons.at(-1)
  if (!last) {
    const rest = ranking.length > 1 ? `, the only valid one of ${ranking.length}` : ''
    return `${best.label} uses ${best.value?.toPrecision(3)} J per output token${rest}`
  }
  if (comparisons.length === 1) return last.sentence
  const near = comparisons.filter((c) => c.verdict !== 'a').map((c) => c.b.label)
  const tie = near.length > 0 ? `; within noise of it: ${near.join('; ')}` : ''
  return `of ${comparisons.length + 1} configurations, ${last.sentence}${tie}`
}
