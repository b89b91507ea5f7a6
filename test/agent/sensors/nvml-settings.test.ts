import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SourceEvent, WatchMoment } from '../../../agent/sensors/sensor.ts'
import {
  deviceSettingsSchema,
  settingChangedSchema,
} from '../../../analysis/schema/device-events.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type NvmlBench, type NvmlHost, nvmlBench, uuid } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

const look = (host: NvmlHost, moment: WatchMoment): SourceEvent[] =>
  (host.source.watches ?? []).flatMap((w) => [...w.read(moment)])
const ofCode = (events: readonly SourceEvent[], code: string) =>
  events.filter((e) => e.code === code).map((e) => e.detail)

/** Settings at the start, and the changes that are told when all are looked at again. */
async function changesAfter(...script: ScriptLine[]) {
  const host = await bench.open(script)
  const start = ofCode(look(host, 'start'), 'device_settings')
  host.hand.pass(30_000)
  return { host, start, changes: ofCode(look(host, 'during'), 'setting_changed') }
}

describe('the settings of a GPU', () => {
  it('are told at start and end, and in run.json', async () => {
    const { host, start, changes } = await changesAfter(
      [0, 0, 'power_limit_mw', 400_000],
      [0, 0, 'requested_limit_mw', 450_000],
      [0, 0, 'app_clock_mhz', 1410],
      [0, 0, 'profiles_requested', 0b1000010],
      [0, 0, 'profiles_enforced', 0b1000000],
      [0, 0, 'value:251', 1],
      [0, 0, 'value:264', 2],
      [0, 0, 'value:255', 350],
      [0, 0, 'value:253', 0],
      [0, 0, 'mig_next', 1],
      [0, 0, 'compute_mode', 3],
    )
    const settings = {
      power_limit_default_w: 700,
      power_limit_requested_w: 450,
      power_limit_enforced_w: 400,
      graphics_clock_app_mhz: 1410,
      memory_clock_app_mhz: 2619,
      graphics_clock_boost_max_mhz: 1980,
      workload_profiles_requested: 'max_q,llm_inference',
      workload_profiles_enforced: 'llm_inference',
      power_smoothing: true,
      power_smoothing_profile: 2,
      power_smoothing_floor_w: 350,
      power_smoothing_immediate_ramp_down: false,
      persistence_mode: true,
      mig_mode: false,
      mig_mode_next: true,
      ecc_mode: true,
      ecc_mode_next: true,
      compute_mode: 'exclusive_process',
    }
    expect(start).toEqual([{ device_id: uuid(), moment: 'start', settings }])
    expect(changes).toEqual([])
    expect(ofCode(look(host, 'end'), 'device_settings')).toEqual([
      { device_id: uuid(), moment: 'end', settings },
    ])
    const environment = host.source.environment['nvml'] as {
      devices: Record<string, { settings: unknown }>
    }
    expect(environment.devices[uuid()]?.settings).toEqual(settings)
  })

  it('are told as analysis reads them', async () => {
    const host = await bench.open([[2000, 0, 'power_limit_mw', 400_000]])
    for (const detail of ofCode(look(host, 'start'), 'device_settings'))
      expect(deviceSettingsSchema.parse(JSON.parse(JSON.stringify(detail)))).toEqual(detail)
    host.hand.pass(5000)
    const changes = ofCode(look(host, 'during'), 'setting_changed')
    expect(changes).toHaveLength(2)
    for (const detail of changes) expect(settingChangedSchema.parse(detail)).toEqual(detail)
  })

  it('are null where a GPU has no such thing; the limit that is set is then the requested one', async () => {
    const { start } = await changesAfter(
      [0, 0, 'nvmlDeviceGetApplicationsClock', 3],
      [0, 0, 'nvmlDeviceGetEccMode', 3],
      [0, 0, 'nvmlDeviceGetMigMode', 13],
    )
    expect(start[0]?.['settings']).toMatchObject({
      power_limit_requested_w: 700,
      graphics_clock_app_mhz: null,
      workload_profiles_requested: null,
      power_smoothing: null,
      ecc_mode: null,
      mig_mode: null,
    })
  })

  it.each([
    ['power_limit_enforced_w', 'power_limit_mw', 700_000, 300_000, 700, 300],
    ['power_limit_requested_w', 'requested_limit_mw', 700_000, 300_000, 700, 300],
    ['graphics_clock_app_mhz', 'app_clock_mhz', 1980, 1410, 1980, 1410],
    ['graphics_clock_boost_max_mhz', 'boost_clock_mhz', 1980, 1500, 1980, 1500],
    ['power_smoothing', 'value:251', 0, 1, false, true],
    ['persistence_mode', 'persistence', 1, 0, true, false],
    ['compute_mode', 'compute_mode', 0, 2, 'default', 'prohibited'],
  ])('tell a change of %s, and since when it may be', async (setting, key, a, b, before, later) => {
    // While it has the value a the limit that is set is pinned, as it shows in two settings.
    const pinned: ScriptLine[] = key === 'power_limit_mw' ? [[0, 0, 'requested_limit_mw', 7e5]] : []
    const { changes } = await changesAfter(...pinned, [0, 0, key, a], [2000, 0, key, b])
    expect(changes).toMatchObject([{ device_id: uuid(), setting, before, after: later }])
    const { since_t_ns } = changes[0] as { since_t_ns: number }
    expect(since_t_ns).toBeGreaterThan(0)
    expect(since_t_ns).toBeLessThan(2e9)
  })

  it('are looked at every few seconds where that is cheap, and every half minute where it is not', async () => {
    const host = await bench.open([
      [1000, 0, 'power_limit_mw', 400_000],
      [1000, 0, 'app_clock_mhz', 1410],
    ])
    look(host, 'start')
    const settings = () =>
      ofCode(look(host, 'during'), 'setting_changed').map((detail) => detail['setting'])
    host.hand.pass(5000)
    expect(settings()).toEqual(['power_limit_requested_w', 'power_limit_enforced_w'])
    host.hand.pass(5000)
    expect(settings()).toEqual([])
    host.hand.pass(20_000)
    expect(settings()).toEqual(['graphics_clock_app_mhz'])
  })

  it('tell a change once', async () => {
    const { host, changes } = await changesAfter([2000, 0, 'app_clock_mhz', 1410])
    expect(changes).toHaveLength(1)
    expect(look(host, 'during')).toEqual([])
    expect(ofCode(look(host, 'end'), 'setting_changed')).toEqual([])
  })

  it('do not change by a call that fails, and a value that comes back is compared with the last', async () => {
    const { host, changes } = await changesAfter(
      [1000, 0, 'nvmlDeviceGetApplicationsClock', 999],
      [31_000, 0, 'nvmlDeviceGetApplicationsClock', 0],
      [31_000, 0, 'app_clock_mhz', 1410],
    )
    expect(changes).toEqual([])
    host.hand.pass(30_000)
    expect(ofCode(look(host, 'during'), 'setting_changed')).toMatchObject([
      { setting: 'graphics_clock_app_mhz', before: 1980, after: 1410 },
    ])
  })

  it('of a lost GPU are left alone', async () => {
    const { host, changes } = await changesAfter([1000, 0, 'device_rc', 15])
    expect(changes).toEqual([])
    expect(ofCode(look(host, 'end'), 'device_settings')).toEqual([])
  })
})
