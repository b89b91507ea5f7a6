import { expect, test } from 'vitest'
import { clockError } from '../../../analysis/readings/clock-error.ts'
import type { RunProcess } from '../../../analysis/readings/run-data.ts'

const told = (...errors: (number | null)[]) =>
  ({
    clock: errors.map((error_ns) => ({ t_ns: 0, wall_unix_ns: 0n, error_ns })),
  }) as unknown as RunProcess

test('the clock of a run is as wrong as the worst that its processes tell', () => {
  expect(clockError({ processes: [told(200, null), told(900, 50), told()] })).toBe(900)
})
test('a run whose processes tell no error has none to add', () => {
  expect(clockError({ processes: [told(null)] })).toBe(0)
  expect(clockError({ processes: [] })).toBe(0)
})
