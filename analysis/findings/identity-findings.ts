import { CANON, type CanonMetric } from '../schema/canon.ts'
import type { Finding } from '../schema/finding.ts'
import { THRESHOLDS } from '../thresholds.ts'

type Metrics = Readonly<Record<string, { readonly value: number | null } | undefined>>

const ORDER = ['min', 'p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const

/**
 * Whether numbers that come without the rows they were made of fit one another: percentiles rise; energy per request
 * is energy per output token × tokens of a request; mean power is output throughput × energy per output token. What is
 * not given is not judged.
 * @param tokens_per_request mean output tokens of a completed request; null: not told
 * Source: docs/metrics.md, "Validity".
 */
export function identityBroken(metrics: Metrics, tokens_per_request: number | null): Finding[] {
  const of = (id: string) => metrics[id]?.value ?? null
  const perToken = of('energy_per_output_token_j')
  return [
    ...fallingPercentiles(metrics),
    ...unequal(
      'energy per request',
      of('energy_per_request_j'),
      'energy per output token × tokens',
      [perToken, tokens_per_request],
    ),
    ...unequal('mean power', of('power_mean_w'), 'output throughput × energy per output token', [
      of('output_throughput_tok_s'),
      perToken,
    ]),
  ]
}

function fallingPercentiles(metrics: Metrics): Finding[] {
  const faults = Object.entries(CANON as Record<string, CanonMetric>)
    .filter(([, row]) => row.kind === 'distribution')
    .flatMap(([id]) => {
      const known = ORDER.flatMap((s) => {
        const value = metrics[`${id}_${s}`]?.value ?? null
        return value === null ? [] : [{ key: `${id}_${s}`, value }]
      })
      return known.flatMap((row, i) => {
        const before = known[i - 1]
        return before !== undefined && row.value < before.value ? [{ before, row }] : []
      })
    })
  return faults.map(({ before, row }) =>
    broken(
      `${row.key} is ${row.value}, below ${before.key}, which is ${before.value}; percentiles never fall`,
      { [before.key]: before.value, [row.key]: row.value },
    ),
  )
}

function unequal(
  name: string,
  given: number | null,
  how: string,
  factors: readonly (number | null)[],
): Finding[] {
  if (given === null || factors.includes(null)) return []
  const product = factors.reduce<number>((p, f) => p * (f as number), 1)
  const largest = Math.max(Math.abs(given), Math.abs(product))
  if (Math.abs(given - product) <= THRESHOLDS.identity_share * largest) return []
  return [
    broken(`${name} is ${given.toPrecision(5)}, and ${how} gives ${product.toPrecision(5)}`, {
      given,
      product,
    }),
  ]
}

const broken = (what: string, evidence: Record<string, unknown>): Finding => ({
  code: 'identity_broken',
  severity: 'invalid',
  message: `The numbers contradict one another: ${what}. They were counted over unlike windows or by unlike rules.`,
  evidence,
})
