import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLiveDevices } from '../../../agent/watch/live-devices.ts'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { inPowerOrder, ownScopes, sourceKind } from '../../../analysis/estimators/source-choice.ts'
import { sensorSchema } from '../../../analysis/schema/sensor.ts'
import { timeline } from '../../../analysis/timeline.ts'
import { GPU, power, readings, runOf, s } from '../../support/run-fixture.ts'

const CPU = 'cpu_package:0'
const sensor = (device_id: string, metric: string, source: string, scope: string) =>
  sensorSchema.parse({
    sensor_id: `${device_id}:${source}:${scope}`,
    device_id,
    metric,
    source,
    scope,
  })
const RING = sensor(GPU, 'gpu_power_mw', 'nvml_power_ring', 'gpu')
const INSTANT = sensor(GPU, 'gpu_power_mw', 'nvml_power_instant', 'gpu')
const AVERAGE = sensor(GPU, 'gpu_power_mw', 'nvml_power_average', 'gpu')
const COUNTER = sensor(GPU, 'gpu_energy_mj', 'nvml_energy', 'gpu')
const MODULE = sensor(GPU, 'gpu_power_mw', 'nvml_power_ring', 'module')
const RAPL = sensor(CPU, 'cpu_energy_uj', 'rapl', 'package')
const ESTIMATE = sensor(CPU, 'cpu_power_mw', 'cpu_estimate', 'package')

/** Best first: the chart and `watch` show the first of these that is read. */
const OF_GPU = [RING, INSTANT, AVERAGE, MODULE]
const OF_CPU = [RAPL, ESTIMATE]

/** Some of a list, at least one, in any order. */
const someOf = <T>(list: readonly T[]) => fc.shuffledSubarray([...list], { minLength: 1 })
const best = <T>(list: readonly T[], some: readonly T[]) => list.find((x) => some.includes(x)) as T

/** Readings of a second apart, of each sensor its own watts. */
const samplesOf = (sensors: readonly (typeof RING)[]) =>
  sensors.flatMap((row, i) =>
    row === RAPL
      ? readings(
          row.metric,
          CPU,
          Array.from({ length: 13 }, (_, t) => [t - 1, t * 10e6]),
        ).map((r) => ({ ...r, sensor_id: row.sensor_id }))
      : power({ ...row, from: -1, to: 11, every: 1, watts: () => 100 + i }),
  )

describe('the choice among the sources of a device', () => {
  it('is the same in the chart and in watch, whatever else is read and in whatever order', () => {
    fc.assert(
      fc.property(someOf(OF_GPU), someOf(OF_CPU), (gpu, cpu) => {
        const sensors = [...gpu, ...cpu]
        const devices = [
          { device_id: GPU, kind: 'gpu' },
          { device_id: CPU, kind: 'cpu_package' },
        ]
        const expected = [best(OF_CPU, cpu).sensor_id, best(OF_GPU, gpu).sensor_id].sort()
        const line = timeline(runOf({ devices, sensors, samples: samplesOf(sensors) }), 10)
        expect(line.power.map((p) => p.sensor_id).sort()).toEqual(expected)

        const live = createLiveDevices(devices, sensors)
        live.take(samplesOf(sensors))
        const sources = [best(OF_GPU, gpu).source, best(OF_CPU, cpu).source]
        expect(live.now().map((d) => d.source)).toEqual(sources)
      }),
      { numRuns: 60 },
    )
  })

  it('draws the next source where the best was not read for over 3 s, and nothing else of it', () => {
    const drawn = (ringTo: number, pollFrom: number) =>
      timeline(
        runOf({
          sensors: [RING, INSTANT],
          samples: [
            ...power({ ...RING, from: 0, to: ringTo, every: 0.5, watts: () => 400 }),
            ...power({ ...INSTANT, from: pollFrom, to: 20, every: 1, watts: () => 300 }),
          ],
        }),
        1000,
      ).power
    // The ring to 10 s, polls from 11 to 20 s
    const [failed] = drawn(10, 8)
    expect(failed).toMatchObject({
      ...{ sensor_id: RING.sensor_id, source: 'nvml_power_ring+nvml_power_instant' },
      t_s: [...Array.from({ length: 21 }, (_, i) => i / 2), 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    })
    expect(failed?.power_w.slice(20, 22)).toEqual([400, 300])
    // Three seconds at the end are no hole
    expect(drawn(17, 8)).toMatchObject([{ source: 'nvml_power_ring', readings: 35 }])
    expect(drawn(16.5, 8)[0]?.t_s.slice(-4)).toEqual([17, 18, 19, 20])
  })

  it('of joules takes a counter before polled power, which moments are drawn from', () => {
    const samples = [
      ...power({ ...AVERAGE, from: -1, to: 61, every: 1, watts: () => 100 }),
      ...readings('gpu_energy_mj', GPU, [
        [0, 0],
        [60, 6e6],
      ]).map((r) => ({ ...r, sensor_id: COUNTER.sensor_id })),
    ]
    const run = runOf({ sensors: [COUNTER, AVERAGE], samples })
    const window = { start_ns: 0, end_ns: s(60), rule: 'phase' }
    expect(deviceEnergy(run, GPU, window)).toMatchObject({ source: 'nvml_energy', energy_j: 6000 })
    expect(timeline(run, 10).power.map((p) => p.source)).toEqual(['nvml_power_average'])
    const live = createLiveDevices(run.devices, [COUNTER])
    expect(live.now()[0]).toMatchObject({ source: null, reason: 'not_recorded' })
  })

  it('takes a device’s own scope, and its cores only where nothing else is read', () => {
    expect(ownScopes('gpu', ['module', 'gpu', 'memory'])).toEqual(['gpu', 'module'])
    expect(ownScopes('soc', ['gpu', 'module'])).toEqual(['module', 'gpu'])
    expect(ownScopes('unknown', ['core', 'platform', 'node'])).toEqual(['platform'])
    const kinds = ['cpu_core_energy_uj', 'cpu_energy_uj'].map((m) => sourceKind(m, null))
    expect(
      inPowerOrder('cpu_package', kinds as never[]).map((k) => (k as { scope: string }).scope),
    ).toEqual(['package', 'core'])
  })

  it('holds no energy in a metric of another quantity', () => {
    expect(sourceKind('gpu_temperature_c', null)).toBe(undefined)
  })
})
