import { describe, expect, test } from 'vitest'
import { suspensions } from '../../../analysis/findings/suspension.ts'
import type { EventRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, power, runOf, s } from '../../support/run-fixture.ts'

const slept = (after: number, before: number, seconds = 90): EventRow => ({
  t_ns: s(before),
  code: 'suspended',
  detail: JSON.stringify({ seconds, after_t_ns: s(after), before_t_ns: s(before) }),
})
/** Anchors each 10 s; the wall clock runs ahead by the sleep after the first 20 s. */
const clock = [0, 10, 20, 30, 40, 50].map((t) => ({
  t_ns: s(t),
  wall_unix_ns: String(1_700_000_000_000_000_000n + BigInt(s(t > 20 ? t + 90 : t))),
}))
const run = (events: readonly EventRow[], more: Fixture = {}) =>
  runOf({
    phases: { measure: [10, 40] },
    samples: power({ from: 0, to: 60, every: 0.1, watts: () => 300 }),
    processes: [{ process_id: 'p1', clock }],
    events,
    ...more,
  })
const severity = (events: readonly EventRow[], code: string) =>
  summarise(run(events)).findings.find((f) => f.code === code)?.severity ?? null

describe('a host that slept', () => {
  test('within the window, or at its edge, invalidates the run', () => {
    expect(severity([slept(20, 30)], 'host_suspended')).toBe('invalid')
    expect(severity([slept(5, 15)], 'host_suspended')).toBe('invalid')
    expect(summarise(run([slept(20, 30)])).valid).toBe(false)
  })
  test('outside of the window is a caution', () => {
    expect(severity([slept(0, 10)], 'host_suspended')).toBe('caution')
    expect(severity([slept(40, 50)], 'host_suspended')).toBe('caution')
  })
  test('is no step of its wall clock', () => {
    expect(severity([slept(20, 30)], 'clock_step')).toBe(null)
    // Without the event the same anchors are a step.
    expect(severity([], 'clock_step')).toBe('info')
    // 90 s of sleep and 7 s more are one of 7 s.
    const found = summarise(run([slept(20, 30, 83)])).findings
    expect(found.find((f) => f.code === 'clock_step')?.evidence['step_s']).toBeCloseTo(7, 6)
  })
  test('is left out where what was told of it can’t be read', () => {
    const odd = ['', 'null', '{"seconds":"long"}', '[1]', '{'].map((detail) => ({
      t_ns: s(20),
      code: 'suspended',
      detail,
    }))
    expect(suspensions(run(odd))).toEqual([])
  })
})

test('temperatures that had not settled are told, with the limit', () => {
  const settle = (outcome: string): EventRow => ({
    t_ns: s(1),
    code: 'thermal_settle',
    detail: JSON.stringify({ outcome, limit_s: 300, end_c: { a: 61 } }),
  })
  const found = (outcome: string) =>
    summarise(run([settle(outcome)])).findings.find((f) => f.code === 'thermal_not_settled')
  expect(found('settled')).toBeUndefined()
  expect(found('no_temperature')).toBeUndefined()
  expect(found('not_settled')).toMatchObject({ severity: 'caution' })
  expect(found('not_settled')?.message).toContain('300 s')
})
