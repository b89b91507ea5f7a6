/** A text that ends at its first zero byte. */
export function text(buffer: Buffer, offset = 0, size = buffer.length): string {
  const whole = buffer.subarray(offset, offset + size)
  const end = whole.indexOf(0)
  return whole.toString('utf8', 0, end < 0 ? size : end)
}
