/** A number for people: four significant digits, no exponent in between. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value)
  const size = Math.abs(value)
  return size !== 0 && (size >= 1e9 || size < 1e-4)
    ? value.toExponential(3)
    : String(Number(value.toPrecision(4)))
}
