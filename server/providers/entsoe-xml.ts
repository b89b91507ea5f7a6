import { instantOrNaN } from '../../analysis/schema/instant.ts'
import { MS_PER_MINUTE } from './ask.ts'

/** Generation of one kind of plant over time, MW. */
export interface GenerationSeries {
  readonly psr_type: string
  readonly points: readonly { from_ms: number; to_ms: number; mw: number }[]
}

/**
 * The series of a generation document (A75) of the ENTSO-E platform. A reader of these few elements alone, with any or
 * no prefix, not one of XML: no CDATA, entities or attributes are looked at, as the documents have none there.
 * @returns null where the text is no such document
 */
export function generationSeries(text: string): GenerationSeries[] | null {
  const document = inner(text, 'GL_MarketDocument')
  if (document === null) return null
  const series: GenerationSeries[] = []
  for (const one of all(document, 'TimeSeries')) {
    const psr_type = inner(one, 'psrType')
    if (psr_type === null) return null
    // What goes out of a zone is taken by pumps, and no generation.
    if (inner(one, 'outBiddingZone_Domain.mRID') !== null) continue
    for (const period of all(one, 'Period')) {
      const points = pointsOf(period)
      if (points === null) return null
      series.push({ psr_type, points })
    }
  }
  return series
}

/** What the platform says instead of a document: its code and words, such as 999, no matching data found. */
export function acknowledgement(text: string): { code: string; words: string } | null {
  const document = inner(text, 'Acknowledgement_MarketDocument')
  const reason = document === null ? null : inner(document, 'Reason')
  return reason === null
    ? null
    : { code: inner(reason, 'code') ?? '', words: inner(reason, 'text') ?? '' }
}

function pointsOf(period: string): GenerationSeries['points'] | null {
  const start = instantOrNaN(inner(period, 'start') ?? '')
  const end = instantOrNaN(inner(period, 'end') ?? '')
  const minutes = /^PT(\d+)M$/.exec(inner(period, 'resolution') ?? '')?.[1]
  const step = Number(minutes) * MS_PER_MINUTE
  if (!(end > start) || !(step > 0)) return null
  const told = new Map<number, number>()
  for (const point of all(period, 'Point')) {
    const position = Number(inner(point, 'position') ?? Number.NaN)
    const quantity = Number(inner(point, 'quantity') ?? Number.NaN)
    if (!Number.isInteger(position) || position < 1 || !Number.isFinite(quantity)) return null
    told.set(position, quantity)
  }
  const points: { from_ms: number; to_ms: number; mw: number }[] = []
  let mw: number | null = null
  // A position that is left out has the quantity before it.
  for (let k = 1; start + k * step <= end; k++) {
    mw = told.get(k) ?? mw
    if (mw !== null) points.push({ from_ms: start + (k - 1) * step, to_ms: start + k * step, mw })
  }
  return points
}

const element = (name: string): string =>
  `<(?:[\\w-]+:)?${name.replace('.', '\\.')}(?:\\s[^>]*)?>([\\s\\S]*?)</(?:[\\w-]+:)?${name.replace('.', '\\.')}\\s*>`

const all = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(element(name), 'g'))].map((m) => m[1] ?? '')

const inner = (text: string, name: string): string | null =>
  new RegExp(element(name)).exec(text)?.[1]?.trim() ?? null
