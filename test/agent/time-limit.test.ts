import { expect, it } from 'vitest'
import { limitOf, timerMs } from '../../agent/time-limit.ts'

it('is whole milliseconds, and never more than a timer can wait', () => {
  expect([0.0004, 0.1, 1.0005, 600, 1e9].map(timerMs)).toEqual([
    1, 100, 1001, 600_000, 2_147_483_647,
  ])
  expect(limitOf(1e9).aborted).toBe(false)
})
