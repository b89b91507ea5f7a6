import type { Load } from '../../analysis/schema/experiment.ts'
import type { Arrivals } from './load.ts'
import { createRandom } from './random.ts'

/**
 * When open-loop requests are due, seconds after the start of the phase: constant i / rate, the first at 0;
 * Poisson gaps -ln(1 - u) / rate from the seeded stream of this purpose, so the first comes after a gap.
 * @throws RangeError for the closed shape, which has no schedule
 */
export function* arrivals(load: Load, purpose: string): Arrivals {
  const { shape, rate } = load
  if (rate === null || shape === 'closed') throw new RangeError('a closed loop has no arrivals')
  if (shape === 'constant') {
    for (let i = 0; ; i++) yield i / rate
  }
  const random = createRandom(load.seed, 'arrivals', purpose)
  for (let t = 0; ; ) {
    t += -Math.log(1 - random.next()) / rate
    yield t
  }
}
