import type { Finding } from '../schema/finding.ts'
import { isObject, type JsonObject } from './fields.ts'
import { broken } from './mlenergy-identities.ts'

export interface Histogram {
  readonly bins: readonly number[]
  readonly counts: readonly number[]
}

/** null where it is no histogram in numbers. */
export function readHistogram(value: unknown): Histogram | null {
  const { bins, counts } = (value ?? {}) as { bins?: unknown; counts?: unknown }
  const numbers = (v: unknown): v is number[] => Array.isArray(v) && v.every(Number.isFinite)
  return numbers(bins) && numbers(counts) ? { bins, counts } : null
}

/** An output length histogram: edges are one more than counts and rise, counts are whole and not negative. */
export function histogramFindings(value: unknown): Finding[] {
  const read = readHistogram(value)
  if (read === null)
    return [broken('hist', 'bins and counts of the output lengths are no lists of numbers', {})]
  const { bins, counts } = read
  const findings: Finding[] = []
  const say = (message: string, evidence: Record<string, unknown>) =>
    void findings.push(broken('hist', message, evidence))
  if (bins.length !== counts.length + 1)
    say(`${bins.length} bin edges stand around ${counts.length} counts`, {
      bins: bins.length,
      counts: counts.length,
    })
  const falls = bins.findIndex((edge, i) => i > 0 && edge <= (bins[i - 1] as number))
  if (falls > 0) say(`bin edge ${falls} does not rise`, { edge: falls })
  const bad = counts.findIndex((c) => !Number.isInteger(c) || c < 0)
  if (bad >= 0) say(`count ${bad} is ${counts[bad]}`, { count: bad })
  return findings
}

/** Whether the histograms of a file's rows share its edges and add up to its counts. null: they do, or there are none. */
export function histogramSum(file: JsonObject): Finding | null {
  const whole = readHistogram(file['output_length_distribution'])
  const { configurations } = file
  const parts = (Array.isArray(configurations) ? configurations : []).flatMap((c) =>
    isObject(c) ? [readHistogram(c['output_length_distribution'])] : [],
  )
  if (whole === null || parts.length === 0) return null
  const sums = new Array<number>(whole.counts.length).fill(0)
  for (const part of parts) {
    if (part === null) return null
    if (part.bins.join() !== whole.bins.join())
      return broken('hist', "the rows' output length bins are not those of the file", {})
    for (const [i, count] of part.counts.entries()) sums[i] = (sums[i] ?? 0) + count
  }
  const off = sums.findIndex((n, i) => n !== whole.counts[i])
  if (off < 0) return null
  return broken(
    'hist',
    `the rows' output lengths add up to ${sums[off]} in bin ${off}, and the file counts ${whole.counts[off]}`,
    { bin: off, sum: sums[off], file: whole.counts[off] },
  )
}
