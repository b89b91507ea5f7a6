/**
 * Hypervolume of points: the area (volume, ...) that they dominate up to a reference, in the product of the
 * objectives' units. What one configuration more, or a better one, adds to a frontier in one number.
 * @param points each a list of costs, lower is better; dominated ones change nothing
 * @param reference the worst cost that counts on each objective; points beyond it add nothing
 * Two objectives take O(n log n) time, k of them O(n^(k-1) log n).
 * Source: docs/metrics.md, "Choosing a configuration"; Zitzler and Thiele, IEEE Trans. Evol. Comput. 3 (1999) 257.
 */
export function hypervolume(
  points: readonly (readonly number[])[],
  reference: readonly number[],
): number {
  const inside = points.filter((p) => reference.every((r, k) => (p[k] as number) < r))
  return volume(inside, reference)
}

/** Slices along the last objective, each as thick as the way to the next point, each as wide as the points before it. */
function volume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  const last = reference.length - 1
  const end = reference[last] as number
  const sorted = [...points].sort((a, b) => (a[last] as number) - (b[last] as number))
  if (last === 0) return sorted[0] === undefined ? 0 : end - (sorted[0][0] as number)
  const rest = reference.slice(0, -1)
  let total = 0
  let leastFirst = Number.POSITIVE_INFINITY
  sorted.forEach((point, i) => {
    leastFirst = Math.min(leastFirst, point[0] as number)
    const thickness = ((sorted[i + 1]?.[last] ?? end) as number) - (point[last] as number)
    if (thickness === 0) return
    const width =
      last === 1 ? (rest[0] as number) - leastFirst : volume(sorted.slice(0, i + 1), rest)
    total += thickness * width
  })
  return total
}
