import { expect, test } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import { GPU, ring, runOf } from '../../support/run-fixture.ts'

/*
 * The same 2000 uneven readings were integrated in plain Python with exact fractions, by another way: each piece
 * between two break points looks its power up anew in the list.
 *
 *   def lcg(x):
 *     while True: x = (x * 1103515245 + 12345) % 2147483648; yield x
 *   g = lcg(7); t = 0
 *   for i in range(2000):
 *     t += 15_000_000 + next(g) % 10_000_000; rows.append((t, 60000 + next(g) % 640000))
 *   ring: the value of the first reading at or after the middle of a piece
 *   poll: straight lines between neighbours, also at the bounds
 */
const START = 5_123_456_789
const END = 31_987_654_321
const RING_J = 9904.196470303412
const POLL_J = 9911.220967451362

function* lcg(seed: bigint): Generator<number, never> {
  for (let x = seed; ; ) {
    x = (x * 1_103_515_245n + 12_345n) % 2_147_483_648n
    yield Number(x)
  }
}

function unevenReadings(): SampleRow[] {
  const random = lcg(7n)
  let t_ns = 0
  return Array.from({ length: 2000 }, () => {
    t_ns += 15_000_000 + (random.next().value % 10_000_000)
    const value = 60_000 + (random.next().value % 640_000)
    return { t_ns, device_id: GPU, metric: 'gpu_power_mw', value }
  })
}

const window = { start_ns: START, end_ns: END, rule: 'fixed' }

test('a ring agrees with an independent integration to ten digits', () => {
  const run = runOf({ sensors: [ring(GPU)], samples: unevenReadings() })
  const found = deviceEnergy(run, GPU, window)
  expect(found.method).toBe('ring')
  expect((found.energy_j ?? 0) / RING_J).toBeCloseTo(1, 10)
})

test('polls agree with an independent integration to ten digits', () => {
  const found = deviceEnergy(runOf({ samples: unevenReadings() }), GPU, window)
  expect(found.method).toBe('poll')
  expect((found.energy_j ?? 0) / POLL_J).toBeCloseTo(1, 10)
})
