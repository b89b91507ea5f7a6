import { describe, expect, it } from 'vitest'
import { watchAnchors } from '../../agent/anchor-watch.ts'
import { createClock } from '../../agent/clock.ts'
import { handClocks } from '../support/hand-time.ts'

/** Takes an anchor, lets things happen to the clocks, takes another: what is told. */
function told(happens: (hand: ReturnType<typeof handClocks>) => void) {
  const hand = handClocks()
  const events: { code: string; detail: Record<string, number> }[] = []
  const anchors: { t_ns: number; wall_unix_ns: string }[] = []
  const watch = watchAnchors({
    clock: createClock(hand.time),
    onAnchor: (anchor) => anchors.push(anchor),
    onEvent: (code, detail) => events.push({ code, detail: detail as Record<string, number> }),
  })
  watch.take()
  happens(hand)
  watch.take()
  return { events, anchors }
}

describe('watching the clocks', () => {
  it('says nothing while all go on together', () => {
    expect(told((hand) => hand.pass(10_000)).events).toEqual([])
  })

  it('tells a suspended host, whose monotonic clock stood, with the length of its sleep', () => {
    const { events, anchors } = told((hand) => {
      hand.pass(4_000)
      hand.suspend(90_000)
      hand.pass(6_000)
    })
    expect(events.map((e) => e.code)).toEqual(['suspended'])
    const detail = events[0]?.detail
    expect(detail?.['seconds']).toBeCloseTo(90, 3)
    expect(detail?.['after_t_ns']).toBe(anchors[0]?.t_ns)
    expect(detail?.['before_t_ns']).toBe(anchors[1]?.t_ns)
    // 10 s awake, 100 s by the wall.
    expect(((anchors[1]?.t_ns ?? 0) - (anchors[0]?.t_ns ?? 0)) / 1e9).toBeCloseTo(10, 2)
  })

  it.each([3_600_000, -90_000, 60])('takes a wall clock set by %i ms for no sleep', (ms) => {
    const { events } = told((hand) => {
      hand.pass(10_000)
      hand.step(ms)
    })
    expect(events.map((e) => e.code)).toEqual(['clock_step'])
    expect(events[0]?.detail['step_s']).toBeCloseTo(ms / 1000, 3)
  })

  it('tells both where the clock was set after a sleep', () => {
    const { events } = told((hand) => {
      hand.suspend(90_000)
      hand.step(-7_000)
      hand.pass(1_000)
    })
    expect(events.map((e) => e.code)).toEqual(['suspended', 'clock_step'])
    // Uptime is told in hundredths.
    expect(events[0]?.detail['seconds']).toBeCloseTo(90, 1)
    expect(events[1]?.detail['step_s']).toBeCloseTo(-7, 1)
  })

  it('does not take the rounding of uptime for a sleep', () => {
    expect(told((hand) => hand.suspend(400)).events.map((e) => e.code)).toEqual(['clock_step'])
  })
})
