/**
 * Whether any host at all fits both patterns, with * for any text and ? for any one character; case plays no part. A
 * host's own name is a pattern too, that fits it alone.
 */
export function patternsMeet(a: string, b: string): boolean {
  const other = b.toLowerCase()
  // reach[j]: what of `a` was read so far and the first j of `b` can stand for the same text.
  let reach = Array.from({ length: other.length + 1 }, (_, j) => /^\**$/.test(other.slice(0, j)))
  for (const x of a.toLowerCase()) {
    const next = [x === '*' && reach[0] === true]
    for (let j = 1; j <= other.length; j++) {
      const y = other[j - 1]
      next[j] =
        x === '*' || y === '*'
          ? reach[j] === true || next[j - 1] === true
          : (x === y || x === '?' || y === '?') && reach[j - 1] === true
    }
    reach = next
  }
  return reach[other.length] === true
}
