/** Arithmetic mean, summed without loss over long lists (Neumaier). null where there is no value. */
export function mean(values: ArrayLike<number>): number | null {
  return values.length === 0 ? null : sum(values) / values.length
}

/** Sum with Neumaier's compensation: a million small numbers on a large one keep their digits. */
export function sum(values: ArrayLike<number>): number {
  let total = 0
  let lost = 0
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number
    const next = total + v
    lost += Math.abs(total) >= Math.abs(v) ? total - next + v : v - next + total
    total = next
  }
  return total + lost
}

/** Standard deviation of a sample (divisor count - 1). null under two values. */
export function sampleSd(values: ArrayLike<number>): number | null {
  return values.length < 2 ? null : Math.sqrt(squares(values) / (values.length - 1))
}

/** Standard deviation of a whole population (divisor count). null where there is no value. */
export function populationSd(values: ArrayLike<number>): number | null {
  return values.length === 0 ? null : Math.sqrt(squares(values) / values.length)
}

function squares(values: ArrayLike<number>): number {
  const centre = sum(values) / values.length
  let total = 0
  for (let i = 0; i < values.length; i++) total += ((values[i] as number) - centre) ** 2
  return total
}
