/**
 * Indices that sort whole-numbered times ascending, equal times in their old order; null where they ascend already.
 * A radix sort by 16 bits: a million times take 50 ms, where a comparator takes a second.
 * @param t whole numbers, |t| below 2^52
 */
export function ascendingOrder(t: Float64Array): Uint32Array | null {
  const n = t.length
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  let sorted = true
  for (let i = 0; i < n; i++) {
    const x = t[i] as number
    if (x < low) low = x
    if (x > high) high = x
    if (i > 0 && x < (t[i - 1] as number)) sorted = false
  }
  if (sorted) return null
  let from = new Uint32Array(n)
  for (let i = 0; i < n; i++) from[i] = i
  let to = new Uint32Array(n)
  const at = new Uint32Array(65_537)
  for (let unit = 1; unit <= high - low; unit *= 65_536) {
    at.fill(0)
    for (let i = 0; i < n; i++) {
      const digit = Math.floor(((t[i] as number) - low) / unit) % 65_536
      at[digit + 1] = (at[digit + 1] as number) + 1
    }
    for (let d = 1; d <= 65_536; d++) at[d] = (at[d] as number) + (at[d - 1] as number)
    for (let k = 0; k < n; k++) {
      const i = from[k] as number
      const digit = Math.floor(((t[i] as number) - low) / unit) % 65_536
      const place = at[digit] as number
      to[place] = i
      at[digit] = place + 1
    }
    ;[from, to] = [to, from]
  }
  return from
}
