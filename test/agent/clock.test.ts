import { describe, expect, test } from 'vitest'
import { createClock } from '../../agent/clock.ts'
import { handClocks } from '../support/hand-time.ts'

describe('run clock', () => {
  test('begins at its creation and counts nanoseconds', () => {
    const hand = handClocks()
    const clock = createClock(hand.time)
    const before = clock.now()
    hand.pass(250)
    // 250 ms, and one reading of the clock of 100 ns
    expect(clock.now() - before).toBe(250_000_100)
  })

  test('finds the wall time to microseconds although it is read in milliseconds', () => {
    const hand = handClocks()
    const anchor = createClock(hand.time).anchor()
    expect(Math.abs(Number(BigInt(anchor.wall_unix_ns) - hand.wall()))).toBeLessThan(1000)
    expect(anchor.error_ns).toBe(1000)
  })

  test('keeps one offset while the wall clock is not set', () => {
    const hand = handClocks()
    const clock = createClock(hand.time)
    const first = clock.anchor()
    hand.pass(10_000)
    const second = clock.anchor()
    const offset = (a: typeof first) => BigInt(a.wall_unix_ns) - BigInt(a.t_ns)
    expect(offset(second)).toBe(offset(first))
  })

  test.each([3_600_000, -3_600_000, 60, -60])('follows a step of the wall clock by %i ms', (ms) => {
    const hand = handClocks()
    const clock = createClock(hand.time)
    const first = clock.anchor()
    hand.pass(1000)
    hand.step(ms)
    const second = clock.anchor()
    const shift =
      BigInt(second.wall_unix_ns) - BigInt(first.wall_unix_ns) - BigInt(second.t_ns - first.t_ns)
    expect(Math.abs(Number(shift) - ms * 1e6)).toBeLessThan(2000)
    expect(Math.abs(clock.fromWall(hand.wall()) - clock.now())).toBeLessThan(2000)
  })

  test('maps its own anchors onto themselves', () => {
    const clock = createClock()
    const anchor = clock.anchor()
    expect(clock.fromWall(BigInt(anchor.wall_unix_ns))).toBe(anchor.t_ns)
    expect(Math.abs(Number(BigInt(anchor.wall_unix_ns) / 1_000_000n) - Date.now())).toBeLessThan(50)
  })
})
