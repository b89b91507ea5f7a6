import { describe, expect, test } from 'vitest'
import type { EventRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import {
  type Fixture,
  GPU,
  GPU2,
  power,
  request,
  ring,
  runOf,
  s,
} from '../../support/run-fixture.ts'

const event = (t: number, code: string, detail: object): EventRow => ({
  t_ns: s(t),
  code,
  detail: JSON.stringify({ device_id: GPU, ...detail }),
})
const changed = (t: number, setting: string, before: unknown, after: unknown, more: object = {}) =>
  event(t, 'setting_changed', { setting, before, after, since_t_ns: s(t - 5), ...more })
const settings = (moment: 'start' | 'end', t: number, of: object) =>
  event(t, 'device_settings', { moment, settings: of })

/** A window from 0 to 60 s of phase measure, at 400 W, after idle at 100 W. */
const IDLE: Fixture = {
  phases: { idle: [-40, -5], measure: [0, 60] },
  sensors: [ring(GPU)],
  samples: power({
    ...{ sensor_id: ring(GPU).sensor_id, from: -41, to: 62, every: 0.02 },
    watts: (t) => (t > 0 && t <= 60 ? 400 : 100),
  }),
  requests: [request('a', 0, 1, 60, 10)],
}
const summaryOf = (events: readonly EventRow[], more: Fixture = {}) =>
  summarise(runOf({ ...IDLE, ...more, events }))
const found = (code: string, events: readonly EventRow[], more: Fixture = {}) =>
  summaryOf(events, more).findings.find((f) => f.code === code)

describe('limit_changed', () => {
  test.each([
    ['power_limit_enforced_w', 700, 500],
    ['power_limit_requested_w', 700, 500],
    ['graphics_clock_app_mhz', 1980, 1410],
    ['workload_profiles_enforced', '', 'max_q'],
    ['power_smoothing', false, true],
    ['mig_mode', false, true],
    ['ecc_mode', true, false],
  ])('a change of %s within the window makes two configurations of one run', (name, a, b) => {
    const finding = found('limit_changed', [changed(30, name, a, b)])
    expect(finding?.severity).toBe('invalid')
    expect(finding?.message).toContain(`${name} (${a === '' ? 'none' : a} to ${b})`)
    expect(finding?.evidence).toMatchObject({
      device_id: GPU,
      changes: [{ setting: name, before: a, after: b, t_ns: s(30) }],
    })
  })

  test('one before the window, since idle was then another device', () => {
    expect(found('limit_changed', [changed(-10, 'power_limit_enforced_w', 700, 500)])).toBeDefined()
  })

  test('one that may have been before the end of the window is one within it', () => {
    // Read at 58 s for the last time with the old value, at 63 s with the new.
    const at = (t: number) => [changed(t, 'power_limit_enforced_w', 700, 500)]
    expect(found('limit_changed', at(63))).toBeDefined()
    expect(found('limit_changed', at(65))).toBeUndefined() // since 60 s, the end
  })

  test('one after the window is not: an agent that puts a limit back does so then', () => {
    expect(
      found('limit_changed', [changed(70, 'power_limit_enforced_w', 500, 700)]),
    ).toBeUndefined()
  })

  test('settings that differ between start and end, without an event of when', () => {
    const both = (start: object, end: object) => [
      settings('start', -41, start),
      settings('end', 62, end),
    ]
    const limit = (w: number | null) => ({ power_limit_enforced_w: w })
    expect(found('limit_changed', both(limit(700), limit(500)))?.message).toContain('700 to 500')
    expect(found('limit_changed', both(limit(700), limit(700)))).toBeUndefined()
    expect(found('limit_changed', both(limit(700), limit(null)))).toBeUndefined()
    // The event places the change after the window.
    const told = [...both(limit(500), limit(700)), changed(70, 'power_limit_enforced_w', 500, 700)]
    expect(found('limit_changed', told)).toBeUndefined()
  })

  test.each(['persistence_mode', 'compute_mode'])(
    'one of %s is a caution: idle power may hang on it, the speed does not',
    (name) => {
      const finding = found('limit_changed', [changed(30, name, true, false)])
      expect(finding?.severity).toBe('caution')
      expect(finding?.message).toContain(`${name} (true to false)`)
    },
  )

  test('no change of another kind, of another device, or of a text that can not be read', () => {
    expect(found('limit_changed', [changed(30, 'colour', 1, 2)])).toBeUndefined()
    const other = changed(30, 'power_limit_enforced_w', 7, 5, { device_id: GPU2 })
    expect(found('limit_changed', [other])).toBeUndefined()
    const odd: EventRow[] = ['', 'no JSON', '[]', '{"setting":1}'].map((detail) => ({
      ...{ t_ns: s(30), code: 'setting_changed', detail },
    }))
    expect(
      found('limit_changed', [...odd, { t_ns: s(30), code: 'setting_changed' }]),
    ).toBeUndefined()
  })
})

describe('power_smoothing', () => {
  const on = settings('start', -41, { power_smoothing: true, power_smoothing_floor_w: 350 })

  test('is told, with its floor', () => {
    const finding = found('power_smoothing', [on])
    expect(finding?.severity).toBe('info')
    expect(finding?.message).toContain('floor 350 W')
    expect(
      found('power_smoothing', [settings('start', -41, { power_smoothing: false })]),
    ).toBeUndefined()
    expect(found('power_smoothing', [])).toBeUndefined()
  })

  test('is known from the environment where no event says', () => {
    const environment = { nvml: { devices: { [GPU]: { settings: { power_smoothing: true } } } } }
    expect(found('power_smoothing', [], { environment })?.severity).toBe('info')
  })

  test('voids the burst form and the energy above idle', () => {
    const method = (events: readonly EventRow[]) =>
      summaryOf(events).devices[0]?.estimates[0]?.method
    expect(method([])).toBe('burst')
    expect(method([on])).toBe('ring')
    // (400 - 100) W × 60 s; not told apart from a floor.
    expect(summaryOf([]).metrics['energy_above_idle_j']?.value).toBeCloseTo(18_000, -1)
    expect(summaryOf([on]).metrics['energy_above_idle_j']).toMatchObject({
      value: null,
      reason: 'not_identifiable',
    })
    expect(summaryOf([on]).valid).toBe(true)
  })
})

test('used devices that were not certain are told as a scope that exceeds the work', () => {
  const used = (reason: string | null) => [
    event(0, 'used_devices', { device_ids: [GPU], by: 'visible', reason, notes: [] }),
  ]
  expect(found('scope_exceeds_workload', used('ambiguous_mapping'))?.severity).toBe('caution')
  expect(found('scope_exceeds_workload', used(null))).toBeUndefined()
})
