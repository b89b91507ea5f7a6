import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSampler } from '../../../agent/sampler.ts'
import { sensorSchema } from '../../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import type { ScriptLine } from '../../support/fake-nvml/fake-nvml.ts'
import { type NvmlBench, type NvmlHost, nvmlBench } from './nvml-host.ts'

let bench: NvmlBench
beforeAll(() => {
  bench = nvmlBench()
})
afterAll(() => bench.cleanUp())

const NOT_SUPPORTED = 3
const UNKNOWN = 999
const RING = 'nvml_power_ring'
const RING_CALL = 'nvmlDeviceGetSamples'
const standbyOf = (host: NvmlHost) => host.sensor(RING).standby
/** Lets a second pass and reads the ring, then what stands in for it where it is needed. */
async function second(host: NvmlHost): Promise<(string | number | null | undefined)[]> {
  host.hand.pass(1000)
  const ring = await host.read(RING)
  const standby = standbyOf(host)
  const polled = standby?.needed() ? await standby.sensor.read() : []
  const last = ring.at(-1)
  return [last?.value ?? last?.reason, ...polled.map((r) => r.value)]
}

describe('what stands in for a ring', () => {
  it('is the momentary power, described in run.json as read only then', async () => {
    const host = await bench.open()
    const row = standbyOf(host)?.sensor.row
    expect(row).toMatchObject({ source: 'nvml_power_instant', scope: 'gpu', standby: true })
    expect(sensorSchema.parse(row)).toEqual(row)
    expect(row?.sensor_id).not.toBe(host.sensor(RING).row.sensor_id)
  })

  it('is the mean of a second where there is no momentary power, and nothing where there is neither', async () => {
    const fails = (field: number): ScriptLine => [0, 0, `field:${field}`, NOT_SUPPORTED]
    const average = await bench.open([fails(186)])
    expect(standbyOf(average)?.sensor.row).toMatchObject({ source: 'nvml_power_average' })
    const none = await bench.open([
      ...[fails(185), fails(186)],
      [0, 0, 'nvmlDeviceGetPowerUsage', NOT_SUPPORTED],
    ])
    expect(standbyOf(none)).toBe(undefined)
  })

  it('costs no call while the ring reads, and reads from the first failure to the first reading', async () => {
    const host = await bench.open([
      [1500, 0, RING_CALL, UNKNOWN],
      [1500, 0, 'power_mw', 250_000],
      [3500, 0, RING_CALL, 0],
    ])
    const called = host.calls('nvmlDeviceGetFieldValues')
    expect(await second(host)).toEqual([300_000])
    expect(host.calls('nvmlDeviceGetFieldValues')).toBe(called)
    expect(await second(host)).toEqual(['not_recorded', 250_000])
    expect(await second(host)).toEqual(['not_recorded', 250_000])
    expect(await second(host)).toEqual([250_000])
    expect(standbyOf(host)?.needed()).toBe(false)
  })

  it.each([
    ['has no new sample', [1500, 0, RING_CALL, 6], 'gap'],
    ['shows what can’t be', [1020, 0, 'power_mw', 0], 'implausible'],
  ] as const)('is needed where the ring %s', async (_, line, reason) => {
    const host = await bench.open([line])
    expect((await second(host))[0]).toBe(300_000)
    await second(host)
    const [ring] = await second(host)
    expect(ring).toBe(reason)
    expect(standbyOf(host)?.needed()).toBe(true)
  })

  it('is silent of a device that is lost: the ring’s own rows say so', async () => {
    const host = await bench.open([[1500, 0, 'device_rc', 15]])
    await second(host)
    expect(await second(host)).toEqual(['lost'])
  })

  it('is read by the sampler at every interval, only while it is needed', async () => {
    const host = await bench.openRealTime([[0, 0, 'power_mw', 200_000]])
    let needed = false
    const rows: SampleRow[] = []
    const ring = host.sensor(RING)
    if (ring.standby === undefined) throw new Error('the fake driver has polled power')
    const standby = { ...ring.standby, needed: () => needed }
    const sampler = createSampler({
      clock: host.clock,
      sensors: [{ ...ring, standby }],
      interval_ms: 10,
      sink: (more) => rows.push(...more),
      onEvent: () => {},
      onAnchor: () => {},
    })
    const id = standbyOf(host)?.sensor.row.sensor_id
    const polled = () => rows.filter((r) => r.sensor_id === id).length
    await sampler.start()
    await new Promise((r) => setTimeout(r, 100))
    expect(polled()).toBe(0)
    needed = true
    while (polled() < 3) await new Promise((r) => setTimeout(r, 10))
    await sampler.stop()
  })
})
