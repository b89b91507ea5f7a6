import type { KeyedValues } from './keyed-values.ts'
import { percentileOfSorted } from './percentile.ts'
import { seededRandom } from './random.ts'

const RESAMPLES = 400
const SEED = 20_260_101

/**
 * 95 % interval of quantiles by resampling whole blocks: values of one block may depend on each other (the gaps
 * of one engine step are one event), the blocks hardly do. Exact to 0.05 % of the value.
 * @param block each value's block, 0 to `blocks` - 1  @param fractions the quantiles, strictly within 0 to 1
 * @returns low and high of each fraction
 * Source: docs/metrics.md, "Latency", percentiles; Künsch, Annals of Statistics 17 (1989) 1217.
 */
export function blockBootstrap(
  keyed: KeyedValues,
  block: ArrayLike<number>,
  blocks: number,
  fractions: readonly number[],
): { low: number; high: number }[] {
  const places = keyed.upTo.length
  const upTo = countsUpTo(keyed, block, blocks)
  const random = seededRandom(SEED)
  const found = fractions.map(() => new Float64Array(RESAMPLES))
  for (let r = 0; r < RESAMPLES; r++) {
    const drawn = Array.from({ length: blocks }, () => Math.floor(random() * blocks))
    const count = (p: number) => {
      let n = 0
      for (const b of drawn) n += upTo[b * places + p] as number
      return n
    }
    const n = count(places - 1)
    fractions.forEach((fraction, f) => {
      const p = search(count, places, Math.floor(fraction * (n - 1)) + 1)
      ;(found[f] as Float64Array)[r] = keyed.top[p] as number
    })
  }
  return found.map((values) => {
    values.sort()
    return {
      low: percentileOfSorted(values, 0.025) as number,
      high: percentileOfSorted(values, 0.975) as number,
    }
  })
}

function search(count: (p: number) => number, places: number, wanted: number): number {
  let low = 0
  let high = places - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (count(middle) >= wanted) high = middle
    else low = middle + 1
  }
  return low
}

/** How many values of each block lie at or before each place: one row a block. */
function countsUpTo(keyed: KeyedValues, block: ArrayLike<number>, blocks: number): Int32Array {
  const places = keyed.upTo.length
  const out = new Int32Array(blocks * places)
  for (let i = 0; i < keyed.place.length; i++) {
    const at = (block[i] as number) * places + (keyed.place[i] as number)
    out[at] = (out[at] as number) + 1
  }
  for (let b = 0; b < blocks; b++)
    for (let p = b * places + 1; p < (b + 1) * places; p++)
      out[p] = (out[p] as number) + (out[p - 1] as number)
  return out
}
