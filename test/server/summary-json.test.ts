import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toJson } from '../../analysis/schema/json.ts'
import { parseSummary } from '../../server/store/summary-json.ts'

describe('a stored summary', () => {
  it('gives back each metric as the number that it was, and times to the nanosecond', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n }),
        (double, start_t_ns) => {
          const value = Object.is(double, -0) ? 0 : double
          const summary = {
            window: { start_t_ns },
            metrics: { energy_gpu_j: { value, low: Math.trunc(value) + 0, parts: [value] } },
          }
          expect(parseSummary(toJson(summary))).toEqual(summary)
        },
      ),
      // Joules that a damaged counter amounts to: JSON writes them as the digits of a whole number.
      { examples: [[2e16, 1_750_000_000_000_000_001n]] },
    )
  })
})
